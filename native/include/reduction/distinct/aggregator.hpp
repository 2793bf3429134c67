// The distinct addresses of one runner's share, by group, in limited memory: what does not fit goes to disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reduction/distinct/address_set.hpp"
#include "reduction/distinct/recent_filter.hpp"
#include "reduction/distinct/spill_runs.hpp"
#include "reduction/net/ip_address.hpp"

namespace reduction {

struct MemoryLimit {
    std::size_t bytes = ~std::size_t{0};  // for rows, including what sorting them needs
    TempFileFactory open_temp = nullptr;  // not called as long as `bytes` suffice
    std::size_t fan_in = 32;              // of SpillRuns; tests use a small one
};

// Rows of one group have the same suffix: the text after the address and its comma. What suffixes mean is the
// caller's business; a group is known by the index of its suffix, and rows with the same address are written in the
// order of the suffixes.
// All functions that add or write rows throw SpillFailed, and what MemoryLimit::open_temp throws.
class DistinctAggregator {
public:
    // `filter_bits` limits the tables of recent addresses (recent_filter.hpp).
    DistinctAggregator(std::vector<std::string> row_suffixes, std::size_t compact_at_rows,
                       const MemoryLimit& memory = {}, unsigned filter_bits = RecentFilter::kMaxBits);
    DistinctAggregator(const DistinctAggregator&) = delete;
    DistinctAggregator& operator=(const DistinctAggregator&) = delete;

    std::size_t groups() const { return groups_.size(); }

    // Addresses are added to the current file, and count after `commit_file` only.
    void begin_file(std::size_t group);
    void add(const std::uint32_t* numbers, std::size_t count);
    void add(Ipv6 address) { current_->addresses.add(address); }
    void commit_file();
    void rollback_file();

    // To be called from time to time between `begin_file` and `commit_file`: keeps the memory limit.
    void compact_if_due();

    // Writes all committed rows, sorted, as lines, in chunks; returns the number of rows of each group.
    std::vector<std::uint64_t> write(const std::function<void(std::string_view)>& out);

private:
    struct Group {
        Group(std::size_t compact_at_rows, Ipv4Array& spare, unsigned filter_bits)
            : addresses(compact_at_rows, spare), recent(filter_bits) {}
        AddressSet addresses;
        RecentFilter recent;
        std::size_t counted_bytes = 0;  // of addresses, as part of held_bytes_
    };

    void release_other_filters();
    void count_bytes(Group& group);
    void compact_all();
    void spill();
    std::uint32_t current_owner();
    std::vector<std::uint64_t> write_from_memory(const std::function<void(std::string_view)>& out);
    std::vector<std::uint64_t> write_from_disk(const std::function<void(std::string_view)>& out);

    const std::vector<std::string> row_suffixes_;
    const std::size_t compact_at_rows_;
    Ipv4Array spare_;                             // work space for sorting
    std::vector<std::unique_ptr<Group>> groups_;  // null before the first file
    Group* current_ = nullptr;
    std::size_t current_group_ = 0;

    const unsigned filter_bits_;
    const std::size_t max_filter_bytes_;
    std::size_t filter_bytes_ = 0;  // of all tables

    const std::size_t max_held_bytes_;
    std::size_t held_bytes_ = 0;  // of all addresses

    // Rows on disk have the number of an owner. The first owners are the groups. A file whose rows are spilled before
    // it is accepted gets an owner of its own, which becomes its group or nobody when the file ends.
    SpillRuns spill_runs_;
    RowOwners owners_;
    std::uint32_t file_owner_ = kNoOwner;  // kNoOwner as long as nothing of the current file is on disk
};

}  // namespace reduction
