// CRC-32 by folding, for x86-64 processors with PCLMUL: a carry-less product moves 16 bytes forward by any distance
// (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009).
#include <emmintrin.h>
#include <wmmintrin.h>

#include <cstddef>
#include <cstdint>

namespace reduction {

namespace {

// x to the power of `bits`, modulo the polynomial. Everything is reflected: the highest power is the lowest bit. A
// product of two reflected numbers is shifted by one, which the last step corrects.
constexpr long long power(unsigned bits) {
    std::uint32_t remainder = 0x80000000U;
    for (unsigned i = 0; i < bits; ++i) remainder = (remainder >> 1) ^ (remainder & 1 ? 0xEDB88320U : 0U);
    return static_cast<long long>(std::uint64_t{remainder} << 1);
}

constexpr unsigned kLane = 128;  // bits of a register

// The low half of a register has the higher powers, so it moves 64 bits further than the high one, less the 32 bits
// of the CRC itself.
struct Distance {
    long long low, high;
};
constexpr Distance by(unsigned lanes) { return {power(lanes * kLane + 32), power(lanes * kLane - 32)}; }

__m128i load(const std::uint8_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }

__m128i moved(__m128i lane, __m128i distance) {
    return _mm_xor_si128(_mm_clmulepi64_si128(lane, distance, 0x00), _mm_clmulepi64_si128(lane, distance, 0x11));
}

}  // namespace

void fold_crc32(std::uint32_t crc, const std::uint8_t* data, std::size_t size, std::uint8_t* folded);

// Four lanes, so that no product waits for another; in the end they are folded into one.
void fold_crc32(std::uint32_t crc, const std::uint8_t* data, std::size_t size, std::uint8_t* folded) {
    constexpr Distance kFour = by(4), kOne = by(1);
    const __m128i four = _mm_set_epi64x(kFour.high, kFour.low);
    const __m128i one = _mm_set_epi64x(kOne.high, kOne.low);
    __m128i a = _mm_xor_si128(load(data), _mm_cvtsi32_si128(static_cast<int>(crc)));
    __m128i b = load(data + 16), c = load(data + 32), d = load(data + 48);
    std::size_t at = 64;
    for (; size - at >= 64; at += 64) {
        a = _mm_xor_si128(moved(a, four), load(data + at));
        b = _mm_xor_si128(moved(b, four), load(data + at + 16));
        c = _mm_xor_si128(moved(c, four), load(data + at + 32));
        d = _mm_xor_si128(moved(d, four), load(data + at + 48));
    }
    b = _mm_xor_si128(moved(a, one), b);
    c = _mm_xor_si128(moved(b, one), c);
    d = _mm_xor_si128(moved(c, one), d);
    for (; at < size; at += 16) d = _mm_xor_si128(moved(d, one), load(data + at));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(folded), d);
}

}  // namespace reduction
