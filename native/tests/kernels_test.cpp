// Each instruction set against the naive twin, on texts that are shifted over two words and cut everywhere.
#include "reduction/simd/kernels.hpp"

#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "check.hpp"
#include "reference.hpp"
#include "reference_kernels.hpp"

using namespace reduction;

namespace {

constexpr std::size_t kWidth = 2 * kWord;

void shifted(const Routines& routines, const std::string& seed) {
    for (std::size_t shift = 0; shift <= kWidth; ++shift) {
        const std::string text = std::string(shift, 'x') + seed;
        naive::compare(routines, text, 1);
        naive::compare(routines, "\n" + text + "\n" + seed, 4);
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
    naive::compare(routines, text, 1 + random.below(8));
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
        std::string text(3 * kWord, '\n');
        text[at] = '\0';
        naive::compare(routines, text, 3);
        text[0] = '"';
        naive::compare(routines, text, 1);
    }
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
            naive::compare(*routines, random.text("a,\"\n\r ", random.below(200)), 1 + random.below(3));
        }
        lines_are_counted(*routines);
        a_nul_is_found_where_it_is(*routines);
        for (int turn = 0; turn < 1000; ++turn) even_rows(*routines, random);
        for (int turn = 0; turn < 100000; ++turn) naive::compare_quad(*routines, random.text("0125.x", random.below(18)));
        for (int turn = 0; turn < 50000; ++turn) {
            std::string text;
            for (int octet = 0; octet < 4; ++octet) text += (octet ? "." : "") + std::to_string(random.below(300));
            naive::compare_quad(*routines, text);
        }
    }
    CHECK(routines_named(routines().name) == &routines() && routines_named("no such set") == nullptr);
}
