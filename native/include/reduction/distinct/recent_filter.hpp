// What was seen recent: keeps most duplicates out of an address set, so that sorting has less to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace reduction {

// A table of buckets of 16 bytes that hold the newest hashes that belong there; what is older is forgotten. It grows
// while it forgets much, and stands aside for a while where hardly anything comes twice. Small tables keep four whole
// hashes in a bucket; from 2^16 buckets on the place says half of the hash, and the other half is all that is kept,
// of eight.
class RecentFilter {
public:
    static constexpr unsigned kMaxBits = 17;  // 2 MiB

    // At most 2^`max_bits` buckets.
    explicit RecentFilter(unsigned max_bits = kMaxBits) : max_bits_(max_bits) {}

    // Writes to `to`, in their order, those of `count` numbers that are new or forgotten; returns how many.
    // `to` has room for `count` numbers.
    std::size_t filter(const std::uint32_t* numbers, std::size_t count, std::uint32_t* to);

    // What was handed out is gone: everything is new again.
    void forget();

    // Gives the memory back; begins small again.
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
    std::size_t seen_ = 0;        // since the last judgement
    std::size_t passed_ = 0;  // of these
    std::size_t bypass_remaining_ = 0;   // numbers that still pass unlooked at
};

}  // namespace reduction
