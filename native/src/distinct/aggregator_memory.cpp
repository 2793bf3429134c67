// How a share keeps to its memory: what rows take is counted, and when it is too much, all of them go to the disk.
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

// Arrays of addresses and the work space for sorting hold most_held_bytes_, seven sixteenths of the memory. As much
// again is for the moment in which one of them is sorted, or grows by being copied; the rest is for the tables of what
// was seen lately.
void Share::make_room_if_due() {
    count_bytes(*environment_);
    if (held_bytes_ + spare_.bytes() <= most_held_bytes_) return;
    compact_all();
    if (held_bytes_ > most_held_bytes_ / 2) spill();  // or it would soon be due again
}

void Share::compact_all() {
    for (auto& [source, environment] : environments_) {
        environment->addresses.compact_apart();
        count_bytes(*environment);
    }
    spare_.shrink_to(0);
    spare_.fit();
    trim_heap();
}

void Share::count_bytes(Environment& environment) {
    const std::size_t bytes = environment.addresses.bytes();
    held_bytes_ += bytes - environment.counted;
    environment.counted = bytes;
}

std::uint32_t Share::new_number(std::uint32_t owner) {
    owners_.push_back(owner);
    return static_cast<std::uint32_t>(owners_.size() - 1);
}

// All sets are compact.
void Share::spill() {
    std::vector<Held<std::uint32_t, FourRow>> fours;
    std::vector<Held<Six, SixRow>> sixes;
    for (auto& [source, environment] : environments_) {
        AddressSet& set = environment->addresses;
        const auto* const file_fours = set.fours().begin() + set.file_fours();
        const auto* const file_sixes = set.sixes().begin() + set.file_sixes();
        fours.emplace_back(set.fours().begin(), file_fours, environment->number);
        sixes.emplace_back(set.sixes().begin(), file_sixes, environment->number);
        if (file_fours == set.fours().end() && file_sixes == set.sixes().end()) continue;
        if (file_number_ == kNoOwner) {
            file_number_ = new_number(kNoOwner);
            owners_[file_number_] = file_number_;
        }
        fours.emplace_back(file_fours, set.fours().end(), file_number_);
        sixes.emplace_back(file_sixes, set.sixes().end(), file_number_);
    }
    disk_runs_.add([&](DiskRun& run) {
        for_each_block(std::move(fours), [&](const auto& rows) { run.append(rows); });
        for_each_block(std::move(sixes), [&](const auto& rows) { run.append(rows); });
    });
    for (auto& [source, environment] : environments_) {
        environment->addresses.release();
        count_bytes(*environment);
    }
    trim_heap();
    disk_runs_.tidy(owners_);
}

}  // namespace reduction
