#include "reduction/distinct/aggregator.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "reduction/merge/merge_cursor.hpp"

namespace reduction {

namespace {

constexpr std::size_t kMaxFilterBytes = 16 << 20;  // of all tables together

// An eighth of the memory is for tables of recent addresses. One of them may take half of that, in buckets of 16 bytes.
unsigned filter_bits_for(std::size_t memory, unsigned max_bits) {
    const auto bits = static_cast<unsigned>(std::bit_width(memory / 16 / 16));
    return std::min(max_bits, std::max(bits, 2U) - 1);
}

// Returns freed memory to the system at once: others may need it, and a container's limit counts it.
void trim_heap() {
#if defined(__GLIBC__)
    (void)::malloc_trim(0);
#endif
}

}  // namespace

// Arrays of addresses, with the work space for sorting, hold max_held_bytes_: seven sixteenths of the memory. As much
// again is for the moment in which an array is sorted, or grows by being copied. The rest is for recent addresses.
DistinctAggregator::DistinctAggregator(std::vector<std::string> row_suffixes, std::size_t compact_at_rows,
                                       const MemoryLimit& memory, unsigned filter_bits)
    : row_suffixes_(std::move(row_suffixes)),
      compact_at_rows_(compact_at_rows),
      groups_(row_suffixes_.size()),
      filter_bits_(filter_bits_for(memory.bytes, filter_bits)),
      max_filter_bytes_(std::min(kMaxFilterBytes, memory.bytes / 8)),
      max_held_bytes_(memory.bytes / 16 * 7),
      spill_runs_(memory.open_temp, memory.fan_in),
      owners_(groups_.size()) {
    std::iota(owners_.begin(), owners_.end(), std::uint32_t{0});
}

// ---- one file -------------------------------------------------------------------------------------------------

void DistinctAggregator::begin_file(std::size_t group) {
    std::unique_ptr<Group>& slot = groups_.at(group);
    if (slot == nullptr) slot = std::make_unique<Group>(compact_at_rows_, spare_, filter_bits_);
    current_ = slot.get();
    current_group_ = group;
    current_->addresses.begin_file();
    file_owner_ = kNoOwner;
}

void DistinctAggregator::add(const std::uint32_t* numbers, std::size_t count) {
    Ipv4Array& ipv4 = current_->addresses.ipv4();
    RecentFilter& recent = current_->recent;
    const std::size_t before = recent.bytes();
    ipv4.grow_by(recent.filter(numbers, count, ipv4.room_for(count)));
    filter_bytes_ += recent.bytes() - before;
    if (filter_bytes_ > max_filter_bytes_) release_other_filters();
}

void DistinctAggregator::commit_file() {
    current_->addresses.commit();
    if (file_owner_ != kNoOwner) owners_[file_owner_] = static_cast<std::uint32_t>(current_group_);
}

void DistinctAggregator::rollback_file() {
    if (file_owner_ != kNoOwner) owners_[file_owner_] = kNoOwner;
    current_->addresses.rollback();
    current_->recent.forget();
}

// With many groups, only those in use have tables: files of one group mostly follow one another.
void DistinctAggregator::release_other_filters() {
    for (const auto& group : groups_) {
        if (group == nullptr || group.get() == current_) continue;
        filter_bytes_ -= group->recent.bytes();
        group->recent.release();
    }
}

// ---- memory ---------------------------------------------------------------------------------------------------

void DistinctAggregator::compact_if_due() {
    current_->addresses.compact_file_if_due();
    count_bytes(*current_);
    if (held_bytes_ + spare_.bytes() <= max_held_bytes_) return;
    compact_all();
    if (held_bytes_ > max_held_bytes_ / 2) spill();  // otherwise it would soon be due again
}

void DistinctAggregator::count_bytes(Group& group) {
    const std::size_t bytes = group.addresses.bytes();
    held_bytes_ += bytes - group.counted_bytes;
    group.counted_bytes = bytes;
}

void DistinctAggregator::compact_all() {
    for (const auto& group : groups_) {
        if (group == nullptr) continue;
        group->addresses.compact_uncommitted();
        count_bytes(*group);
    }
    spare_.shrink_to(0);
    spare_.fit();
    trim_heap();
}

// The owner of the current file's rows on disk, a new one if it has none yet.
std::uint32_t DistinctAggregator::current_owner() {
    if (file_owner_ == kNoOwner) {
        file_owner_ = static_cast<std::uint32_t>(owners_.size());
        owners_.push_back(file_owner_);
    }
    return file_owner_;
}

// Writes all addresses to one run on disk; all sets are compact.
void DistinctAggregator::spill() {
    std::vector<MemoryCursor<std::uint32_t, Ipv4Row>> ipv4;
    std::vector<MemoryCursor<Ipv6, Ipv6Row>> ipv6;
    for (std::size_t number = 0; number < groups_.size(); ++number) {
        if (groups_[number] == nullptr) continue;
        AddressSet& set = groups_[number]->addresses;
        const auto* const file_ipv4 = set.ipv4().begin() + set.file_ipv4();
        const auto* const file_ipv6 = set.ipv6().begin() + set.file_ipv6();
        ipv4.emplace_back(set.ipv4().begin(), file_ipv4, number);
        ipv6.emplace_back(set.ipv6().begin(), file_ipv6, number);
        if (file_ipv4 == set.ipv4().end() && file_ipv6 == set.ipv6().end()) continue;
        ipv4.emplace_back(file_ipv4, set.ipv4().end(), current_owner());
        ipv6.emplace_back(file_ipv6, set.ipv6().end(), current_owner());
    }
    spill_runs_.add([&](SpillRun& run) {
        merge_cursors(std::move(ipv4), [&](const auto& rows) { run.append(rows); });
        merge_cursors(std::move(ipv6), [&](const auto& rows) { run.append(rows); });
    });
    for (const auto& group : groups_) {
        if (group == nullptr) continue;
        group->addresses.release();
        count_bytes(*group);
    }
    trim_heap();
    spill_runs_.merge_levels(owners_);
}

}  // namespace reduction
