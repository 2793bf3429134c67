// The loops of routines.hpp, for one instruction set. The including file defines REDUCTION_ISA (a namespace) and
// includes its intrinsics first; it may define REDUCTION_HAS_AVX512, _AVX2, _SSE2, _NEON (with _PMULL, or without) or nothing.
//
// If you change the meaning of a quote here, change byte_scan.py with it: tests compare both with csv.

#include <cstddef>
#include <cstdint>

#include "reduction/routines.hpp"

namespace reduction::REDUCTION_ISA {

namespace {

using u8 = std::uint8_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr u64 kAll = ~u64{0};

inline std::size_t lowest(u64 bits) { return static_cast<std::size_t>(__builtin_ctzll(bits)); }
inline std::size_t ones(u64 bits) { return static_cast<std::size_t>(__builtin_popcountll(bits)); }

// --- masks of 64 bytes ------------------------------------------------------------------------------------

struct Masks {
    u64 lf, cr, comma, quote, nul;
};

#if defined(REDUCTION_HAS_AVX512)

inline Masks masks_of(const u8* data) {
    const __m512i bytes = _mm512_loadu_si512(data);
    const auto equal = [&](char c) { return u64{_mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(c))}; };
    return {equal('\n'), equal('\r'), equal(','), equal('"'), equal('\0')};
}

#elif defined(REDUCTION_HAS_AVX2)

inline Masks masks_of(const u8* data) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + 32));
    const auto equal = [&](char c) {
        const __m256i wanted = _mm256_set1_epi8(c);
        const auto lows = static_cast<u32>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)));
        const auto highs = static_cast<u32>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)));
        return u64{highs} << 32 | lows;
    };
    return {equal('\n'), equal('\r'), equal(','), equal('"'), equal('\0')};
}

#elif defined(REDUCTION_HAS_SSE2)

inline Masks masks_of(const u8* data) {
    __m128i parts[4];
    for (unsigned i = 0; i < 4; ++i) parts[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + 16 * i));
    const auto equal = [&](char c) {
        const __m128i wanted = _mm_set1_epi8(c);
        u64 mask = 0;
        for (unsigned i = 0; i < 4; ++i) {
            mask |= u64{static_cast<u32>(_mm_movemask_epi8(_mm_cmpeq_epi8(parts[i], wanted)))} << 16 * i;
        }
        return mask;
    };
    return {equal('\n'), equal('\r'), equal(','), equal('"'), equal('\0')};
}

#elif defined(REDUCTION_HAS_NEON)

// There is no instruction that gathers a bit of each byte: every byte that is equal keeps one bit, by its place
// among eight, and three sums of neighbours make eight bytes one (Langdale and Lemire, "Parsing Gigabytes of JSON
// per Second", 2019).
inline Masks masks_of(const u8* data) {
    const uint8x16_t bits = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
    const uint8x16x4_t bytes = {vld1q_u8(data), vld1q_u8(data + 16), vld1q_u8(data + 32), vld1q_u8(data + 48)};
    const auto equal = [&](char c) {
        const uint8x16_t wanted = vdupq_n_u8(static_cast<u8>(c));
        const auto part = [&](unsigned i) { return vandq_u8(vceqq_u8(bytes.val[i], wanted), bits); };
        const uint8x16_t low = vpaddq_u8(part(0), part(1));
        const uint8x16_t high = vpaddq_u8(part(2), part(3));
        const uint8x16_t all = vpaddq_u8(low, high);
        return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
    };
    return {equal('\n'), equal('\r'), equal(','), equal('"'), equal('\0')};
}

#else

// Eight bytes at a time: the highest bit of each byte that equals c, gathered by a multiplication. The exact
// form of the zero-byte test (no carry leaves its byte): Warren, Hacker's Delight, 2nd edition, section 6-1.
inline u64 equal_in_eight(u64 bytes, u64 c) {
    constexpr u64 sevens = 0x7F7F7F7F7F7F7F7F;
    const u64 differs = bytes ^ (c * 0x0101010101010101);
    const u64 is_zero = ~(((differs & sevens) + sevens) | differs | sevens);
    return (is_zero >> 7) * 0x0102040810204080 >> 56;
}

