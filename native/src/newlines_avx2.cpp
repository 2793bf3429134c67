#include <immintrin.h>

#include "reduction/newlines.hpp"

namespace reduction {
namespace {

std::uint64_t half(const unsigned char* bytes) noexcept {
    const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(text, _mm256_set1_epi8('\n'))));
}

}  // namespace

std::uint64_t newlines_avx2(const unsigned char* block) noexcept { return half(block) | half(block + 32) << 32; }

}  // namespace reduction
