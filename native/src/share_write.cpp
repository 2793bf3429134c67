// How a share comes out: the sorted sets of its environments are merged, some thousand rows at a time.
#include <algorithm>
#include <optional>

#include "reduction/lines.hpp"
#include "reduction/rows.hpp"
#include "reduction/share.hpp"

namespace reduction {

namespace {

constexpr std::size_t kRowsAtOnce = 1 << 14;  // so few that they stay in the second cache with their text

// The distinct numbers of one environment, in order, that are not written yet.
template <typename Number>
struct Rest {
    const Number* next;
    const Number* end;
    std::size_t ending;
};

// Gives out blocks of merged rows. A block ends before the first number that any environment has `step` rows further
// on, so that none of them has more than that many in it, and one has just as many.
template <typename Number, typename Row, typename Take>
void for_each_block(std::vector<Rest<Number>> rests, const Take& take) {
    std::erase_if(rests, [](const auto& rest) { return rest.next == rest.end; });
    Runs<Row> block;
    while (!rests.empty()) {
        const std::size_t step = std::max<std::size_t>(1, kRowsAtOnce / rests.size());
        std::optional<Number> border;
        for (const auto& rest : rests) {
            if (static_cast<std::size_t>(rest.end - rest.next) <= step) continue;
            border = border ? std::min(*border, rest.next[step]) : rest.next[step];
        }
        block.clear();
        for (auto& rest : rests) {
            const Number* const most = rest.end - rest.next > static_cast<std::ptrdiff_t>(step) ? rest.next + step : rest.end;
            const Number* const stop = border ? std::lower_bound(rest.next, most, *border) : rest.end;
            block.begin_run();
            for (; rest.next != stop; ++rest.next) block.rows().push_back(row_of(*rest.next, rest.ending));
        }
        block.merge();
        take(block.rows());
        std::erase_if(rests, [](const auto& rest) { return rest.next == rest.end; });
    }
}

}  // namespace

std::map<std::string, std::uint64_t> Share::write(const std::function<void(std::string_view)>& out) {
    Lines lines;
    std::map<std::string, std::uint64_t> counts;
    std::vector<Rest<std::uint32_t>> fours;
    std::vector<Rest<Six>> sixes;
    for (auto& [name, environment] : environments_) {
        AddressSet& set = environment->addresses;
        set.compact();
        if (set.rows() == 0) continue;
        const std::size_t ending = counts.size();
        lines.add_environment(name);
        counts[name] = set.rows();
        fours.push_back({set.four_data(), set.four_data() + set.four_count(), ending});
        sixes.push_back({set.sixes().data(), set.sixes().data() + set.sixes().size(), ending});
    }
    const auto take = [&](const auto& rows) { out(lines.text_of(rows)); };
    for_each_block<std::uint32_t, FourRow>(std::move(fours), take);
    for_each_block<Six, SixRow>(std::move(sixes), take);
    return counts;
}

}  // namespace reduction
