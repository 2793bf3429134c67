// Rows as numbers that sort as in a partial: by address, then by the index of the suffix.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "reduction/net/ip_address.hpp"

namespace reduction {

// IPv4: the address is the upper half.
using Ipv4Row = std::uint64_t;

struct Ipv6Row {
    Ipv6 address;
    std::uint64_t suffix = 0;  // 64 bits, so that the row has no padding
    auto operator<=>(const Ipv6Row&) const = default;
};

constexpr Ipv4Row row_of(std::uint32_t address, std::size_t suffix) {
    return Ipv4Row{address} << 32 | static_cast<std::uint32_t>(suffix);
}
constexpr Ipv6Row row_of(Ipv6 address, std::size_t suffix) { return {address, suffix}; }
constexpr std::uint32_t address_of(Ipv4Row row) { return static_cast<std::uint32_t>(row >> 32); }
constexpr Ipv6 address_of(const Ipv6Row& row) { return row.address; }
constexpr std::size_t suffix_of(Ipv4Row row) { return static_cast<std::uint32_t>(row); }
constexpr std::size_t suffix_of(const Ipv6Row& row) { return row.suffix; }

// Sorted runs of rows, one after the other, that are merged into one. The memory is kept for the next time.
template <typename Row>
class Runs {
public:
    void clear() {
        rows_.clear();
        starts_.clear();
    }
    void begin_run() { starts_.push_back(rows_.size()); }
    std::vector<Row>& rows() { return rows_; }

    // Merges neighbouring runs until one is left; equal rows stay next to each other.
    void merge() {
        spare_.resize(rows_.size());
        while (starts_.size() > 1) {
            std::size_t left = 0;
            for (std::size_t run = 0; run < starts_.size(); run += 2) {
                const std::size_t from = starts_[run];
                const std::size_t middle = run + 1 < starts_.size() ? starts_[run + 1] : rows_.size();
                const std::size_t to = run + 2 < starts_.size() ? starts_[run + 2] : rows_.size();
                merge_two(rows_.data() + from, rows_.data() + middle, rows_.data() + to, spare_.data() + from);
                starts_[left++] = from;
            }
            starts_.resize(left);
            std::swap(rows_, spare_);
        }
    }

private:
    // Branch-free, because it cannot be predicted which run has the next row.
    static void merge_two(const Row* a, const Row* const middle, const Row* const end, Row* to) {
        const Row* b = middle;
        while (a != middle && b != end) {
            const bool is_b = *b < *a;
            *to++ = *(is_b ? b : a);
            b += is_b;
            a += !is_b;
        }
        while (a != middle) *to++ = *a++;
        while (b != end) *to++ = *b++;
    }

    std::vector<Row> rows_, spare_;
    std::vector<std::size_t> starts_;
};

}  // namespace reduction
