#include "reduction/distinct/address_set.hpp"

#include <array>
#include <cstring>

namespace reduction {

namespace {

constexpr std::size_t kSmall = 256;  // below this std::sort is quicker

template <typename Number>
std::size_t drop_duplicates(Number* numbers, std::size_t count) {
    return static_cast<std::size_t>(std::unique(numbers, numbers + count) - numbers);
}

// Sorts and deduplicates the numbers from `from` on.
template <typename Number>
void compact_from(PodArray<Number>& numbers, std::size_t from, Ipv4Array& spare) {
    if (numbers.size() == from) return;
    numbers.shrink_to(from + sort_distinct(numbers.data() + from, numbers.size() - from, spare));
}

// Sorts and deduplicates the numbers before `to`, which becomes their new end; the numbers after it move up.
template <typename Number>
void compact_before(PodArray<Number>& numbers, std::size_t& to, Ipv4Array& spare) {
    if (to == 0) return;
    const std::size_t left = sort_distinct(numbers.data(), to, spare);
    const std::size_t after = numbers.size() - to;
    if (left < to && after > 0) std::memmove(numbers.data() + left, numbers.data() + to, after * sizeof(Number));
    numbers.shrink_to(left + after);
    to = left;
}

}  // namespace

// Least significant digit first, with digits of 11, 11 and 10 bits (Knuth, The Art of Computer Programming 3, 5.2.5).
// One pass counts all three histograms.
std::size_t sort_distinct(std::uint32_t* numbers, std::size_t count, Ipv4Array& spare) {
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
    std::memcpy(numbers, from, count * sizeof(std::uint32_t));  // after three passes the result is in `spare`
    return drop_duplicates(numbers, count);
}

std::size_t sort_distinct(Ipv6* addresses, std::size_t count, Ipv4Array&) {
    std::sort(addresses, addresses + count);
    return drop_duplicates(addresses, count);
}

void AddressSet::begin_file() {
    file_ipv4_ = ipv4_.size();
    file_ipv6_ = ipv6_.size();
    file_rule_ = CompactionRule(compact_at_);
}

void AddressSet::compact_file_if_due() {
    if (file_rule_.is_due(rows() - file_ipv4_ - file_ipv6_)) compact_file();
}

void AddressSet::compact_file() {
    compact_from(ipv4_, file_ipv4_, spare_);
    compact_from(ipv6_, file_ipv6_, spare_);
    file_rule_.compacted_to(rows() - file_ipv4_ - file_ipv6_);
}

void AddressSet::commit() {
    file_ipv4_ = ipv4_.size();
    file_ipv6_ = ipv6_.size();
    if (rule_.is_due(rows())) compact();
}

void AddressSet::rollback() {
    ipv4_.shrink_to(file_ipv4_);
    ipv6_.shrink_to(file_ipv6_);
}

void AddressSet::compact() {
    compact_from(ipv4_, 0, spare_);
    compact_from(ipv6_, 0, spare_);
    file_ipv4_ = ipv4_.size();
    file_ipv6_ = ipv6_.size();
    rule_.compacted_to(rows());
}

void AddressSet::compact_uncommitted() {
    compact_file();
    compact_before(ipv4_, file_ipv4_, spare_);
    compact_before(ipv6_, file_ipv6_, spare_);
    rule_.compacted_to(file_ipv4_ + file_ipv6_);
    ipv4_.fit();
    ipv6_.fit();
}

void AddressSet::release() {
    ipv4_.shrink_to(0);
    ipv6_.shrink_to(0);
    ipv4_.fit();
    ipv6_.fit();
    file_ipv4_ = file_ipv6_ = 0;
    rule_ = CompactionRule(compact_at_);
    file_rule_ = CompactionRule(compact_at_);
}

}  // namespace reduction
