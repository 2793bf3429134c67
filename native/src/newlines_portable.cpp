#include "reduction/newlines.hpp"

namespace reduction {

std::uint64_t newlines_portable(const unsigned char* block) noexcept {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < block_size; ++i) {
        bits |= std::uint64_t{block[i] == '\n'} << i;
    }
    return bits;
}

}  // namespace reduction