inline u64 load_little_endian(const u8* data) {
    u64 value = 0;
    for (unsigned i = 0; i < 8; ++i) value |= u64{data[i]} << (8 * i);
    return value;
}

inline Masks masks_of(const u8* data) {
    Masks masks{};
    for (unsigned part = 0; part < 8; ++part) {
        const u64 bytes = load_little_endian(data + 8 * part);
        const unsigned shift = 8 * part;
        masks.lf |= equal_in_eight(bytes, '\n') << shift;
        masks.cr |= equal_in_eight(bytes, '\r') << shift;
        masks.comma |= equal_in_eight(bytes, ',') << shift;
        masks.quote |= equal_in_eight(bytes, '"') << shift;
        masks.nul |= equal_in_eight(bytes, '\0') << shift;
    }
    return masks;
}

#endif

// --- quotes -----------------------------------------------------------------------------------------------

// Bit i of the result is the parity of bits 0 to i.
inline u64 prefix_xor(u64 bits) {
#if defined(REDUCTION_HAS_AVX2) || defined(REDUCTION_HAS_AVX512)
    const __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<long long>(bits)),
                                                 _mm_set1_epi8(static_cast<char>(0xFF)), 0);
    return static_cast<u64>(_mm_cvtsi128_si64(product));
#elif defined(REDUCTION_HAS_PMULL)
    return vgetq_lane_u64(vreinterpretq_u64_p128(vmull_p64(bits, kAll)), 0);
#else
    for (unsigned shift = 1; shift < 64; shift <<= 1) bits ^= bits << shift;
    return bits;
#endif
}

// The quotes of one word that open, close or double, by the state machine of csv; the others are text.
inline u64 effective_quotes(u64 quotes, u64 separators, const StructureState& state) {
    u64 effective = 0;
    bool inside = state.inside;
    u64 closing = 0;
    for (u64 left = quotes; left != 0; left &= left - 1) {
        const std::size_t at = lowest(left);
        const u64 bit = u64{1} << at;
        if (inside) {
            closing |= bit;
        } else {
            const bool is_start = at == 0 ? state.before_is_separator : (separators & bit >> 1) != 0;
            const bool doubles = at == 0 ? state.before_is_closing : (closing & bit >> 1) != 0;
            if (!is_start && !doubles) continue;
        }
        effective |= bit;
        inside = !inside;
    }
    return effective;
}

std::size_t structure(const u8* data, std::size_t words, StructureState& state, u64* ends, u64* commas) {
    for (std::size_t word = 0; word < words; ++word) {
        const Masks masks = masks_of(data + kWord * word);
        if (masks.nul != 0) [[unlikely]] {
            // What stands before the NUL is still wanted: the header may be complete.
            const u64 before = (masks.nul & (~masks.nul + 1)) - 1;
            const u64 row_ends = (masks.lf | masks.cr) & before;
            state.line_ends += ones((masks.cr & before) |
                                    (masks.lf & before & ~(masks.cr << 1 | u64{state.before_is_cr})));
            u64 outside = state.inside ? 0 : kAll;
            if (masks.quote != 0 || state.inside) {
                const u64 quotes = effective_quotes(masks.quote & before, row_ends | masks.comma, state);
                outside = ~(prefix_xor(quotes) ^ (state.inside ? kAll : 0));
            }
            ends[word] = row_ends & outside;
            commas[word] = masks.comma & before & outside;
            return kWord * word + lowest(masks.nul);
        }
        const u64 row_ends = masks.lf | masks.cr;
        const u64 separators = row_ends | masks.comma;
        if (masks.cr != 0 || state.before_is_cr) {
            state.line_ends += ones(masks.cr | (masks.lf & ~(masks.cr << 1 | u64{state.before_is_cr})));
            state.before_is_cr = masks.cr >> 63 != 0;
        } else {
            state.line_ends += ones(masks.lf);
        }
        if (masks.quote == 0 && !state.inside) {
            ends[word] = row_ends;
            commas[word] = masks.comma;
            state.before_is_closing = false;
        } else {
            const u64 entry = state.inside ? kAll : 0;
            u64 quotes = masks.quote;
            u64 inside = prefix_xor(quotes) ^ entry;
            u64 closing = quotes & ~inside;
            const u64 may_open = (separators | closing) << 1 |
                                 u64{state.before_is_separator || state.before_is_closing};
            if ((quotes & inside & ~may_open) != 0) [[unlikely]] {
                quotes = effective_quotes(quotes, separators, state);
                inside = prefix_xor(quotes) ^ entry;
                closing = quotes & ~inside;
            }
            ends[word] = row_ends & ~inside;
            commas[word] = masks.comma & ~inside;
            state.inside = inside >> 63 != 0;
            state.before_is_closing = closing >> 63 != 0;
        }
        state.before_is_separator = separators >> 63 != 0;
    }
    return kNoNul;
}

