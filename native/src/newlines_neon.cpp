#include <arm_neon.h>

#include "reduction/newlines.hpp"

namespace reduction {
namespace {

// Bytes that are 0 or 255 to one bit each: every lane keeps its own bit, then lanes are added pairwise.
std::uint64_t bits(uint8x16_t hits) noexcept {
    const uint8x16_t own = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t kept = vandq_u8(hits, own);
    return std::uint64_t{vaddv_u8(vget_low_u8(kept))} | std::uint64_t{vaddv_u8(vget_high_u8(kept))} << 8;
}

}  // namespace

std::uint64_t newlines_neon(const unsigned char* block) noexcept {
    std::uint64_t all = 0;
    for (unsigned part = 0; part < 4; ++part) {
        all |= bits(vceqq_u8(vld1q_u8(block + std::size_t{16} * part), vdupq_n_u8('\n'))) << (16 * part);
    }
    return all;
}

}  // namespace reduction
