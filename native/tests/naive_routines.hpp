// What the routines of one instruction set find in a text, against the naive twin.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "check.hpp"
#include "naive.hpp"
#include "reduction/addresses.hpp"
#include "reduction/routines.hpp"

namespace naive {

inline void compare_quad(const reduction::Routines& routines, const std::string& text) {
    std::vector<std::uint8_t> data(text.begin(), text.end());
    data.resize(data.size() + 16, '1');
    const reduction::KeySpan span{0, 0, static_cast<std::uint32_t>(text.size()), 1};
    std::uint32_t number = 0;
    std::uint8_t good = 0;
    routines.parse_quads(data.data(), &span, 1, &number, &good);
    const reduction::Address expected = reduction::parse_address(text.data(), text.size());
    CHECK((good != 0) == (expected.kind == reduction::Kind::four));
    if (good != 0) CHECK(number == expected.four);
}

// Rows that are not empty and end in the first `size` bytes, and their field number `key`.
inline void compare_keys(const reduction::Routines& routines, const std::vector<std::uint64_t>& ends,
                         const std::vector<std::uint64_t>& commas, const Structure& expected, std::size_t key) {
    const std::size_t size = expected.ends.size();
    std::vector<reduction::KeySpan> spans(size / 2 + 1);
    std::size_t rest = 0;
    const std::size_t count =
        routines.find_keys(ends.data(), commas.data(), size / reduction::kWord, 0, key, spans.data(), rest);
    std::size_t row = 0, start = 0, key_start = 0, key_end = 0, fields = 1;
    for (std::size_t i = 0; i < size; ++i) {
        if (expected.commas[i] || expected.ends[i]) {
            if (fields == key + 1) key_end = i;
            if (expected.commas[i] && ++fields == key + 1) key_start = i + 1;
        }
        if (!expected.ends[i]) continue;
        if (i != start) {
            CHECK(row < count);
            CHECK(spans[row].row == start && spans[row].fields == fields);
            if (fields > key) {
                CHECK(spans[row].start == key_start && spans[row].end == key_end);
            } else {
                CHECK(spans[row].start == 0 && spans[row].end == 0);
            }
            ++row;
        }
        start = key_start = i + 1;
        fields = 1;
    }
    CHECK(row == count && rest == start);
}

// The text in whole words, and what the routines find, a slice of `slice_words` words at a time.
inline void compare(const reduction::Routines& routines, std::string text, std::size_t slice_words) {
    text.resize((text.size() / reduction::kWord + 2) * reduction::kWord, ' ');
    const auto* const data = reinterpret_cast<const std::uint8_t*>(text.data());
    const std::size_t words = text.size() / reduction::kWord;
    const std::size_t nul = text.find('\0');
    const std::size_t wanted = nul == std::string::npos ? text.size() : nul;
    std::vector<std::uint64_t> ends(words + 1), commas(words + 1);
    reduction::StructureState state;
    std::size_t found_nul = reduction::kNoNul;
    for (std::size_t word = 0; word < words && found_nul == reduction::kNoNul; word += slice_words) {
        const std::size_t count = std::min(slice_words, words - word);
        found_nul = routines.structure(data + word * reduction::kWord, count, state, ends.data() + word,
                                       commas.data() + word);
        if (found_nul != reduction::kNoNul) found_nul += word * reduction::kWord;
    }
    CHECK(found_nul == (nul == std::string::npos ? reduction::kNoNul : nul));
    const Structure expected = structure(text);
    for (std::size_t i = 0; i < wanted; ++i) {
        CHECK((ends[i / reduction::kWord] >> i % reduction::kWord & 1) == expected.ends[i]);
        CHECK((commas[i / reduction::kWord] >> i % reduction::kWord & 1) == expected.commas[i]);
    }
    CHECK(state.line_ends == line_ends(std::string_view(text).substr(0, wanted)));
    if (nul != std::string::npos) return;
    CHECK(state.inside == expected.inside);
    for (std::size_t key = 0; key < 4; ++key) compare_keys(routines, ends, commas, expected, key);
}

}  // namespace naive