// --- rows and keys ----------------------------------------------------------------------------------------

// The 64 bits of `words` from bit `at` on.
inline u64 bits_from(const u64* words, std::size_t at) {
    const std::size_t shift = at % kWord;
    const u64 low = words[at / kWord] >> shift;
    return shift == 0 ? low : low | words[at / kWord + 1] << (kWord - shift);
}

// A row that is longer than a word: counts word by word.
inline KeySpan long_row(const u64* commas, std::size_t start, std::size_t end, std::size_t key) {
    std::size_t seen = 0;
    std::size_t key_start = key == 0 ? start : 0;
    std::size_t key_end = 0;
    for (std::size_t at = start; at < end; at += kWord) {
        u64 bits = bits_from(commas, at);
        if (end - at < kWord) bits &= (u64{1} << (end - at)) - 1;
        const std::size_t here = ones(bits);
        if (key_end == 0 && seen + here >= key) {
            u64 left = bits;
            std::size_t number = seen;  // of the comma that is the lowest in `left`, counted from 0
            for (; left != 0 && number <= key; left &= left - 1, ++number) {
                if (number + 1 == key) key_start = at + lowest(left) + 1;
                if (number == key) key_end = at + lowest(left);
            }
        }
        seen += here;
    }
    if (seen < key) return {static_cast<u32>(start), 0, 0, static_cast<u32>(seen + 1)};
    if (seen == key) key_end = end;
    return {static_cast<u32>(start), static_cast<u32>(key_start), static_cast<u32>(key_end),
            static_cast<u32>(seen + 1)};
}

inline KeySpan short_row(const u64* commas, std::size_t start, std::size_t end, std::size_t key) {
    u64 bits = bits_from(commas, start) & ((u64{1} << (end - start)) - 1);
    const std::size_t seen = ones(bits);
    if (seen < key) return {static_cast<u32>(start), 0, 0, static_cast<u32>(seen + 1)};
    std::size_t key_start = start;
    if (key != 0) {
        for (std::size_t skip = 1; skip < key; ++skip) bits &= bits - 1;
        key_start = start + lowest(bits) + 1;
        bits &= bits - 1;
    }
    const std::size_t key_end = bits != 0 ? start + lowest(bits) : end;
    return {static_cast<u32>(start), static_cast<u32>(key_start), static_cast<u32>(key_end),
            static_cast<u32>(seen + 1)};
}

