// A filter of recently seen addresses: keeps most duplicates out of an address set, so that less has to be sorted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace reduction {

// A table of 16-byte buckets, each with the newest hashes that belong there; older ones are forgotten. It grows while
// it forgets many, and is bypassed for a while if there are hardly any duplicates. Small tables keep four whole hashes
// per bucket. From 2^16 buckets on, the bucket's index is half of the hash, so that only the other half is kept, of
// eight hashes.
class RecentFilter {
public:
    static constexpr unsigned kMaxBits = 17;  // 2 MiB

    // At most 2^`max_bits` buckets.
    explicit RecentFilter(unsigned max_bits = kMaxBits) : max_bits_(max_bits) {}

    // Copies those of `count` numbers that are new or forgotten to `to`, in their order; returns how many. `to` has
    // room for `count` numbers.
    std::size_t filter(const std::uint32_t* numbers, std::size_t count, std::uint32_t* to);

    // Forgets all numbers: those that passed were rolled back.
    void forget();

    // Frees the memory; the next table is a small one.
    void release();

    std::size_t bytes() const { return buckets_ == nullptr ? 0 : sizeof(Bucket) << bits_; }

private:
    struct alignas(16) Bucket {
        std::uint8_t hashes[16];
    };

    void resize(unsigned bits);
    void adapt();

    unsigned max_bits_;
    unsigned bits_ = 0;
    std::unique_ptr<Bucket[]> buckets_;
    std::size_t seen_ = 0;              // since the last `adapt`
    std::size_t passed_ = 0;            // of these
    std::size_t bypass_remaining_ = 0;  // numbers that still pass unfiltered
};

}  // namespace reduction
