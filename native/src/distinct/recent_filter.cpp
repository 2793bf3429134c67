#include "reduction/distinct/recent_filter.hpp"

#include <algorithm>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace reduction {

namespace {

constexpr unsigned kMinBits = 8;
constexpr unsigned kHalfHashBits = 16;         // bits of the table
constexpr std::size_t kPrefetchDistance = 12;  // numbers between prefetching a bucket and reading it
constexpr std::size_t kAdaptAfter = 1 << 18;   // numbers between two decisions about a table that cannot grow
constexpr std::size_t kBypass = 16 * kAdaptAfter;

// Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4). The factor is odd, so that different numbers have
// different hashes and the table only has to keep hashes.
inline std::uint32_t hash_of(std::uint32_t number) { return number * 0x9E3779B1U; }

// Returns whether `hash` is not in the bucket; it then becomes the first, and the last one is forgotten. Zeros are free
// places, so a hash that is kept as zero is always new.
#if defined(__SSE2__)

template <typename Kept>
inline bool is_new(void* bucket, Kept hash) {
    auto* const at = static_cast<__m128i*>(bucket);
    const __m128i old = _mm_load_si128(at);
    __m128i equal;
    if constexpr (sizeof(Kept) == 4) {
        equal = _mm_cmpeq_epi32(old, _mm_set1_epi32(static_cast<int>(hash)));
    } else {
        equal = _mm_cmpeq_epi16(old, _mm_set1_epi16(static_cast<short>(hash)));
    }
    if (_mm_movemask_epi8(equal) != 0 && hash != 0) [[likely]]
        return false;
    _mm_store_si128(at, _mm_or_si128(_mm_slli_si128(old, sizeof hash), _mm_cvtsi32_si128(static_cast<int>(hash))));
    return true;
}

#else

template <typename Kept>
inline bool is_new(void* bucket, Kept hash) {
    constexpr std::size_t places = 16 / sizeof hash;
    Kept old[places];
    std::memcpy(old, bucket, sizeof old);
    bool is_there = false;
    for (const Kept other : old) is_there |= other == hash;
    if (is_there && hash != 0) return false;
    std::memmove(static_cast<char*>(bucket) + sizeof hash, bucket, sizeof old - sizeof hash);
    std::memcpy(bucket, &hash, sizeof hash);
    return true;
}

#endif

template <typename Kept, typename Bucket>
inline std::size_t filter_with(Bucket* buckets, unsigned bits, const std::uint32_t* numbers, std::size_t count,
                               std::uint32_t* to) {
    const unsigned shift = 32 - bits;
    std::size_t passed = 0;
    const auto check = [&](std::size_t i) {
        const std::uint32_t hash = hash_of(numbers[i]);
        if (is_new(&buckets[hash >> shift], static_cast<Kept>(hash))) to[passed++] = numbers[i];
    };
    std::size_t i = 0;
    for (; i + kPrefetchDistance < count; ++i) {
        __builtin_prefetch(&buckets[hash_of(numbers[i + kPrefetchDistance]) >> shift], 1);
        check(i);
    }
    for (; i < count; ++i) check(i);
    return passed;
}

}  // namespace

std::size_t RecentFilter::filter(const std::uint32_t* numbers, std::size_t count, std::uint32_t* to) {
    if (bypass_remaining_ > 0) {
        bypass_remaining_ -= std::min(bypass_remaining_, count);
        std::memcpy(to, numbers, count * sizeof *numbers);
        return count;
    }
    if (buckets_ == nullptr) resize(std::min(kMinBits, max_bits_));
    const std::size_t passed = bits_ < kHalfHashBits
                                   ? filter_with<std::uint32_t>(buckets_.get(), bits_, numbers, count, to)
                                   : filter_with<std::uint16_t>(buckets_.get(), bits_, numbers, count, to);
    seen_ += count;
    passed_ += passed;
    adapt();
    return passed;
}

void RecentFilter::forget() {
    if (buckets_ != nullptr) resize(bits_);
}

void RecentFilter::release() {
    buckets_.reset();
    bits_ = 0;
    seen_ = passed_ = 0;
}

void RecentFilter::adapt() {
    if (bits_ < max_bits_) {
        if (passed_ > std::size_t{4} << bits_) resize(std::min(bits_ < 14 ? bits_ + 2 : bits_ + 1, max_bits_));
    } else if (seen_ > kAdaptAfter) {
        if (passed_ > seen_ - seen_ / 8) {
            release();
            bypass_remaining_ = kBypass;
        }
        seen_ = passed_ = 0;
    }
}

void RecentFilter::resize(unsigned bits) {
    buckets_ = std::make_unique<Bucket[]>(std::size_t{1} << bits);
    bits_ = bits;
    seen_ = passed_ = 0;
}

}  // namespace reduction
