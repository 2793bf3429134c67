#include "reduction/hosts/host_counts.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <random>
#include <utility>

namespace reduction {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::size_t kCountBytes = sizeof(std::uint64_t);
constexpr unsigned kTagBits = 24;
constexpr std::uint64_t kTagMask = (std::uint64_t{1} << kTagBits) - 1;
constexpr unsigned kFirstBits = 4;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

template <typename Number>
Number load(const char* at) {
    Number number;
    std::memcpy(&number, at, sizeof number);
    return number;
}

std::uint64_t folded(std::uint64_t a, std::uint64_t b) {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

struct Secret {
    Secret() {
        std::random_device device;
        for (std::uint64_t& number : numbers) number = (std::uint64_t{device()} << 32 | device()) | 1;
    }
    std::uint64_t numbers[3];
};

std::size_t length_bytes(std::size_t length) {
    std::size_t bytes = 1;
    while (length >>= 7) ++bytes;
    return bytes;
}

}  // namespace

// Multiply and fold, 16 bytes at a time, as the family of wyhash does.
std::uint64_t hash_of_name(std::string_view name) {
    static const Secret secret;
    const auto& key = secret.numbers;
    const char* at = name.data();
    std::size_t left = name.size();
    std::uint64_t hash = key[0] ^ left;
    for (; left > 16; at += 16, left -= 16) {
        hash = folded(load<std::uint64_t>(at) ^ key[1], load<std::uint64_t>(at + 8) ^ hash);
    }
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    if (left >= 8) {
        low = load<std::uint64_t>(at);
        high = load<std::uint64_t>(at + left - 8);
    } else if (left >= 4) {
        low = load<std::uint32_t>(at);
        high = load<std::uint32_t>(at + left - 4);
    } else {
        for (std::size_t i = 0; i < left; ++i) low = low << 8 | static_cast<unsigned char>(at[i]);
    }
    return folded(folded(low ^ key[1], high ^ hash) ^ key[2], key[0] ^ name.size());
}

HostCounts::HostCounts(HostCounts&& other) noexcept
    : records_(std::exchange(other.records_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)),
      slots_(std::exchange(other.slots_, nullptr)),
      shift_(std::exchange(other.shift_, 64)),
      hosts_(std::exchange(other.hosts_, 0)),
      grow_at_(std::exchange(other.grow_at_, 0)) {}

HostCounts::~HostCounts() {
    std::free(records_);
    std::free(slots_);
}

void HostCounts::add(std::string_view name, std::uint64_t hash) {
    if (hosts_ == grow_at_) make_slots(slots_ == nullptr ? kFirstBits : 64 - shift_ + 1);
    const std::size_t mask = (std::size_t{1} << (64 - shift_)) - 1;
    for (std::size_t slot = hash >> shift_;; slot = (slot + 1) & mask) {
        if (slots_[slot] == 0) {
            slots_[slot] = (size_ + 1) << kTagBits | (hash & kTagMask);
            append(name);
            return;
        }
        if ((slots_[slot] & kTagMask) != (hash & kTagMask)) continue;
        const std::size_t at = (slots_[slot] >> kTagBits) - 1;
        const Record record = record_at(at);
        if (record.name != name) continue;
        const std::uint64_t count = record.count + 1;
        std::memcpy(records_ + at, &count, sizeof count);
        return;
    }
}

void HostCounts::prefetch_record(std::uint64_t hash) const {
    if (slots_ == nullptr) return;
    const std::uint64_t slot = slots_[hash >> shift_];
    if ((slot & kTagMask) == (hash & kTagMask) && slot != 0) __builtin_prefetch(records_ + (slot >> kTagBits) - 1);
}

HostCounts::Record HostCounts::record_at(std::size_t at) const {
    const char* in = records_ + at + kCountBytes;
    std::size_t length = 0;
    unsigned shift = 0;
    for (;; shift += 7) {
        const auto byte = static_cast<unsigned char>(*in++);
        length |= static_cast<std::size_t>(byte & 0x7F) << shift;
        if (byte < 0x80) break;
    }
    return {load<std::uint64_t>(records_ + at), {in, length}, static_cast<std::size_t>(in - records_) + length};
}

// Whether there is a whole record at `at`, so that `record_at` is safe.
bool HostCounts::is_record(std::size_t at) const {
    if (size_ - at <= kCountBytes) return false;
    std::size_t in = at + kCountBytes;
    std::size_t length = 0;
    for (unsigned shift = 0; shift < 56; shift += 7) {
        if (in == size_) return false;
        const auto byte = static_cast<unsigned char>(records_[in++]);
        length |= static_cast<std::size_t>(byte & 0x7F) << shift;
        if (byte < 0x80) return length <= size_ - in;
    }
    return false;
}

void HostCounts::append(std::string_view name) {
    reserve_records(size_ + kCountBytes + length_bytes(name.size()) + name.size());
    const std::uint64_t count = 1;
    std::memcpy(records_ + size_, &count, sizeof count);
    size_ += kCountBytes;
    std::size_t length = name.size();
    for (; length >= 0x80; length >>= 7) records_[size_++] = static_cast<char>((length & 0x7F) | 0x80);
    records_[size_++] = static_cast<char>(length);
    std::memcpy(records_ + size_, name.data(), name.size());
    size_ += name.size();
    ++hosts_;
}

void HostCounts::reserve_records(std::size_t size) {
    if (size <= capacity_) return;
    const std::size_t capacity = std::max(size, capacity_ + capacity_ / 4 + 256);
    void* const records = std::realloc(records_, capacity);  // large blocks are moved page by page, not copied
    if (records == nullptr) throw std::bad_alloc();
    records_ = static_cast<char*>(records);
    capacity_ = capacity;
}

void HostCounts::make_slots(unsigned bits) {
    std::free(slots_);
    slots_ = nullptr;
    const std::size_t bytes = sizeof(std::uint64_t) << bits;
    const bool is_large = bytes >= kHugePage;
    void* const slots = is_large ? std::aligned_alloc(kHugePage, bytes) : std::malloc(bytes);
    if (slots == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    // Slots are visited at random: with pages of 4 KiB, most visits would also miss the TLB.
    if (is_large) madvise(slots, bytes, MADV_HUGEPAGE);
#endif
    std::memset(slots, 0, bytes);
    slots_ = static_cast<std::uint64_t*>(slots);
    shift_ = 64 - bits;
    grow_at_ = (std::uint64_t{3} << bits) / 4;
    for (std::size_t at = 0; at < size_;) {
        const Record record = record_at(at);
        put(hash_of_name(record.name), at);
        at = record.end;
    }
}

void HostCounts::put(std::uint64_t hash, std::size_t at) {
    const std::size_t mask = (std::size_t{1} << (64 - shift_)) - 1;
    std::size_t slot = hash >> shift_;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = (at + 1) << kTagBits | (hash & kTagMask);
}

char* HostCounts::restore(std::size_t size) {
    reserve_records(size);
    size_ = size;
    return records_;
}

bool HostCounts::settle(std::uint64_t hosts) {
    std::uint64_t found = 0;
    for (std::size_t at = 0; at < size_; at = record_at(at).end) {
        if (!is_record(at)) return false;
        ++found;
    }
    if (found != hosts) return false;
    hosts_ = hosts;
    unsigned bits = kFirstBits;
    while ((std::uint64_t{3} << bits) / 4 < hosts) ++bits;
    if (hosts > 0) make_slots(bits);
    return true;
}

}  // namespace reduction
