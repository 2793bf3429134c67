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

    std::vector<KeySpan> spans(data.size());
    for (std::size_t key = 0; key < 4; ++key) {
        std::size_t rest = 0;
        const std::size_t count = routines.find_keys(ends.data(), commas.data(), words, 0, key, spans.data(), rest);
        std::size_t row = 0, start = 0, key_start = 0, key_end = 0, fields = 1;
        for (std::size_t i = 0; i < data.size(); ++i) {
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
                }
                ++row;
            }
            start = key_start = i + 1;
            fields = 1;
        }
        CHECK(row == count && rest == start);
    }
}

void shifted(const Routines& routines, const std::string& seed) {
    for (std::size_t shift = 0; shift <= kWidth; ++shift) {
        const std::string text = std::string(shift, 'x') + seed;
        compare(routines, text, 1);
        compare(routines, "\n" + text + "\n" + seed, 4);
    }
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
    const KeySpan span{0, 0, static_cast<std::uint32_t>(text.size()), 1};
    std::uint32_t number = 0;
    std::uint8_t good = 0;
    routines.parse_quads(data.data(), &span, 1, &number, &good);
    const Address expected = parse_address(text.data(), text.size());
    CHECK((good != 0) == (expected.kind == Kind::four));
    if (good != 0) CHECK(number == expected.four);
}

}  // namespace

int main() {
    for (const Routines* const routines : runnable_routines()) {
        std::printf("%s\n", routines->name);
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
        for (int turn = 0; turn < 300000; ++turn) quads(*routines, random.text("0125.x", random.below(18)));
        for (int turn = 0; turn < 100000; ++turn) {
            std::string text;
            for (int octet = 0; octet < 4; ++octet) text += (octet ? "." : "") + std::to_string(random.below(300));
            quads(*routines, text);
        }
    }
    CHECK(routines_named(routines().name) == &routines() && routines_named("no such set") == nullptr);
}
