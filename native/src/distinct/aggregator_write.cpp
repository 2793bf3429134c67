// How a scanner comes out: the sorted sets of its environments, and of cut files, are merged, some thousand rows at a time.
#include "reduction/merge/merge_cursor.hpp"
#include "reduction/merge/row_writer.hpp"
#include "reduction/merge/packed_rows.hpp"
#include "reduction/csv/scanner.hpp"

namespace reduction {

namespace {

std::string suffix_of(const Source& source) {
    const std::string field = csv_field(source.environment);
    return source.split_file_id == kWholeFile ? field : field + "," + std::to_string(source.split_file_id);
}

}  // namespace

std::map<Source, std::uint64_t> CsvScanner::write(const std::function<void(std::string_view)>& out) {
    return spill_runs_.is_empty() ? write_held(out) : write_spilled(out);
}

std::map<Source, std::uint64_t> CsvScanner::write_held(const std::function<void(std::string_view)>& out) {
    RowWriter lines;
    std::map<Source, std::uint64_t> counts;
    std::vector<MemoryCursor<std::uint32_t, Ipv4Row>> ipv4;
    std::vector<MemoryCursor<Ipv6, Ipv6Row>> ipv6;
    for (auto& [source, environment] : environments_) {
        AddressSet& set = environment->addresses;
        set.compact();
        if (set.rows() == 0) continue;
        const std::size_t suffix = counts.size();
        lines.add_suffix(suffix_of(source));
        counts[source] = set.rows();
        ipv4.emplace_back(set.ipv4().begin(), set.ipv4().end(), suffix);
        ipv6.emplace_back(set.ipv6().begin(), set.ipv6().end(), suffix);
    }
    const auto take = [&](const auto& rows) { out(lines.text_of(rows)); };
    merge_cursors(std::move(ipv4), take);
    merge_cursors(std::move(ipv6), take);
    return counts;
}

std::map<Source, std::uint64_t> CsvScanner::write_spilled(const std::function<void(std::string_view)>& out) {
    compact_all();
    spill();  // the rest: memory is for the merge now
    RowWriter lines;
    RowOwners places(owners_.size(), kNoOwner);  // in the order of what is written
    std::vector<std::uint64_t> counts;
    for (const auto& [source, environment] : environments_) {
        places[environment->number] = static_cast<std::uint32_t>(counts.size());
        lines.add_suffix(suffix_of(source));
        counts.push_back(0);
    }
    for (std::size_t number = 0; number < places.size(); ++number) {
        if (owners_[number] != kNoOwner) places[number] = places[owners_[number]];
    }
    const auto take = [&](const auto& rows) {
        for (const auto& row : rows) ++counts[reduction::suffix_of(row)];
        if (!rows.empty()) out(lines.text_of(rows));
    };
    spill_runs_.merge(places, take, take);
    std::map<Source, std::uint64_t> by_source;
    for (const auto& [source, environment] : environments_) {
        const std::uint64_t count = counts[places[environment->number]];
        if (count > 0) by_source[source] = count;
    }
    return by_source;
}

}  // namespace reduction
