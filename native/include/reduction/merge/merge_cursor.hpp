// Several sorted sources become one, some thousand rows at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "reduction/merge/packed_rows.hpp"

namespace reduction {

constexpr std::size_t kRowsAtOnce = 1 << 14;  // so few that they stay in the second cache with their text

// The sorted numbers of one owner, in memory, that are not given out yet; as rows they end with `ending`.
template <typename Number, typename RowOfIt>
class Held {
public:
    using Place = Number;
    using Row = RowOfIt;

    Held(const Number* begin, const Number* end, std::size_t ending) : next_(begin), end_(end), ending_(ending) {}

    bool is_over() const { return next_ == end_; }

    // What stands `step` further on, if there is so much.
    const Number* ahead(std::size_t step) const { return size() > step ? next_ + step : nullptr; }

    // Gives out what comes before `border`, which is no more than `step` ahead; all, which are no more, if it is null.
    void give_before(const Number* border, std::size_t step, std::vector<Row>& to) {
        const Number* const stop = border ? std::lower_bound(next_, next_ + std::min(step, size()), *border) : end_;
        for (; next_ != stop; ++next_) to.push_back(row_of(*next_, ending_));
    }

private:
    std::size_t size() const { return static_cast<std::size_t>(end_ - next_); }

    const Number* next_;
    const Number* end_;
    std::size_t ending_;
};

// Gives out blocks of merged rows of `sources`, which are like Held. A block ends before the first place that any source
// has `step` rows further on, so that none of them has more than that many in it, and one has just as many.
template <typename Source, typename Take>
void for_each_block(std::vector<Source> sources, const Take& take) {
    const auto is_over = [](const Source& source) { return source.is_over(); };
    std::erase_if(sources, is_over);
    Runs<typename Source::Row> block;
    while (!sources.empty()) {
        const std::size_t step = std::max<std::size_t>(1, kRowsAtOnce / sources.size());
        bool has_border = false;
        typename Source::Place border{};
        for (Source& source : sources) {
            const auto* const ahead = source.ahead(step);
            if (ahead == nullptr || (has_border && !(*ahead < border))) continue;
            border = *ahead;
            has_border = true;
        }
        block.clear();
        for (Source& source : sources) {
            block.begin_run();
            source.give_before(has_border ? &border : nullptr, step, block.rows());
        }
        block.merge();
        take(block.rows());
        std::erase_if(sources, is_over);
    }
}

}  // namespace reduction
