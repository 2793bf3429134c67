// How the rows of an aggregator are written: the sorted sets of its groups are merged, some thousand rows at a time.
#include "reduction/distinct/aggregator.hpp"
#include "reduction/merge/merge_cursor.hpp"
#include "reduction/merge/packed_rows.hpp"
#include "reduction/merge/row_writer.hpp"

namespace reduction {

std::vector<std::uint64_t> DistinctAggregator::write(const std::function<void(std::string_view)>& out) {
    return spill_runs_.is_empty() ? write_from_memory(out) : write_from_disk(out);
}

std::vector<std::uint64_t> DistinctAggregator::write_from_memory(const std::function<void(std::string_view)>& out) {
    RowWriter writer(row_suffixes_);
    std::vector<std::uint64_t> counts(groups_.size());
    std::vector<MemoryCursor<std::uint32_t, Ipv4Row>> ipv4;
    std::vector<MemoryCursor<Ipv6, Ipv6Row>> ipv6;
    for (std::size_t number = 0; number < groups_.size(); ++number) {
        if (groups_[number] == nullptr) continue;
        AddressSet& set = groups_[number]->addresses;
        set.compact();
        counts[number] = set.rows();
        ipv4.emplace_back(set.ipv4().begin(), set.ipv4().end(), number);
        ipv6.emplace_back(set.ipv6().begin(), set.ipv6().end(), number);
    }
    const auto write_rows = [&](const auto& rows) { out(writer.text_of(rows)); };
    merge_cursors(std::move(ipv4), write_rows);
    merge_cursors(std::move(ipv6), write_rows);
    return counts;
}

std::vector<std::uint64_t> DistinctAggregator::write_from_disk(const std::function<void(std::string_view)>& out) {
    compact_all();
    spill();  // the rest, too: the merge needs the memory
    RowOwners owners = owners_;
    for (std::uint32_t& owner : owners) {
        if (owner >= groups_.size()) owner = kNoOwner;  // of a file that was not committed
    }
    RowWriter writer(row_suffixes_);
    std::vector<std::uint64_t> counts(groups_.size());
    const auto write_rows = [&](const auto& rows) {
        for (const auto& row : rows) ++counts[suffix_of(row)];
        if (!rows.empty()) out(writer.text_of(rows));
    };
    spill_runs_.merge(owners, write_rows, write_rows);
    return counts;
}

}  // namespace reduction