std::size_t find_keys(const u64* ends, const u64* commas, std::size_t words, std::size_t from, std::size_t key,
                      KeySpan* spans, std::size_t& rest) {
    std::size_t count = 0;
    std::size_t start = from;
    std::size_t word = from / kWord;
    if (word < words) {
        u64 bits = ends[word] & kAll << from % kWord;
        for (;;) {
            for (; bits != 0; bits &= bits - 1) {
                const std::size_t end = kWord * word + lowest(bits);
                if (end != start) {
                    spans[count++] = end - start < kWord ? short_row(commas, start, end, key)
                                                         : long_row(commas, start, end, key);
                }
                start = end + 1;
            }
            if (++word == words) break;
            bits = ends[word];
        }
    }
    rest = start;
    return count;
}

// --- dotted quads -----------------------------------------------------------------------------------------

#if defined(REDUCTION_HAS_AVX2) || defined(REDUCTION_HAS_AVX512) || defined(REDUCTION_HAS_NEON)

// For the lengths of the four octets (two bits each): how to put their digits into lanes of four bytes, hundreds,
// tens and ones at the end of each; and the least value that may be written with so many digits.
struct QuadTable {
    alignas(16) u8 digits[256][16];
    alignas(16) std::int32_t least[256][4];
};

constexpr QuadTable make_quad_table() {
    constexpr std::int32_t least_of[4] = {1000, 0, 10, 100};  // no octet without digits
    QuadTable table{};
    for (unsigned lengths = 0; lengths < 256; ++lengths) {
        const unsigned of[4] = {lengths >> 6, lengths >> 4 & 3, lengths >> 2 & 3, lengths & 3};
        unsigned at = 0;
        for (unsigned octet = 0; octet < 4; ++octet) {
            for (unsigned place = 0; place < 4; ++place) {
                const bool is_there = place + of[octet] >= 4;
                const unsigned from = at + place + of[octet] - 4;
                table.digits[lengths][4 * octet + place] = is_there ? static_cast<u8>(from) : u8{0x80};
            }
            table.least[lengths][octet] = least_of[of[octet]];
            at += of[octet] + 1;
        }
    }
    return table;
}

constexpr QuadTable kQuads = make_quad_table();

#endif

#if defined(REDUCTION_HAS_AVX2) || defined(REDUCTION_HAS_AVX512)

inline bool parse_quad(const u8* text, std::size_t length, u32& number) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
    auto dots = static_cast<u32>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.'))));
    dots &= (1U << length) - 1;
    if (__builtin_popcount(dots) != 3) return false;
    const auto first = static_cast<u32>(__builtin_ctz(dots));
    dots &= dots - 1;
    const auto second = static_cast<u32>(__builtin_ctz(dots));
    const auto third = static_cast<u32>(__builtin_ctz(dots & (dots - 1)));
    const u32 l1 = first, l2 = second - first - 1, l3 = third - second - 1;
    const u32 l4 = static_cast<u32>(length) - third - 1;
    if (((l1 | l2 | l3 | l4) & ~3U) != 0) return false;
    const u32 lengths = l1 << 6 | l2 << 4 | l3 << 2 | l4;
    const __m128i shuffle = _mm_load_si128(reinterpret_cast<const __m128i*>(kQuads.digits[lengths]));
    const __m128i digits = _mm_shuffle_epi8(_mm_sub_epi8(bytes, _mm_set1_epi8('0')), shuffle);
    const __m128i nines = _mm_set1_epi8(9);
    const __m128i are_digits = _mm_cmpeq_epi8(_mm_max_epu8(digits, nines), nines);
    const __m128i weights = _mm_setr_epi8(0, 100, 10, 1, 0, 100, 10, 1, 0, 100, 10, 1, 0, 100, 10, 1);
    const __m128i pairs = _mm_maddubs_epi16(digits, weights);
    const __m128i octets = _mm_madd_epi16(pairs, _mm_set1_epi16(1));
    const __m128i least = _mm_load_si128(reinterpret_cast<const __m128i*>(kQuads.least[lengths]));
    const __m128i bad =
        _mm_or_si128(_mm_cmpgt_epi32(least, octets), _mm_cmpgt_epi32(octets, _mm_set1_epi32(255)));
    if (_mm_movemask_epi8(_mm_andnot_si128(bad, are_digits)) != 0xFFFF) return false;
    const __m128i gather = _mm_setr_epi8(12, 8, 4, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    number = static_cast<u32>(_mm_cvtsi128_si32(_mm_shuffle_epi8(octets, gather)));
    return true;
}

