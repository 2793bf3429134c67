// Compares the kernels of one instruction set with the reference implementation.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "check.hpp"
#include "reference.hpp"

#include "reduction/net/ip_address.hpp"
#include "reduction/simd/kernels.hpp"

namespace reference {

using reduction::Address;
using reduction::kBlockBytes;
using reduction::Kernels;
using reduction::KeySpan;
using reduction::Kind;
using reduction::kNoNul;
using reduction::StructureState;

// Rows that are not empty, by looking at each byte. Without field number `key`, start == end == 0.
inline std::vector<KeySpan> rows_of(const Structure& structure, std::size_t key) {
    std::vector<KeySpan> rows;
    KeySpan row{0, 0, 0, 1};
    for (std::uint32_t i = 0; i < structure.ends.size(); ++i) {
        if (!structure.commas[i] && !structure.ends[i]) continue;
        if (row.fields == key + 1) row.end = i;
        if (structure.commas[i]) {
            if (++row.fields == key + 1) row.start = i + 1;
            continue;
        }
        if (row.fields <= key) row.start = row.end = 0;
        if (i != row.row) rows.push_back(row);
        row = {i + 1, i + 1, 0, 1};
    }
    return rows;
}

inline std::size_t start_of_rest(const Structure& structure) {
    std::size_t rest = 0;
    for (std::size_t i = 0; i < structure.ends.size(); ++i) {
        if (structure.ends[i]) rest = i + 1;
    }
    return rest;
}

using Bits = std::vector<std::uint64_t>;

inline void compare_keys(const Kernels& kernels, const Bits& ends, const Bits& commas, std::size_t blocks,
                         std::size_t key, const std::vector<KeySpan>& rows, const Structure& expected) {
    std::vector<KeySpan> spans(blocks * kBlockBytes);
    std::size_t rest = 0;
    CHECK(kernels.find_keys(ends.data(), commas.data(), blocks, 0, key, spans.data(), rest) == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        CHECK(spans[i].row == rows[i].row && spans[i].fields == rows[i].fields);
        CHECK(spans[i].start == rows[i].start && spans[i].end == rows[i].end);
    }
    CHECK(rest == start_of_rest(expected));
}

// Starts at each of the first rows. The rows that are found must be right, and from `rest` on all others are found.
inline void compare_even(const Kernels& kernels, const Bits& ends, const Bits& commas, std::size_t blocks,
                         std::size_t columns, std::size_t key, const std::vector<KeySpan>& rows) {
    std::vector<std::uint16_t> starts(blocks * kBlockBytes + 2 * kBlockBytes), key_ends(starts.size());
    std::vector<KeySpan> spans(blocks * kBlockBytes);
    for (std::size_t first = 0; first < std::min<std::size_t>(rows.size(), 3); ++first) {
        std::size_t rest = 0;
        const std::size_t count = kernels.find_even_rows(ends.data(), commas.data(), blocks, rows[first].row, columns,
                                                         key, starts.data(), key_ends.data(), rest);
        CHECK(first + count <= rows.size());
        for (std::size_t i = 0; i < count; ++i) {
            const KeySpan& row = rows[first + i];
            CHECK(row.fields == columns && starts[i] == row.start && key_ends[i] == row.end);
        }
        std::size_t end = 0;
        const std::size_t others = kernels.find_keys(ends.data(), commas.data(), blocks, rest, key, spans.data(), end);
        CHECK(first + count + others == rows.size());
        if (others > 0) CHECK(spans[0].row == rows[first + count].row);
    }
}

// Compares a text, padded to whole blocks, in slices of `slice_blocks` blocks.
inline void compare(const Kernels& kernels, std::string text, std::size_t slice_blocks) {
    text.resize((text.size() / kBlockBytes + 2) * kBlockBytes, ' ');
    const auto* const data = reinterpret_cast<const std::uint8_t*>(text.data());
    const std::size_t blocks = text.size() / kBlockBytes;
    const std::size_t nul = text.find('\0');
    const std::size_t wanted = nul == std::string::npos ? text.size() : nul;
    Bits ends(blocks + 1), commas(blocks + 1);
    StructureState state;
    std::size_t found_nul = kNoNul;
    for (std::size_t block = 0; block < blocks && found_nul == kNoNul; block += slice_blocks) {
        const std::size_t count = std::min(slice_blocks, blocks - block);
        found_nul =
            kernels.structure(data + block * kBlockBytes, count, state, ends.data() + block, commas.data() + block);
        if (found_nul != kNoNul) found_nul += block * kBlockBytes;
    }
    CHECK(found_nul == (nul == std::string::npos ? kNoNul : nul));
    const Structure expected = structure(text);
    for (std::size_t i = 0; i < wanted; ++i) {
        CHECK((ends[i / kBlockBytes] >> i % kBlockBytes & 1) == expected.ends[i]);
        CHECK((commas[i / kBlockBytes] >> i % kBlockBytes & 1) == expected.commas[i]);
    }
    CHECK(state.line_ends == line_ends(std::string_view(text).substr(0, wanted)));
    if (nul != std::string::npos) return;
    CHECK(state.inside == expected.inside);
    for (std::size_t key = 0; key < 4; ++key) {
        const std::vector<KeySpan> rows = rows_of(expected, key);
        compare_keys(kernels, ends, commas, blocks, key, rows, expected);
        for (std::size_t columns = key + 1; columns < 6; ++columns) {
            compare_even(kernels, ends, commas, blocks, columns, key, rows);
        }
    }
}

// Compares one field as a key.
inline void compare_ipv4(const Kernels& kernels, const std::string& text) {
    std::vector<std::uint8_t> data(text.begin(), text.end());
    data.resize(data.size() + 64, '1');
    // Several keys may be parsed in another way than one: try it alone, and among good ones.
    const std::string other = "201.30.4.99";
    data.insert(data.end(), other.begin(), other.end());
    const auto begin = static_cast<std::uint16_t>(data.size() - other.size());
    const auto end = static_cast<std::uint16_t>(data.size());
    data.resize(data.size() + 16, '1');
    const Address expected = reduction::parse_address(text.data(), text.size());
    const bool is_ipv4 = expected.kind == Kind::ipv4;
    constexpr std::size_t most = 9;
    for (std::size_t count = 1; count <= most; count += 2) {
        for (std::size_t at = 0; at < count; at += 3) {
            std::vector<std::uint16_t> starts(count, begin), ends(count, end);
            starts[at] = 0;
            ends[at] = static_cast<std::uint16_t>(text.size());
            std::uint32_t numbers[most];
            std::uint8_t good[most];
            const std::size_t odd = kernels.parse_ipv4(data.data(), starts.data(), ends.data(), count, numbers, good);
            CHECK(odd == (is_ipv4 ? 0 : 1));
            for (std::size_t i = 0; i < count; ++i) {
                CHECK((good[i] != 0) == (i != at || is_ipv4));
                if (i != at) CHECK(numbers[i] == 0xC91E0463);
            }
            if (is_ipv4) CHECK(numbers[at] == expected.ipv4);
        }
    }
}

}  // namespace reference
