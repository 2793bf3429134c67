#include <immintrin.h>

#include "reduction/newlines.hpp"

namespace reduction {

std::uint64_t newlines_avx512(const unsigned char* block) noexcept {
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(block), _mm512_set1_epi8('\n'));
}

}  // namespace reduction
