// Parses the lines of partials.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "reduction/merge/merge.hpp"
#include "reduction/merge/packed_rows.hpp"
#include "reduction/merge/partial_reader.hpp"
#include "reduction/simd/kernels.hpp"

namespace reduction {

// Finds a suffix by its text. Most suffixes are short, so that the text is its own hash key.
class RowSuffixTable {
public:
    explicit RowSuffixTable(const std::vector<RowSuffix>& suffixes);  // must outlive the table

    static constexpr std::uint32_t kNone = ~std::uint32_t{0};

    // The index of `text` in the list, or kNone. 16 bytes must be readable from its beginning.
    std::uint32_t find(std::string_view text) const;

private:
    struct Prefix {  // the first 16 bytes, padded with zeros
        std::uint64_t low = 0, high = 0;
    };
    struct Slot {
        Prefix prefix;
        std::size_t length = 0;
        std::uint32_t suffix = kNone;
        bool is(const Prefix& of, std::size_t size) const {
            return ((prefix.low ^ of.low) | (prefix.high ^ of.high) | (length ^ size)) == 0;
        }
    };
    std::size_t fill(unsigned bits);
    static Prefix prefix_of(std::string_view text);
    std::size_t slot_of(const Prefix& prefix, std::size_t length) const;

    const std::vector<RowSuffix>& suffixes_;
    unsigned shift_ = 0;
    std::vector<Slot> slots_;
};

// A range of addresses of one kind.
struct AddressRange {
    Address from;
    std::optional<Address> border;  // the first address after the range, if there is one
};

// Parses 64 KiB at a time. Throws DamagedPartial if a line is not a row, or not in its place.
class RowParser {
public:
    explicit RowParser(const RowSuffixTable& suffixes);

    // Adds a run of rows, all of which must be in `range`.
    void add_run(const PartialText& text, const AddressRange& range, Runs<Ipv4Row>& to);
    void add_run(const PartialText& text, const AddressRange& range, Runs<Ipv6Row>& to);

private:
    template <typename Row>
    void add(const PartialText& text, const AddressRange& range, Runs<Row>& to);
    std::size_t find_rows(const PartialText& text, std::size_t at, std::size_t& rest);
    template <typename Row>
    std::optional<Row> row_at(const char* slice, std::size_t i, std::size_t next) const;
    void parse_addresses(const char* slice, std::size_t count, Ipv4Row);
    void parse_addresses(const char* slice, std::size_t count, const Ipv6Row&);

    const RowSuffixTable& suffixes_;
    const Kernels& kernels_;
    std::vector<std::uint64_t> ends_, commas_;
    std::vector<KeySpan> spans_;
    std::vector<std::uint16_t> starts_, key_ends_;  // of the rows of a slice
    std::vector<std::uint32_t> ipv4_;
    std::vector<Ipv6> ipv6_;
    std::vector<std::uint8_t> good_;
};

}  // namespace reduction
