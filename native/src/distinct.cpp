#include "reduction/distinct.hpp"

#include <array>
#include <cstring>

namespace reduction {

namespace {

constexpr std::size_t kSmall = 256;  // below this std::sort is quicker

std::size_t drop_duplicates(std::uint32_t* numbers, std::size_t count) {
    return static_cast<std::size_t>(std::unique(numbers, numbers + count) - numbers);
}

}  // namespace

// Least significant digit first, three digits of 11, 11 and 10 bits (Knuth, The Art of Computer Programming 3,
// 5.2.5); all three histograms are counted in one pass.
std::size_t sort_distinct(std::uint32_t* numbers, std::size_t count, Numbers& spare) {
    if (count < kSmall) {
        std::sort(numbers, numbers + count);
        return drop_duplicates(numbers, count);
    }
    constexpr std::size_t kBuckets = 1 << 11;
    constexpr std::uint32_t kMask = kBuckets - 1;
    std::array<std::array<std::size_t, kBuckets>, 3> places{};
    bool is_sorted = true;
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t number = numbers[i];
        is_sorted = is_sorted && before <= number;
        before = number;
        ++places[0][number & kMask];
        ++places[1][number >> 11 & kMask];
        ++places[2][number >> 22];
    }
    if (is_sorted) return drop_duplicates(numbers, count);
    for (auto& of_digit : places) {
        std::size_t place = 0;
        for (std::size_t& bucket : of_digit) {
            const std::size_t size = bucket;
            bucket = place;
            place += size;
        }
    }
    spare.shrink_to(0);
    std::uint32_t* from = numbers;
    std::uint32_t* to = spare.room_for(count);
    for (unsigned digit = 0; digit < 3; ++digit) {
        auto& of_digit = places[digit];
        for (std::size_t i = 0; i < count; ++i) to[of_digit[from[i] >> 11 * digit & kMask]++] = from[i];
        std::swap(from, to);
    }
    std::memcpy(numbers, from, count * sizeof(std::uint32_t));  // after three turns the result is in `spare`
    return drop_duplicates(numbers, count);
}

void AddressSet::begin_file() {
    file_fours_ = fours_.size();
    file_sixes_ = sixes_.size();
    file_rule_ = CompactionRule(compact_at_);
}

void AddressSet::compact_file_if_due() {
    const std::size_t fours = fours_.size() - file_fours_;
    if (!file_rule_.is_due(fours + sixes_.size() - file_sixes_)) return;
    fours_.shrink_to(file_fours_ + sort_distinct(fours_.data() + file_fours_, fours, spare_));
    const auto begin = sixes_.begin() + static_cast<std::ptrdiff_t>(file_sixes_);
    std::sort(begin, sixes_.end());
    sixes_.erase(std::unique(begin, sixes_.end()), sixes_.end());
    file_rule_.compacted_to(rows() - file_fours_ - file_sixes_);
}

void AddressSet::keep() {
    if (rule_.is_due(rows())) compact();
}

void AddressSet::drop() {
    fours_.shrink_to(file_fours_);
    sixes_.resize(file_sixes_);
}

void AddressSet::compact() {
    if (fours_.size() > 0) fours_.shrink_to(sort_distinct(fours_.data(), fours_.size(), spare_));
    std::sort(sixes_.begin(), sixes_.end());
    sixes_.erase(std::unique(sixes_.begin(), sixes_.end()), sixes_.end());
    rule_.compacted_to(rows());
}

}  // namespace reduction
