// From keys to numbers: IPv4 addresses. See kernels.inl.
//
// The positions of its dots and of its end determine the lengths of the four octets: 81 masks of 16 bits. A
// multiplication maps each mask to its own slot in a table, which knows how to move the digits to their places (the
// idea: Lemire, "Parsing IP addresses crazily fast", 2023).

namespace reduction::REDUCTION_ISA {

namespace {

#if defined(REDUCTION_HAS_AVX2) || defined(REDUCTION_HAS_AVX512) || defined(REDUCTION_HAS_NEON)

// Found by trying all numbers; `make_shapes` fails to compile if two masks share a slot.
constexpr u16 kMultiplier = 0x1A3E;
constexpr u32 slot_of(u32 mask) { return (mask * kMultiplier & 0xFFFF) >> 8; }

// The meaning of a mask: how to move the digits into lanes of four bytes, with hundreds, tens and ones at the end of
// each; and the smallest value that may have as many digits. The latter has 32 bits, the upper half of which is unused,
// except that the first one holds the mask itself, or 0 for an unused slot.
struct alignas(32) Ipv4Shape {
    u8 digits[16];
    u16 min[8];
    static constexpr std::size_t kMask = 1;
};

struct Ipv4Shapes {
    Ipv4Shape at[256];
};

constexpr Ipv4Shapes make_shapes() {
    constexpr u16 min_of[4] = {0, 0, 10, 100};
    Ipv4Shapes table{};
    for (unsigned lengths = 0; lengths < 81; ++lengths) {
        const unsigned of[4] = {1 + lengths / 27, 1 + lengths / 9 % 3, 1 + lengths / 3 % 3, 1 + lengths % 3};
        const unsigned first[4] = {0, of[0] + 1, of[0] + of[1] + 2, of[0] + of[1] + of[2] + 3};
        u32 mask = 0;
        for (unsigned octet = 0; octet < 4; ++octet) mask |= 1U << (first[octet] + of[octet]);
        Ipv4Shape& shape = table.at[slot_of(mask)];
        if (shape.min[Ipv4Shape::kMask] != 0) throw "two masks share a slot";
        shape.min[Ipv4Shape::kMask] = static_cast<u16>(mask);
        for (unsigned octet = 0; octet < 4; ++octet) {
            for (unsigned lane = 0; lane < 4; ++lane) {
                const bool is_there = lane + of[octet] >= 4;
                const unsigned from = first[octet] + lane + of[octet] - 4;
                shape.digits[4 * octet + lane] = is_there ? static_cast<u8>(from) : u8{0x80};
            }
            shape.min[2 * octet] = min_of[of[octet]];
        }
    }
    return table;
}

constexpr Ipv4Shapes kIpv4Shapes = make_shapes();

constexpr int kWeights = 0x010A6400;  // of the digits in a lane: 0, 100, 10, 1

#endif

#if defined(REDUCTION_HAS_AVX2) || defined(REDUCTION_HAS_AVX512)

inline __m128i sixteen(const void* at) { return _mm_loadu_si128(static_cast<const __m128i*>(at)); }

inline bool parse_one_ipv4(const u8* text, std::size_t length, u32& number) {
    const __m128i bytes = sixteen(text);
    const auto dots = static_cast<u32>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.'))));
    const u32 end = 1U << length;
    const u32 mask = (dots & (end - 1)) | end;
    const Ipv4Shape& shape = kIpv4Shapes.at[slot_of(mask)];
    if (shape.min[Ipv4Shape::kMask] != mask) return false;
    const __m128i digits = _mm_shuffle_epi8(_mm_sub_epi8(bytes, _mm_set1_epi8('0')), sixteen(shape.digits));
    const __m128i nines = _mm_set1_epi8(9);
    const __m128i are_digits = _mm_cmpeq_epi8(_mm_max_epu8(digits, nines), nines);
    const __m128i octets = _mm_madd_epi16(_mm_maddubs_epi16(digits, _mm_set1_epi32(kWeights)), _mm_set1_epi16(1));
    const __m128i min = _mm_and_si128(sixteen(shape.min), _mm_set1_epi32(0xFFFF));
    const __m128i bad = _mm_or_si128(_mm_cmpgt_epi32(min, octets), _mm_cmpgt_epi32(octets, _mm_set1_epi32(255)));
    if (_mm_movemask_epi8(_mm_andnot_si128(bad, are_digits)) != 0xFFFF) return false;
    const __m128i gather = _mm_setr_epi8(12, 8, 4, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    number = static_cast<u32>(_mm_cvtsi128_si32(_mm_shuffle_epi8(octets, gather)));
    return true;
}

#elif defined(REDUCTION_HAS_NEON)

inline bool parse_one_ipv4(const u8* text, std::size_t length, u32& number) {
    const uint8x16_t bytes = vld1q_u8(text);
    const uint8x16_t bits = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
    uint8x16_t dots = vandq_u8(vceqq_u8(bytes, vdupq_n_u8('.')), bits);
    for (int sum = 0; sum < 3; ++sum) dots = vpaddq_u8(dots, dots);  // as in masks_of
    const u32 end = 1U << length;
    const u32 mask = (vgetq_lane_u16(vreinterpretq_u16_u8(dots), 0) & (end - 1)) | end;
    const Ipv4Shape& shape = kIpv4Shapes.at[slot_of(mask)];
    if (shape.min[Ipv4Shape::kMask] != mask) return false;
    // Unused bytes become 0.
    const uint8x16_t digits = vqtbl1q_u8(vsubq_u8(bytes, vdupq_n_u8('0')), vld1q_u8(shape.digits));
    const uint8x8_t weights = vreinterpret_u8_s32(vdup_n_s32(kWeights));
    const uint16x8_t pairs =
        vpaddq_u16(vmull_u8(vget_low_u8(digits), weights), vmull_u8(vget_high_u8(digits), weights));
    const uint16x4_t octets = vpadd_u16(vget_low_u16(pairs), vget_high_u16(pairs));
    const uint16x8_t min = vld1q_u16(shape.min);
    const uint16x4_t are_octets =
        vand_u16(vcge_u16(octets, vget_low_u16(vuzp1q_u16(min, min))), vcle_u16(octets, vdup_n_u16(255)));
    if (vminv_u16(are_octets) == 0 || vmaxvq_u8(digits) > 9) return false;
    const uint8x8_t narrow = vmovn_u16(vcombine_u16(octets, octets));
    number = __builtin_bswap32(vget_lane_u32(vreinterpret_u32_u8(narrow), 0));
    return true;
}

#else

inline bool parse_one_ipv4(const u8* text, std::size_t length, u32& number) {
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

inline bool parse_one(const u8* data, u16 start, u16 end, u32& number) {
    const std::size_t length = static_cast<std::size_t>(end) - start;
    number = 0;
    return length - 7 <= 8 && parse_one_ipv4(data + start, length, number);
}

#if defined(REDUCTION_HAS_AVX512)

inline __m512i four_rows(const void* a, const void* b, const void* c, const void* d) {
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(sixteen(a)), sixteen(b), 1);
    const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(sixteen(c)), sixteen(d), 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// Keeps a constant in its register: this compiler would create some of them again in every iteration.
inline __m512i kept(__m512i constant) {
    asm("" : "+v"(constant));
    return constant;
}

// Parses `count` keys, a multiple of four, four at a time; returns whether all of them are IPv4 addresses. Errors are
// collected in `wrong` and checked once, because they are rare.
inline bool parse_fours(const u8* data, const u16* starts, const u16* ends, std::size_t count, u32* numbers) {
    const __m512i dot = kept(_mm512_set1_epi8('.')), zero = kept(_mm512_set1_epi8('0')),
                  nine = kept(_mm512_set1_epi8(9));
    const __m512i weights = kept(_mm512_set1_epi32(kWeights)), most = kept(_mm512_set1_epi32(255));
    const __m512i reversed = kept(_mm512_set1_epi32(0x0004080C));
    const __m512i firsts = kept(_mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 8, 4, 0));
    // Moves the four masks to the place where Ipv4Shape has its own, with zeros everywhere else.
    constexpr int none = 4 << 16 | 4;
    const __m512i to_masks = kept(_mm512_set_epi32(none, none, none, 3 << 16 | 4, none, none, none, 2 << 16 | 4, none,
                                                   none, none, 1 << 16 | 4, none, none, none, 0 << 16 | 4));
    const __m128i one = _mm_set1_epi16(1), multiplier = _mm_set1_epi16(kMultiplier);
    __m512i wrong = _mm512_setzero_si512();
    __m128i all_lengths = _mm_setzero_si128();
    for (std::size_t i = 0; i < count; i += 4) {
        const __m512i bytes =
            four_rows(data + starts[i], data + starts[i + 1], data + starts[i + 2], data + starts[i + 3]);
        const __m128i lengths = _mm_sub_epi16(_mm_loadu_si64(ends + i), _mm_loadu_si64(starts + i));
        all_lengths = _mm_or_si128(all_lengths, lengths);
        const __m128i dots = _mm_cvtsi64_si128(static_cast<long long>(_mm512_cmpeq_epi8_mask(bytes, dot)));
        const __m128i end = _mm_sllv_epi16(one, lengths);
        const __m128i masks = _mm_or_si128(_mm_and_si128(dots, _mm_sub_epi16(end, one)), end);
        const __m128i places = _mm_srli_epi16(_mm_mullo_epi16(masks, multiplier), 8);
        const auto place = static_cast<u64>(_mm_cvtsi128_si64(places));
        const Ipv4Shape& a = kIpv4Shapes.at[place & 0xFF];
        const Ipv4Shape& b = kIpv4Shapes.at[place >> 16 & 0xFF];
        const Ipv4Shape& c = kIpv4Shapes.at[place >> 32 & 0xFF];
        const Ipv4Shape& d = kIpv4Shapes.at[place >> 48];
        const __m512i digits =
            _mm512_shuffle_epi8(_mm512_sub_epi8(bytes, zero), four_rows(a.digits, b.digits, c.digits, d.digits));
        const __m512i octets = _mm512_dpbusd_epi32(_mm512_setzero_si512(), digits, weights);
        // Equal masks cancel each other, which leaves the smallest values.
        const __m512i min =
            _mm512_xor_si512(four_rows(a.min, b.min, c.min, d.min),
                             _mm512_permutexvar_epi16(to_masks, _mm512_castsi128_si512(_mm_move_epi64(masks))));
        wrong = _mm512_or_si512(wrong, _mm512_subs_epu16(min, octets));
        wrong = _mm512_or_si512(wrong, _mm512_subs_epu16(octets, most));
        wrong = _mm512_or_si512(wrong, _mm512_subs_epu8(digits, nine));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(numbers + i), _mm512_castsi512_si128(_mm512_permutexvar_epi32(
                                                                      firsts, _mm512_shuffle_epi8(octets, reversed))));
    }
    const auto long_ones = static_cast<u64>(_mm_cvtsi128_si64(all_lengths)) & 0xFFF0FFF0FFF0FFF0;
    return (long_ones | _mm512_test_epi32_mask(wrong, wrong)) == 0;
}

#endif

// Parses one key after the other; returns how many are not good.
[[gnu::noinline]] std::size_t parse_each(const u8* data, const u16* starts, const u16* ends, std::size_t count,
                                         u32* numbers, u8* good) {
    std::size_t bad = 0;
    for (std::size_t i = 0; i < count; ++i) {
        good[i] = parse_one(data, starts[i], ends[i], numbers[i]);
        bad += good[i] == 0;
    }
    return bad;
}

std::size_t parse_ipv4(const u8* data, const u16* starts, const u16* ends, std::size_t count, u32* numbers, u8* good) {
    std::size_t bad = 0;
    std::size_t i = 0;
#if defined(REDUCTION_HAS_AVX512)
    constexpr std::size_t block = 64;  // keys; one irregular key makes all of a block go the slower way
    while (i + 4 <= count) {
        const std::size_t size = (count - i < block ? count - i : block) & ~std::size_t{3};
        if (parse_fours(data, starts + i, ends + i, size, numbers + i)) {
            for (std::size_t j = i; j < i + size; ++j) good[j] = 1;
        } else {
            bad += parse_each(data, starts + i, ends + i, size, numbers + i, good + i);
        }
        i += size;
    }
#endif
    return bad + parse_each(data, starts + i, ends + i, count - i, numbers + i, good + i);
}

}  // namespace

}  // namespace reduction::REDUCTION_ISA
