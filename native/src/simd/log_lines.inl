// The loops of simd/log_kernels.hpp for one instruction set; included after kernels.inl.

namespace reduction::REDUCTION_ISA {

namespace {

// --- marks ------------------------------------------------------------------------------------------------

// The bytes that end a field or a line (blank, tab, LF), and those that need a closer look: NUL and all above 127.
#if defined(REDUCTION_HAS_AVX512)

inline u64 log_marks_of(const u8* data) {
    const __m512i bytes = _mm512_loadu_si512(data);
    const auto equal = [&](char c) { return u64{_mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(c))}; };
    return equal(' ') | equal('\t') | equal('\n') | u64{_mm512_cmplt_epi8_mask(bytes, _mm512_set1_epi8(1))};
}

#elif defined(REDUCTION_HAS_AVX2)

inline u64 log_marks_of(const u8* data) {
    const auto half = [&](const u8* at) {
        const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
        const auto equal = [&](char c) { return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c)); };
        const __m256i ends = _mm256_or_si256(_mm256_or_si256(equal(' '), equal('\t')), equal('\n'));
        return static_cast<u32>(
            _mm256_movemask_epi8(_mm256_or_si256(ends, _mm256_cmpgt_epi8(_mm256_set1_epi8(1), bytes))));
    };
    return u64{half(data + 32)} << 32 | half(data);
}

#elif defined(REDUCTION_HAS_SSE2)

inline u64 log_marks_of(const u8* data) {
    u64 marks = 0;
    for (unsigned part = 0; part < 4; ++part) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + 16 * part));
        const auto equal = [&](char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
        const __m128i ends = _mm_or_si128(_mm_or_si128(equal(' '), equal('\t')), equal('\n'));
        const __m128i found = _mm_or_si128(ends, _mm_cmplt_epi8(bytes, _mm_set1_epi8(1)));
        marks |= u64{static_cast<u32>(_mm_movemask_epi8(found))} << (16 * part);
    }
    return marks;
}

#else

// Like equal_in_eight, but with the bytes above 127.
inline u64 log_marks_in_eight(u64 bytes) {
    constexpr u64 sevens = 0x7F7F7F7F7F7F7F7F;
    const auto differs_from = [&](u64 c) {
        const u64 differs = bytes ^ (c * 0x0101010101010101);
        return ((differs & sevens) + sevens) | differs;  // the highest bit of each byte that is not c
    };
    const u64 no_mark = differs_from(' ') & differs_from('\t') & differs_from('\n') & differs_from(0) & ~bytes;
    return ((~no_mark & ~sevens) >> 7) * 0x0102040810204080 >> 56;
}

inline u64 log_marks_of(const u8* data) {
    u64 marks = 0;
    for (unsigned part = 0; part < 8; ++part) {
        u64 bytes = 0;
        for (unsigned i = 0; i < 8; ++i) bytes |= u64{data[8 * part + i]} << (8 * i);
        marks |= log_marks_in_eight(bytes) << (8 * part);
    }
    return marks;
}

#endif

// Always writes eight positions, since branches on the number of marks in a block would be mispredicted too often (as
// in simdjson: Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019).
std::size_t mark(const u8* data, std::size_t blocks, u32* marks) {
    u32* at = marks;
    for (std::size_t block = 0; block < blocks; ++block) {
        u64 bits = log_marks_of(data + kBlockBytes * block);
        const auto base = static_cast<u32>(kBlockBytes * block);
        const std::size_t count = ones(bits);
        for (std::size_t i = 0; i < kMarksAtOnce; ++i) {
            at[i] = base + static_cast<u32>(lowest(bits | u64{1} << 63));
            bits &= bits - 1;
        }
        for (std::size_t i = kMarksAtOnce; i < count; ++i) {
            at[i] = base + static_cast<u32>(lowest(bits));
            bits &= bits - 1;
        }
        at += count;
    }
    return static_cast<std::size_t>(at - marks);
}

