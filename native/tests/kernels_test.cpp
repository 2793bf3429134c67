// Each instruction set against the reference implementation, on texts that are shifted over two blocks.
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

constexpr std::size_t kWidth = 2 * kBlockBytes;

void shifted(const Kernels& kernels, const std::string& seed) {
    for (std::size_t shift = 0; shift <= kWidth; ++shift) {
        const std::string text = std::string(shift, 'x') + seed;
        reference::compare(kernels, text, 1);
        reference::compare(kernels, "\n" + text + "\n" + seed, 4);
    }
}

// Rows as in typical files: nearly all of them have the same number of fields; some files have CRLF.
void even_rows(const Kernels& kernels, reference::Random& random) {
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
    reference::compare(kernels, text, 1 + random.below(8));
}

void lines_are_counted(const Kernels& kernels) {
    for (std::size_t shift = 0; shift <= kWidth; ++shift) {
        const std::string text = std::string(shift, 'x') + "a\r\nb\rc\n\n\r\r\n\"\n\r\n\"";
        std::vector<std::uint8_t> data((text.size() / kBlockBytes + 1) * kBlockBytes, ' ');
        std::memcpy(data.data(), text.data(), text.size());
        std::vector<std::uint64_t> ends(data.size()), commas(data.size());
        StructureState state;
        for (std::size_t at = 0; at < data.size(); at += kBlockBytes) {
            kernels.structure(data.data() + at, 1, state, ends.data(), commas.data());
        }
        CHECK(state.line_ends == 8);
    }
}

void a_nul_is_found_where_it_is(const Kernels& kernels) {
    for (std::size_t at = 0; at < 3 * kBlockBytes; ++at) {
        std::string text(3 * kBlockBytes, '\n');
        text[at] = '\0';
        reference::compare(kernels, text, 3);
        text[0] = '"';
        reference::compare(kernels, text, 1);
    }
}

}  // namespace

int main() {
    for (const Kernels* const kernels : available_kernels()) {
        std::printf("%s\n", kernels->name);
        for (const char* seed :
             {"1.1.1.1,2\n", "\"a,b\"\n", "\"a\nb\",c\r\n", "a\"b,\"c\"\n", "\"\"\"a\"\"\",b\n", "\"\",\"\"\n",
              "\"a\"b\"c,d\n", ",,,\n", "\n\n", "\r\n\r", "\"", "a,\"b", "\"a\" \"b\"\n", "a,b,c,d,e,f,g\n"}) {
            shifted(*kernels, seed);
        }
        reference::Random random(7);
        for (int turn = 0; turn < 20000; ++turn) {
            reference::compare(*kernels, random.text("a,\"\n\r ", random.below(200)), 1 + random.below(3));
        }
        lines_are_counted(*kernels);
        a_nul_is_found_where_it_is(*kernels);
        for (int turn = 0; turn < 1000; ++turn) even_rows(*kernels, random);
        for (int turn = 0; turn < 100000; ++turn)
            reference::compare_ipv4(*kernels, random.text("0125.x", random.below(18)));
        for (int turn = 0; turn < 50000; ++turn) {
            std::string text;
            for (int octet = 0; octet < 4; ++octet) text += (octet ? "." : "") + std::to_string(random.below(300));
            reference::compare_ipv4(*kernels, text);
        }
    }
    CHECK(kernels_named(best_kernels().name) == &best_kernels() && kernels_named("no such set") == nullptr);
}
