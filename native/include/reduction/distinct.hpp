// Distinct addresses of one environment: appended, made sorted and distinct now and then, taken back if need be.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "reduction/addresses.hpp"

namespace reduction {

// A growing array of numbers that are never looked at before they are written. Large ones grow without being
// copied (realloc moves their pages), which a vector cannot do.
class Numbers {
public:
    Numbers() = default;
    Numbers(const Numbers&) = delete;
    Numbers& operator=(const Numbers&) = delete;
    ~Numbers() { std::free(data_); }

    std::uint32_t* data() { return data_; }
    const std::uint32_t* data() const { return data_; }
    std::size_t size() const { return size_; }
    void shrink_to(std::size_t size) { size_ = size; }

    // Makes room for `more` numbers behind the last one and returns where they go; `grow_by` tells how many came.
    std::uint32_t* room_for(std::size_t more) {
        if (capacity_ - size_ < more) grow(size_ + more);
        return data_ + size_;
    }
    void grow_by(std::size_t count) { size_ += count; }

private:
    void grow(std::size_t least) {
        const std::size_t capacity = std::max(least, capacity_ + capacity_ / 2 + 1024);
        void* const data = std::realloc(data_, capacity * sizeof(std::uint32_t));
        if (data == nullptr) throw std::bad_alloc();
        data_ = static_cast<std::uint32_t*>(data);
        capacity_ = capacity;
    }

    std::uint32_t* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

// Sorts `numbers` and drops duplicates; returns how many are left. `spare` is as large as `numbers`.
std::size_t sort_distinct(std::uint32_t* numbers, std::size_t count, Numbers& spare);

// Says when to compact: see reduction/compaction.py, whose rule this is.
class CompactionRule {
public:
    explicit CompactionRule(std::size_t at_least) : at_least_(at_least), due_at_(at_least) {}
    bool is_due(std::size_t rows) const { return rows >= due_at_; }
    void compacted_to(std::size_t rows) { due_at_ = std::max(at_least_, 2 * rows); }

private:
    std::size_t at_least_;
    std::size_t due_at_;
};

// The addresses of one environment. Those of the file at hand stand behind the others until it is known to be
// good: `keep` makes them count, `drop` takes them back.
class AddressSet {
public:
    // `spare` is work space that sets may share: only one of them is compacted at a time.
    AddressSet(std::size_t compact_at, Numbers& spare)
        : compact_at_(compact_at), rule_(compact_at), file_rule_(compact_at), spare_(spare) {}

    Numbers& fours() { return fours_; }
    void add(Six six) { sixes_.push_back(six); }
    std::size_t rows() const { return fours_.size() + sixes_.size(); }

    void begin_file();
    void compact_file_if_due();
    void keep();
    void drop();
    void compact();

    const std::uint32_t* four_data() const { return fours_.data(); }
    std::size_t four_count() const { return fours_.size(); }
    const std::vector<Six>& sixes() const { return sixes_; }

private:
    std::size_t compact_at_;
    CompactionRule rule_;
    CompactionRule file_rule_;
    Numbers fours_;
    std::vector<Six> sixes_;
    std::size_t file_fours_ = 0;  // where those of the file at hand begin
    std::size_t file_sixes_ = 0;
    Numbers& spare_;
};

}  // namespace reduction
