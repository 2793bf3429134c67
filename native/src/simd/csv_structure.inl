// From bytes to masks: ends of rows, and commas, outside quotes. See kernels.inl.
//
// If you change the meaning of a quote here, change engines/columnar/tokenizer.py as well: tests compare both with csv.

namespace reduction::REDUCTION_ISA {

namespace {

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

// No instruction gathers a bit of each byte. So every equal byte keeps one bit, by its position among eight, and three
// sums of neighbours make one byte of eight (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019).
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

// Eight bytes at a time: a multiplication gathers the highest bit of each byte that equals c. For the exact form of the
// zero-byte test, without carries between bytes, see Warren, Hacker's Delight, 2nd edition, section 6-1.
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

// The quotes of one block that open, close or are doubled, by the state machine of csv; the others are text.
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

// Sets the masks of a block; returns whether it has neither CR, quote nor NUL.
#if defined(REDUCTION_HAS_AVX512)

inline bool is_plain(const u8* data, u64& lf, u64& comma) {
    const __m512i bytes = _mm512_loadu_si512(data);
    lf = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\n'));
    comma = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(','));
    const u64 control = _mm512_cmplt_epu8_mask(bytes, _mm512_set1_epi8('\r' + 1));  // others than LF are rare
    return ((control ^ lf) | _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"'))) == 0;
}

#else

inline bool is_plain(const u8* data, u64& lf, u64& comma) {
    const Masks masks = masks_of(data);
    lf = masks.lf;
    comma = masks.comma;
    return (masks.cr | masks.quote | masks.nul) == 0;
}

#endif

// Processes blocks as long as they are plain; returns how many. The first byte is outside quotes and not after a CR.
// Not inlined, so that its few values stay in registers.
[[gnu::noinline]] std::size_t scan_plain(const u8* data, std::size_t blocks, StructureState& state, u64* ends,
                                         u64* commas) {
    u64 line_ends = 0;
    std::size_t block = 0;
    for (; block < blocks; ++block) {
        u64 lf, comma;
        if (!is_plain(data + kBlockBytes * block, lf, comma)) break;
        ends[block] = lf;
        commas[block] = comma;
        line_ends += ones(lf);
    }
    if (block > 0) {
        state.line_ends += line_ends;
        state.before_is_closing = false;
        state.before_is_separator = (ends[block - 1] | commas[block - 1]) >> 63 != 0;
    }
    return block;
}

// The block with the first NUL: the bytes before it count, because they may complete the header.
[[gnu::noinline]] void scan_up_to_nul(const Masks& masks, StructureState& state, u64& ends, u64& commas) {
    const u64 before = (masks.nul & (~masks.nul + 1)) - 1;
    const u64 row_ends = (masks.lf | masks.cr) & before;
    state.line_ends += ones((masks.cr & before) | (masks.lf & before & ~(masks.cr << 1 | u64{state.before_is_cr})));
    const u64 quotes = effective_quotes(masks.quote & before, row_ends | masks.comma, state);
    const u64 outside = ~(prefix_xor(quotes) ^ (state.inside ? kAll : 0));
    ends = row_ends & outside;
    commas = masks.comma & before & outside;
}

std::size_t structure(const u8* data, std::size_t blocks, StructureState& carried, u64* ends, u64* commas) {
    StructureState state = carried;
    bool may_be_plain = true;
    for (std::size_t block = 0; block < blocks; ++block) {
        if (may_be_plain && !state.inside && !state.before_is_cr) {
            block += scan_plain(data + kBlockBytes * block, blocks - block, state, ends + block, commas + block);
            if (block == blocks) break;
        }
        const Masks masks = masks_of(data + kBlockBytes * block);
        if (masks.nul != 0) [[unlikely]] {
            scan_up_to_nul(masks, state, ends[block], commas[block]);
            carried = state;
            return kBlockBytes * block + lowest(masks.nul);
        }
        const u64 row_ends = masks.lf | masks.cr;
        const u64 separators = row_ends | masks.comma;
        if ((masks.cr | u64{state.before_is_cr}) == 0) {
            state.line_ends += ones(masks.lf);
        } else {
            state.line_ends += ones(masks.cr | (masks.lf & ~(masks.cr << 1 | u64{state.before_is_cr})));
            state.before_is_cr = masks.cr >> 63 != 0;
        }
        const u64 entry = u64{0} - u64{state.inside};
        u64 quotes = masks.quote;
        u64 inside = prefix_xor(quotes) ^ entry;
        u64 closing = quotes & ~inside;
        const u64 may_open =
            (separators | closing) << 1 | u64{state.before_is_separator} | u64{state.before_is_closing};
        if ((quotes & inside & ~may_open) != 0) [[unlikely]] {
            quotes = effective_quotes(quotes, separators, state);
            inside = prefix_xor(quotes) ^ entry;
            closing = quotes & ~inside;
        }
        ends[block] = row_ends & ~inside;
        commas[block] = masks.comma & ~inside;
        state.inside = inside >> 63 != 0;
        state.before_is_closing = closing >> 63 != 0;
        state.before_is_separator = separators >> 63 != 0;
        may_be_plain = masks.quote == 0;
    }
    carried = state;
    return kNoNul;
}

}  // namespace

}  // namespace reduction::REDUCTION_ISA
