// Several sorted cursors become one, some thousand rows at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "reduction/merge/packed_rows.hpp"

namespace reduction {

constexpr std::size_t kRowsAtOnce = 1 << 14;  // so few that they stay in the second cache with their text

// The sorted numbers of one owner, in memory, that are not given out yet; as rows they end with `suffix`.
template <typename Number, typename RowOfIt>
class MemoryCursor {
public:
    using Place = Number;
    using Row = RowOfIt;

    MemoryCursor(const Number* begin, const Number* end, std::size_t suffix) : next_(begin), end_(end), ending_(suffix) {}

    bool is_over() const { return next_ == end_; }

    // What stands `step` further on, if there is so much.
    const Number* peek(std::size_t step) const { return size() > step ? next_ + step : nullptr; }

    // Gives out what comes before `border`, which is no more than `step` ahead; all, which are no more, if it is null.
    void pop_until(const Number* border, std::size_t step, std::vector<Row>& to) {
        const Number* const stop = border ? std::lower_bound(next_, next_ + std::min(step, size()), *border) : end_;
        for (; next_ != stop; ++next_) to.push_back(row_of(*next_, ending_));
    }

private:
    std::size_t size() const { return static_cast<std::size_t>(end_ - next_); }

    const Number* next_;
    const Number* end_;
    std::size_t ending_;
};

// Gives out blocks of merged rows of `cursors`, which are like MemoryCursor. A block ends before the first place that any cursor
// has `step` rows further on, so that none of them has more than that many in it, and one has just as many.
template <typename Cursor, typename Take>
void merge_cursors(std::vector<Cursor> cursors, const Take& take) {
    const auto is_over = [](const Cursor& cursor) { return cursor.is_over(); };
    std::erase_if(cursors, is_over);
    Runs<typename Cursor::Row> block;
    while (!cursors.empty()) {
        const std::size_t step = std::max<std::size_t>(1, kRowsAtOnce / cursors.size());
        bool has_border = false;
        typename Cursor::Place border{};
        for (Cursor& cursor : cursors) {
            const auto* const next = cursor.peek(step);
            if (next == nullptr || (has_border && !(*next < border))) continue;
            border = *next;
            has_border = true;
        }
        block.clear();
        for (Cursor& cursor : cursors) {
            block.begin_run();
            cursor.pop_until(has_border ? &border : nullptr, step, block.rows());
        }
        block.merge();
        take(block.rows());
        std::erase_if(cursors, is_over);
    }
}

}  // namespace reduction
