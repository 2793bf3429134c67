// Each instruction set against the naive twin, on texts that are shifted over two words and cut everywhere.
#include "reduction/routines.hpp"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "check.hpp"
#include "naive.hpp"
#include "reduction/addresses.hpp"

using namespace reduction;

namespace {

constexpr std::size_t kWidth = 2 * kWord;

// Rows that are not empty, by looking at each byte. Without field number `key`, start == end == 0.
std::vector<KeySpan> naive_rows(const naive::Structure& structure, std::size_t key) {
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

std::size_t start_of_rest(const naive::Structure& structure) {
    std::size_t rest = 0;
    for (std::size_t i = 0; i < structure.ends.size(); ++i) {
        if (structure.ends[i]) rest = i + 1;
    }
    return rest;
}

using Bits = std::vector<std::uint64_t>;

void compare_keys(const Routines& routines, const Bits& ends, const Bits& commas, std::size_t words, std::size_t key,
                  const std::vector<KeySpan>& rows, const naive::Structure& expected) {
    std::vector<KeySpan> spans(words * kWord);
    std::size_t rest = 0;
    CHECK(routines.find_keys(ends.data(), commas.data(), words, 0, key, spans.data(), rest) == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        CHECK(spans[i].row == rows[i].row && spans[i].fields == rows[i].fields);
        CHECK(spans[i].start == rows[i].start && spans[i].end == rows[i].end);
    }
    CHECK(rest == start_of_rest(expected));
}

// From each of the first rows on, as far as they are even: what is found must be right, and whoever goes on at `rest`
// must find all others.
void compare_even(const Routines& routines, const Bits& ends, const Bits& commas, std::size_t words,
                  std::size_t columns, std::size_t key, const std::vector<KeySpan>& rows) {
    std::vector<std::uint16_t> starts(words * kWord + 2 * kWord), key_ends(starts.size());
    for (std::size_t first = 0; first < std::min<std::size_t>(rows.size(), 3); ++first) {
        std::size_t rest = 0;
        const std::size_t count = routines.find_even_rows(ends.data(), commas.data(), words, rows[first].row, columns,
                                                          key, starts.data(), key_ends.data(), rest);
        CHECK(first + count <= rows.size());
        for (std::size_t i = 0; i < count; ++i) {
            const KeySpan& row = rows[first + i];
            CHECK(row.fields == columns && starts[i] == row.start && key_ends[i] == row.end);
        }
        std::vector<KeySpan> spans(words * kWord);
        std::size_t end = 0;
        const std::size_t others =
            routines.find_keys(ends.data(), commas.data(), words, rest, key, spans.data(), end);
        CHECK(first + count + others == rows.size());
        if (others > 0) CHECK(spans[0].row == rows[first + count].row);
    }
}

// The text in whole words, and what the routine finds, a slice of `slice_words` words at a time.
void compare(const Routines& routines, const std::string& text, std::size_t slice_words) {
    std::vector<std::uint8_t> data((text.size() / kWord + 2) * kWord, ' ');
    std::memcpy(data.data(), text.data(), text.size());
    const std::size_t words = data.size() / kWord;
    std::vector<std::uint64_t> ends(words + 1), commas(words + 1);
    StructureState state;
    for (std::size_t word = 0; word < words; word += slice_words) {
        const std::size_t count = std::min(slice_words, words - word);
        CHECK(routines.structure(data.data() + word * kWord, count, state, ends.data() + word,
                                 commas.data() + word) == kNoNul);
    }
    const naive::Structure expected = naive::structure({reinterpret_cast<const char*>(data.data()), data.size()});
    for (std::size_t i = 0; i < data.size(); ++i) {
        CHECK((ends[i / kWord] >> i % kWord & 1) == expected.ends[i]);
        CHECK((commas[i / kWord] >> i % kWord & 1) == expected.commas[i]);
    }
    CHECK(state.inside == expected.inside);

    for (std::size_t key = 0; key < 4; ++key) {
        const std::vector<KeySpan> rows = naive_rows(expected, key);
        compare_keys(routines, ends, commas, words, key, rows, expected);
        for (std::size_t columns = key + 1; columns < 6; ++columns) {
            compare_even(routines, ends, commas, words, columns, key, rows);
        }
    }
}

void shifted(const Routines& routines, const std::string& seed) {
    for (std::size_t shift = 0; shift <= kWidth; ++shift) {
        const std::string text = std::string(shift, 'x') + seed;
        compare(routines, text, 1);
        compare(routines, "\n" + text + "\n" + seed, 4);
    }
}

// Rows as files have them, of one shape but for one now and then, some of them with CRLF.
void even_rows(const Routines& routines, naive::Random& random) {
    const std::string newline = random.below(3) == 0 ? "\r\n" : "\n";
    const std::size_t columns = 1 + random.below(5);
    std::string text;
    while (text.size() < 500) {
        const std::size_t fields = random.below(20) == 0 ? 1 + random.below(6) : columns;
        for (std::size_t field = 0; field < fields; ++field) {
            text += (field ? "," : "") + std::string(random.below(random.below(20) == 0 ? 100 : 12), 'x');
        }
        text += newline;
    }
    compare(routines, text, 1 + random.below(8));
}

void lines_are_counted(const Routines& routines) {
    for (std::size_t shift = 0; shift <= kWidth; ++shift) {
        const std::string text = std::string(shift, 'x') + "a\r\nb\rc\n\n\r\r\n\"\n\r\n\"";
        std::vector<std::uint8_t> data((text.size() / kWord + 1) * kWord, ' ');
        std::memcpy(data.data(), text.data(), text.size());
        std::vector<std::uint64_t> ends(data.size()), commas(data.size());
        StructureState state;
        for (std::size_t at = 0; at < data.size(); at += kWord) {
            routines.structure(data.data() + at, 1, state, ends.data(), commas.data());
        }
        CHECK(state.line_ends == 8);
    }
}

void a_nul_is_found_where_it_is(const Routines& routines) {
    for (std::size_t at = 0; at < 3 * kWord; ++at) {
        std::vector<std::uint8_t> data(3 * kWord, 'x');
        data[at] = 0;
        std::vector<std::uint64_t> ends(4), commas(4);
        StructureState state;
        CHECK(routines.structure(data.data(), 3, state, ends.data(), commas.data()) == at);
    }
}

void quads(const Routines& routines, const std::string& text) {
    std::vector<std::uint8_t> data(text.begin(), text.end());
    data.resize(data.size() + 64, '1');
    // Several at once may go another way than one alone: once alone, once among good ones.
    const std::string other = "201.30.4.99";
    data.insert(data.end(), other.begin(), other.end());
    const auto begin = static_cast<std::uint16_t>(data.size() - other.size());
    const auto end = static_cast<std::uint16_t>(data.size());
    data.resize(data.size() + 16, '1');
    const Address expected = parse_address(text.data(), text.size());
    const bool is_quad = expected.kind == Kind::four;
    constexpr std::size_t most = 9;
    for (std::size_t count = 1; count <= most; count += 2) {
        for (std::size_t at = 0; at < count; at += 3) {
            std::vector<std::uint16_t> starts(count, begin), ends(count, end);
            starts[at] = 0;
            ends[at] = static_cast<std::uint16_t>(text.size());
            std::uint32_t numbers[most];
            std::uint8_t good[most];
            const std::size_t odd =
                routines.parse_quads(data.data(), starts.data(), ends.data(), count, numbers, good);
            CHECK(odd == (is_quad ? 0 : 1));
            for (std::size_t i = 0; i < count; ++i) {
                CHECK((good[i] != 0) == (i != at || is_quad));
                if (i != at) CHECK(numbers[i] == 0xC91E0463);
            }
            if (is_quad) CHECK(numbers[at] == expected.four);
        }
    }
}

}  // namespace

int main() {
    for (const char* name : {"portable", "avx2", "avx512"}) {
        const Routines* const routines = routines_named(name);
        std::printf("%s: %s\n", name, routines == nullptr ? "not on this processor" : "checked");
        if (routines == nullptr) continue;
        for (const char* seed :
             {"1.1.1.1,2\n", "\"a,b\"\n", "\"a\nb\",c\r\n", "a\"b,\"c\"\n", "\"\"\"a\"\"\",b\n", "\"\",\"\"\n",
              "\"a\"b\"c,d\n", ",,,\n", "\n\n", "\r\n\r", "\"", "a,\"b", "\"a\" \"b\"\n", "a,b,c,d,e,f,g\n"}) {
            shifted(*routines, seed);
        }
        naive::Random random(7);
        for (int turn = 0; turn < 20000; ++turn) {
            compare(*routines, random.text("a,\"\n\r ", random.below(200)), 1 + random.below(3));
        }
        lines_are_counted(*routines);
        a_nul_is_found_where_it_is(*routines);
        for (int turn = 0; turn < 1000; ++turn) even_rows(*routines, random);
        for (int turn = 0; turn < 100000; ++turn) quads(*routines, random.text("0125.x", random.below(18)));
        for (int turn = 0; turn < 50000; ++turn) {
            std::string text;
            for (int octet = 0; octet < 4; ++octet) text += (octet ? "." : "") + std::to_string(random.below(300));
            quads(*routines, text);
        }
    }
    CHECK(routines_named("no such set") == nullptr);
}
