// From masks to rows and their keys. See kernels.inl.

namespace reduction::REDUCTION_ISA {

namespace {

// --- any rows: one after the other ---------------------------------------------------------------------------

// The 64 bits of `blocks` from bit `at` on.
inline u64 bits_from(const u64* blocks, std::size_t at) {
    const std::size_t shift = at % kBlockBytes;
    const u64 low = blocks[at / kBlockBytes] >> shift;
    return shift == 0 ? low : low | blocks[at / kBlockBytes + 1] << (kBlockBytes - shift);
}

// For a row that is longer than a block: counts block by block.
inline KeySpan long_row(const u64* commas, std::size_t start, std::size_t end, std::size_t key) {
    std::size_t seen = 0;
    std::size_t key_start = key == 0 ? start : 0;
    std::size_t key_end = 0;
    for (std::size_t at = start; at < end; at += kBlockBytes) {
        u64 bits = bits_from(commas, at);
        if (end - at < kBlockBytes) bits &= (u64{1} << (end - at)) - 1;
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

std::size_t find_keys(const u64* ends, const u64* commas, std::size_t blocks, std::size_t from, std::size_t key,
                      KeySpan* spans, std::size_t& rest) {
    std::size_t count = 0;
    std::size_t start = from;
    std::size_t block = from / kBlockBytes;
    if (block < blocks) {
        u64 bits = ends[block] & kAll << from % kBlockBytes;
        for (;;) {
            for (; bits != 0; bits &= bits - 1) {
                const std::size_t end = kBlockBytes * block + lowest(bits);
                if (end != start) {
                    spans[count++] = end - start < kBlockBytes ? short_row(commas, start, end, key)
                                                               : long_row(commas, start, end, key);
                }
                start = end + 1;
            }
            if (++block == blocks) break;
            bits = ends[block];
        }
    }
    rest = start;
    return count;
}

// --- rows of one shape: many at once ------------------------------------------------------------------------

#if defined(REDUCTION_HAS_AVX512)

constexpr std::size_t kListed = 8;  // an address and its separator have at least eight bytes

// Both write the positions of up to kListed bits of one block and return where the next ones go. They always write
// kListed values. One of them uses the vector ports, the other one does not: using both is faster than using one twice.
// `places` are those of bits 0 to 63 in the block, `base` is the position of the block.
inline u16* list_by_vector(u64 bits, __m512i places, __m128i base, u16* out) {
    const __m128i entry = _mm512_castsi512_si128(_mm512_maskz_compress_epi8(bits, places));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_add_epi16(_mm_cvtepu8_epi16(entry), base));
    return out + ones(bits);
}

inline u16* list_by_scalar(u64 bits, std::size_t base, u16* out) {
    const std::size_t count = ones(bits);
    for (unsigned i = 0; i < 4; ++i, bits &= bits - 1) out[i] = static_cast<u16>(base + _tzcnt_u64(bits));
    if (count > 4) [[unlikely]] {
        for (unsigned i = 4; i < 8; ++i, bits &= bits - 1) out[i] = static_cast<u16>(base + _tzcnt_u64(bits));
    }
    return out + count;
}

// The start of the row that contains the byte at `at`.
inline std::size_t row_start(const u64* ends, std::size_t from, std::size_t at) {
    std::size_t block = at / kBlockBytes;
    u64 before = ends[block] & ((u64{1} << at % kBlockBytes) - 1);
    while (before == 0 && block > from / kBlockBytes) before = ends[--block];
    const std::size_t start =
        before == 0 ? 0 : kBlockBytes * block + kBlockBytes - static_cast<std::size_t>(__builtin_clzll(before));
    return start > from ? start : from;
}

constexpr std::size_t kMaxColumns = kBlockBytes;

// By the number of separators before the next one that ends a row: which separators of a block end rows, which end the
// field, and which precede the field.
struct Patterns {
    struct {
        u64 row_ends, field_ends, before_field;
    } at[kMaxColumns];

    Patterns(std::size_t columns, std::size_t field) {
        u64 every = 0;  // bits 0, columns, 2 * columns and so on
        for (std::size_t bit = 0; bit < kBlockBytes; bit += columns) every |= u64{1} << bit;
        for (std::size_t to_end = 0; to_end < columns; ++to_end) {
            at[to_end] = {every << to_end, every << (to_end + field + 1) % columns,
                          every << (to_end + field) % columns};
        }
    }
};

// The separators of a block are the ends of non-empty rows, and commas. As long as every `columns`-th of them ends a
// row, a field is known by the rank of its separator, and spreading a pattern over the separators of a block (PDEP)
// finds all fields in it.
template <bool kIsFirst>  // the key is the first field
inline std::size_t find_even(const u64* ends, const u64* commas, std::size_t blocks, std::size_t from,
                             std::size_t columns, const Patterns& patterns, u16* key_starts, u16* key_ends,
                             std::size_t& rest) {
    const __m512i places =
        _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40,
                        39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16,
                        15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m128i width = _mm_set1_epi16(kBlockBytes);
    std::size_t block = from / kBlockBytes;
    __m128i base = _mm_set1_epi16(static_cast<short>(kBlockBytes * block));
    std::size_t to_end = columns - 1;
    std::size_t rows = 0;
    u64 wanted = kAll << from % kBlockBytes;
    u64 after_end = u64{1} << from % kBlockBytes;
    for (; block < blocks; ++block) {
        const u64 here = ends[block] & wanted;
        const u64 after = here << 1 | after_end;  // after an end
        const u64 row_ends = here & ~after;
        const u64 separators = (commas[block] & wanted) | row_ends;
        const auto& pattern = patterns.at[to_end];
        const std::size_t count = ones(separators);
        const u64 differs = _pdep_u64(pattern.row_ends, separators) ^ row_ends;
        const std::size_t ended = ones(row_ends);
        if (differs != 0 || ended >= kListed) [[unlikely]] {
            // Nothing of this block was listed: continue with the row that contains its first byte.
            rest = row_start(ends, from, kBlockBytes * block);
            return rows;
        }
        key_ends = list_by_vector(_pdep_u64(pattern.field_ends, separators), places, base, key_ends);
        const u64 starts = kIsFirst ? after & ~here : _pdep_u64(pattern.before_field, separators);
        key_starts = list_by_scalar(starts, kBlockBytes * block + (kIsFirst ? 0 : 1), key_starts);
        rows += ended;
        to_end += ended * columns - count;
        wanted = kAll;
        after_end = here >> 63;
        base = _mm_add_epi16(base, width);
    }
    rest = blocks == 0 ? from : row_start(ends, from, kBlockBytes * blocks);
    return rows;
}

std::size_t find_even_rows(const u64* ends, const u64* commas, std::size_t blocks, std::size_t from,
                           std::size_t columns, std::size_t key, u16* key_starts, u16* key_ends, std::size_t& rest) {
    rest = from;
    if (columns > kMaxColumns) return 0;
    const Patterns patterns(columns, key);
    return key == 0 ? find_even<true>(ends, commas, blocks, from, columns, patterns, key_starts, key_ends, rest)
                    : find_even<false>(ends, commas, blocks, from, columns, patterns, key_starts, key_ends, rest);
}

#else

// Without AVX-512, listing bits is slow, and PDEP is slow on some processors with AVX2: this would not be faster.
std::size_t find_even_rows(const u64*, const u64*, std::size_t, std::size_t from, std::size_t, std::size_t, u16*, u16*,
                           std::size_t& rest) {
    rest = from;
    return 0;
}

#endif

}  // namespace

}  // namespace reduction::REDUCTION_ISA
