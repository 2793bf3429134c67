// Every set of instructions that can run here finds what the portable code finds, at any alignment.
#include "reduction/newlines.hpp"

#include <array>
#include <cstdio>
#include <random>
#include <vector>

#include "check.hpp"
#include "reduction/instruction_set.hpp"
#include "reduction/version.hpp"

namespace {

using reduction::InstructionSet;

struct Way {
    InstructionSet set;
    std::uint64_t (*newlines)(const unsigned char*) noexcept;
};

constexpr std::array ways = {
    Way{InstructionSet::portable, reduction::newlines_portable},
#if defined(__x86_64__)
    Way{InstructionSet::avx2, reduction::newlines_avx2},
    Way{InstructionSet::avx512, reduction::newlines_avx512},
#elif defined(__aarch64__)
    Way{InstructionSet::neon, reduction::newlines_neon},
#endif
};

}  // namespace

int main() {
    std::mt19937 random{1};  // NOLINT: the same in every run
    for (std::size_t shift = 0; shift <= reduction::block_size; ++shift) {
        // On the heap and exactly as long as needed, so that a byte too far is seen by the sanitizer.
        std::vector<unsigned char> text(shift + reduction::block_size);
        for (int round = 0; round < 100; ++round) {
            for (unsigned char& byte : text) {
                byte = random() % 3 == 0 ? '\n' : static_cast<unsigned char>(random());
            }
            const unsigned char* block = text.data() + shift;
            const std::uint64_t expected = reduction::newlines_portable(block);
            CHECK(reduction::newlines(block) == expected);
            for (const Way& way : ways) {
                CHECK(!reduction::can_run(way.set) || way.newlines(block) == expected);
            }
        }
    }
    CHECK(!reduction::version().empty());
    for (const Way& way : ways) {
        std::printf("%s: %s\n", reduction::name_of(way.set).data(),
                    reduction::can_run(way.set) ? "tried" : "this processor cannot");
    }
}
