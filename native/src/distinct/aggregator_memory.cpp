// How a scanner keeps to its memory: what rows take is counted, and when it is too much, all of them go to the disk.
#include <utility>
#include <vector>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "reduction/merge/merge_cursor.hpp"
#include "reduction/csv/scanner.hpp"

namespace reduction {

namespace {

// What was freed goes back to the system at once: others may need it, and a limit counts it.
void trim_heap() {
#if defined(__GLIBC__)
    (void)::malloc_trim(0);
#endif
}

}  // namespace

// Arrays of addresses and the work space for sorting hold max_held_bytes_, seven sixteenths of the memory. As much
// again is for the moment in which one of them is sorted, or grows by being copied; the rest is for the tables of what
// was seen recent.
void CsvScanner::make_room_if_due() {
    count_bytes(*environment_);
    if (held_bytes_ + spare_.bytes() <= max_held_bytes_) return;
    compact_all();
    if (held_bytes_ > max_held_bytes_ / 2) spill();  // or it would soon be due again
}

void CsvScanner::compact_all() {
    for (auto& [source, environment] : environments_) {
        environment->addresses.compact_uncommitted();
        count_bytes(*environment);
    }
    spare_.shrink_to(0);
    spare_.fit();
    trim_heap();
}

void CsvScanner::count_bytes(Environment& environment) {
    const std::size_t bytes = environment.addresses.bytes();
    held_bytes_ += bytes - environment.counted;
    environment.counted = bytes;
}

std::uint32_t CsvScanner::new_number(std::uint32_t owner) {
    owners_.push_back(owner);
    return static_cast<std::uint32_t>(owners_.size() - 1);
}

// All sets are compact.
void CsvScanner::spill() {
    std::vector<MemoryCursor<std::uint32_t, Ipv4Row>> ipv4;
    std::vector<MemoryCursor<Ipv6, Ipv6Row>> ipv6;
    for (auto& [source, environment] : environments_) {
        AddressSet& set = environment->addresses;
        const auto* const file_ipv4 = set.ipv4().begin() + set.file_ipv4();
        const auto* const file_ipv6 = set.ipv6().begin() + set.file_ipv6();
        ipv4.emplace_back(set.ipv4().begin(), file_ipv4, environment->number);
        ipv6.emplace_back(set.ipv6().begin(), file_ipv6, environment->number);
        if (file_ipv4 == set.ipv4().end() && file_ipv6 == set.ipv6().end()) continue;
        if (file_number_ == kNoOwner) {
            file_number_ = new_number(kNoOwner);
            owners_[file_number_] = file_number_;
        }
        ipv4.emplace_back(file_ipv4, set.ipv4().end(), file_number_);
        ipv6.emplace_back(file_ipv6, set.ipv6().end(), file_number_);
    }
    spill_runs_.add([&](SpillRun& run) {
        merge_cursors(std::move(ipv4), [&](const auto& rows) { run.append(rows); });
        merge_cursors(std::move(ipv6), [&](const auto& rows) { run.append(rows); });
    });
    for (auto& [source, environment] : environments_) {
        environment->addresses.release();
        count_bytes(*environment);
    }
    trim_heap();
    spill_runs_.merge_levels(owners_);
}

}  // namespace reduction
