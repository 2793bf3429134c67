// How a share comes out: the sorted sets of its environments, and of cut files, are merged, some thousand rows at a time.
#include "reduction/merge/merge_cursor.hpp"
#include "reduction/merge/row_writer.hpp"
#include "reduction/merge/packed_rows.hpp"
#include "reduction/csv/scanner.hpp"

namespace reduction {

namespace {

std::string ending_of(const Source& source) {
    const std::string field = csv_field(source.environment);
    return source.cut_file == kNotCut ? field : field + "," + std::to_string(source.cut_file);
}

}  // namespace

std::map<Source, std::uint64_t> Share::write(const std::function<void(std::string_view)>& out) {
    return disk_runs_.is_empty() ? write_held(out) : write_spilled(out);
}

std::map<Source, std::uint64_t> Share::write_held(const std::function<void(std::string_view)>& out) {
    Lines lines;
    std::map<Source, std::uint64_t> counts;
    std::vector<Held<std::uint32_t, FourRow>> fours;
    std::vector<Held<Six, SixRow>> sixes;
    for (auto& [source, environment] : environments_) {
        AddressSet& set = environment->addresses;
        set.compact();
        if (set.rows() == 0) continue;
        const std::size_t ending = counts.size();
        lines.add_ending(ending_of(source));
        counts[source] = set.rows();
        fours.emplace_back(set.fours().begin(), set.fours().end(), ending);
        sixes.emplace_back(set.sixes().begin(), set.sixes().end(), ending);
    }
    const auto take = [&](const auto& rows) { out(lines.text_of(rows)); };
    for_each_block(std::move(fours), take);
    for_each_block(std::move(sixes), take);
    return counts;
}

std::map<Source, std::uint64_t> Share::write_spilled(const std::function<void(std::string_view)>& out) {
    compact_all();
    spill();  // the rest: memory is for the merge now
    Lines lines;
    Owners places(owners_.size(), kNoOwner);  // in the order of what is written
    std::vector<std::uint64_t> counts;
    for (const auto& [source, environment] : environments_) {
        places[environment->number] = static_cast<std::uint32_t>(counts.size());
        lines.add_ending(ending_of(source));
        counts.push_back(0);
    }
    for (std::size_t number = 0; number < places.size(); ++number) {
        if (owners_[number] != kNoOwner) places[number] = places[owners_[number]];
    }
    const auto take = [&](const auto& rows) {
        for (const auto& row : rows) ++counts[reduction::ending_of(row)];
        if (!rows.empty()) out(lines.text_of(rows));
    };
    disk_runs_.merge(places, take, take);
    std::map<Source, std::uint64_t> by_source;
    for (const auto& [source, environment] : environments_) {
        const std::uint64_t count = counts[places[environment->number]];
        if (count > 0) by_source[source] = count;
    }
    return by_source;
}

}  // namespace reduction