// --- lines ------------------------------------------------------------------------------------------------

// Returns whether there are `Digits` (8 to 15) digits, and sets the number.
#if defined(REDUCTION_HAS_AVX2) || defined(REDUCTION_HAS_AVX512)

// Moves the digits to the end of 16 bytes, with zeros in front; then multiplies and adds neighbours in three steps.
template <int Digits>
inline bool parse_number(const u8* text, u64& number) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
    const __m128i digits = _mm_slli_si128(_mm_sub_epi8(bytes, _mm_set1_epi8('0')), 16 - Digits);
    const __m128i nines = _mm_set1_epi8(9);
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(digits, nines), nines)) != 0xFFFF) return false;
    const __m128i tens = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010A));
    const __m128i hundreds = _mm_madd_epi16(tens, _mm_set1_epi32(0x00010064));
    const __m128i packed = _mm_packus_epi32(hundreds, hundreds);
    const __m128i eights = _mm_madd_epi16(packed, _mm_set1_epi32(0x00012710));
    const auto both = static_cast<u64>(_mm_cvtsi128_si64(eights));
    number = (both & 0xFFFFFFFF) * 100000000 + (both >> 32);
    return true;
}

#else

template <int Digits>
inline bool parse_number(const u8* text, u64& number) {
    u64 value = 0;
    bool is_number = true;
    for (int i = 0; i < Digits; ++i) {
        const u32 digit = u32{text[i]} - '0';
        is_number &= digit < 10;
        value = value * 10 + digit;
    }
    number = value;
    return is_number;
}

#endif

// The time of a field of `length` bytes, in milliseconds.
inline bool parse_log_time(const u8* text, std::size_t length, u64& time_ms) {
    if (length == 13) [[likely]]
        return parse_number<13>(text, time_ms);
    if (length != 10 || !parse_number<10>(text, time_ms)) return false;
    time_ms *= 1000;
    return true;
}

inline u64 load_eight(const u8* data) {
    u64 value;
    __builtin_memcpy(&value, data, sizeof value);
    return value;
}

inline bool is_host(const HostWalk& walk, std::size_t start, std::size_t end) {
    if (end - start != walk.host_size) return false;
    if (((load_eight(walk.data + start) ^ walk.host_beginning) & walk.host_mask) != 0) return false;
    return walk.host_size <= 8 || __builtin_memcmp(walk.data + start, walk.host, walk.host_size) == 0;
}

inline bool is_log_blank(u8 byte) { return byte == ' ' || byte == '\t'; }

void skip_lines(HostWalk& walk) {
    const u8* const data = walk.data;
    const u32* const marks = walk.marks;
    std::size_t next = walk.next;
    std::size_t line = walk.line;
    u64 oldest = walk.oldest_ms;
    u64 newest = walk.newest_ms;
    u64 lines = 0;
    for (; next + 3 <= walk.count; next += 3, ++lines) {
        const std::size_t first = marks[next], second = marks[next + 1], third = marks[next + 2];
        u64 time = 0;
        if (data[third] != '\n' || !is_log_blank(data[second]) || !is_log_blank(data[first])) break;
        if (!parse_log_time(data + line, first - line, time)) break;
        const std::size_t end = third - (data[third - 1] == '\r');
        if (second == first + 1 || end <= second + 1 || time + walk.lateness_ms < newest) break;
        if (is_host(walk, first + 1, second) || is_host(walk, second + 1, end)) break;
        oldest = time < oldest ? time : oldest;
        newest = time > newest ? time : newest;
        line = third + 1;
    }
    walk.next = next;
    walk.line = line;
    walk.oldest_ms = oldest;
    walk.newest_ms = newest;
    walk.lines += lines;
}

constexpr LogKernels kLogs{mark, skip_lines};

}  // namespace

}  // namespace reduction::REDUCTION_ISA