#elif defined(REDUCTION_HAS_NEON)

inline bool parse_quad(const u8* text, std::size_t length, u32& number) {
    const uint8x16_t bytes = vld1q_u8(text);
    // Four bits for each byte, of which one is kept.
    const uint16x8_t are_dots = vreinterpretq_u16_u8(vceqq_u8(bytes, vdupq_n_u8('.')));
    const u64 first_dots = vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(are_dots, 4)), 0) & 0x1111111111111111 &
                           ((u64{1} << 4 * length) - 1);
    const u64 second_dots = first_dots & (first_dots - 1);
    const u64 third_dots = second_dots & (second_dots - 1);
    if (third_dots == 0 || (third_dots & (third_dots - 1)) != 0) return false;
    const std::size_t first = lowest(first_dots) / 4, second = lowest(second_dots) / 4, third = lowest(third_dots) / 4;
    const std::size_t l1 = first, l2 = second - first - 1, l3 = third - second - 1, l4 = length - third - 1;
    if (((l1 | l2 | l3 | l4) & ~std::size_t{3}) != 0) return false;
    const std::size_t lengths = l1 << 6 | l2 << 4 | l3 << 2 | l4;
    // What the table leaves out comes as 0.
    const uint8x16_t digits = vqtbl1q_u8(vsubq_u8(bytes, vdupq_n_u8('0')), vld1q_u8(kQuads.digits[lengths]));
    const uint8x8_t weights = vreinterpret_u8_u32(vdup_n_u32(0x010A6400));  // 0, 100, 10, 1
    const uint16x8_t pairs = vpaddq_u16(vmull_u8(vget_low_u8(digits), weights), vmull_u8(vget_high_u8(digits), weights));
    const uint16x4_t octets = vpadd_u16(vget_low_u16(pairs), vget_high_u16(pairs));
    const int32x4_t values = vreinterpretq_s32_u32(vmovl_u16(octets));
    const uint32x4_t are_octets = vandq_u32(vcgeq_s32(values, vld1q_s32(kQuads.least[lengths])),
                                            vcleq_s32(values, vdupq_n_s32(255)));
    if (vminvq_u32(are_octets) == 0 || vmaxvq_u8(digits) > 9) return false;
    const uint8x8_t narrow = vmovn_u16(vcombine_u16(octets, octets));
    number = __builtin_bswap32(vget_lane_u32(vreinterpret_u32_u8(narrow), 0));
    return true;
}

#else

inline bool parse_quad(const u8* text, std::size_t length, u32& number) {
    u32 value = 0;
    std::size_t at = 0;
    for (unsigned octet = 0; octet < 4; ++octet) {
        u32 part = 0;
        const std::size_t first = at;
        while (at < length && at - first < 3 && static_cast<u8>(text[at] - '0') < 10) {
            part = part * 10 + static_cast<u32>(text[at++] - '0');
        }
        const std::size_t digits = at - first;
        if (digits == 0 || part > 255 || (digits > 1 && text[first] == '0')) return false;
        value = value << 8 | part;
        if (octet < 3 && (at >= length || text[at++] != '.')) return false;
    }
    number = value;
    return at == length;
}

#endif

void parse_quads(const u8* data, const KeySpan* spans, std::size_t count, u32* numbers, u8* good) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t length = spans[i].end - spans[i].start;
        u32 number = 0;
        good[i] = length - 7 <= 8 && parse_quad(data + spans[i].start, length, number);
        numbers[i] = number;
    }
}

}  // namespace

}  // namespace reduction::REDUCTION_ISA
