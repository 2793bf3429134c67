// Merges several sorted sources, some thousand rows at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "reduction/merge/packed_rows.hpp"

namespace reduction {

constexpr std::size_t kRowsAtOnce = 1 << 14;  // with their text they fit into the L2 cache

// The rest of a sorted array of addresses; as rows they all have the same suffix.
template <typename Number, typename RowOfIt>
class MemoryCursor {
public:
    using Key = Number;
    using Row = RowOfIt;

    MemoryCursor(const Number* begin, const Number* end, std::size_t suffix)
        : next_(begin), end_(end), suffix_(suffix) {}

    bool is_over() const { return next_ == end_; }

    // The address after the next `step` ones, nullptr if there are not so many.
    const Number* peek(std::size_t step) const { return size() > step ? next_ + step : nullptr; }

    // Moves the rows before `border` to the end of `to`; `border` is at most `step` rows away. Without a border it
    // moves all rows, which are `step` at most.
    void pop_until(const Number* border, std::size_t step, std::vector<Row>& to) {
        const Number* const stop = border ? std::lower_bound(next_, next_ + std::min(step, size()), *border) : end_;
        for (; next_ != stop; ++next_) to.push_back(row_of(*next_, suffix_));
    }

private:
    std::size_t size() const { return static_cast<std::size_t>(end_ - next_); }

    const Number* next_;
    const Number* end_;
    std::size_t suffix_;
};

// Calls `write` with blocks of merged rows of `cursors`, which have the functions of MemoryCursor. A block ends before
// the first address that is `step` rows away in any cursor: so no cursor has more than `step` rows in it, and one has
// exactly as many.
template <typename Cursor, typename Function>
void merge_cursors(std::vector<Cursor> cursors, const Function& write) {
    const auto is_over = [](const Cursor& cursor) { return cursor.is_over(); };
    std::erase_if(cursors, is_over);
    Runs<typename Cursor::Row> block;
    while (!cursors.empty()) {
        const std::size_t step = std::max<std::size_t>(1, kRowsAtOnce / cursors.size());
        bool has_border = false;
        typename Cursor::Key border{};
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
        write(block.rows());
        std::erase_if(cursors, is_over);
    }
}

}  // namespace reduction
