// The distinct addresses of one group: appended, sorted and deduplicated from time to time, rolled back if necessary.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <type_traits>

#include "reduction/net/ip_address.hpp"

namespace reduction {

// A growing array of plain values that are written before they are read. A large one grows without being copied
// (realloc moves its pages), which std::vector cannot do.
template <typename T>
class PodArray {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    PodArray() = default;
    PodArray(const PodArray&) = delete;
    PodArray& operator=(const PodArray&) = delete;
    ~PodArray() { std::free(data_); }

    T* data() { return data_; }
    const T* data() const { return data_; }
    const T* begin() const { return data_; }
    const T* end() const { return data_ + size_; }
    std::size_t size() const { return size_; }
    std::size_t bytes() const { return capacity_ * sizeof(T); }  // in use or reserved
    void shrink_to(std::size_t size) { size_ = size; }

    // Makes room for `more` values at the end and returns where they go; `grow_by` then says how many were written.
    T* room_for(std::size_t more) {
        if (capacity_ - size_ < more) reallocate(std::max(size_ + more, capacity_ + capacity_ / 2 + kMin));
        return data_ + size_;
    }
    void grow_by(std::size_t count) { size_ += count; }
    void add(const T& one) {
        *room_for(1) = one;
        ++size_;
    }

    // Frees unused memory.
    void fit() {
        if (size_ > 0) {
            reallocate(size_);
            return;
        }
        std::free(data_);
        data_ = nullptr;
        capacity_ = 0;
    }

private:
    static constexpr std::size_t kMin = 4096 / sizeof(T);

    void reallocate(std::size_t capacity) {
        void* const data = std::realloc(data_, capacity * sizeof(T));
        if (data == nullptr) throw std::bad_alloc();
        data_ = static_cast<T*>(data);
        capacity_ = capacity;
    }

    T* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

using Ipv4Array = PodArray<std::uint32_t>;

// Sorts `numbers` and removes duplicates; returns how many are left. `spare` is work space.
std::size_t sort_distinct(std::uint32_t* numbers, std::size_t count, Ipv4Array& spare);
std::size_t sort_distinct(Ipv6* addresses, std::size_t count, Ipv4Array& spare);  // does not use it

// Decides when to compact, by the same rule as engines/compaction.py.
class CompactionRule {
public:
    explicit CompactionRule(std::size_t at_least) : at_least_(at_least), due_at_(at_least) {}
    bool is_due(std::size_t rows) const { return rows >= due_at_; }
    void compacted_to(std::size_t rows) { due_at_ = std::max(at_least_, 2 * rows); }

private:
    std::size_t at_least_;
    std::size_t due_at_;
};

// The addresses of the current file follow the others until its fate is known: `commit` makes them count, `rollback`
// removes them.
class AddressSet {
public:
    // `spare` is work space that sets may share, since only one of them is compacted at a time.
    AddressSet(std::size_t compact_at, Ipv4Array& spare)
        : compact_at_(compact_at), rule_(compact_at), file_rule_(compact_at), spare_(spare) {}

    Ipv4Array& ipv4() { return ipv4_; }
    void add(Ipv6 ipv6) { ipv6_.add(ipv6); }
    std::size_t rows() const { return ipv4_.size() + ipv6_.size(); }
    std::size_t bytes() const { return ipv4_.bytes() + ipv6_.bytes(); }  // in use or reserved

    void begin_file();
    void compact_file_if_due();
    void commit();
    void rollback();

    // Sorts and deduplicates all addresses. There is no current file.
    void compact();

    // Sorts and deduplicates the committed addresses and, separately, those of the current file; frees unused memory.
    void compact_uncommitted();

    // Frees all addresses, also those of the current file, which continues.
    void release();

    const std::uint32_t* ipv4_data() const { return ipv4_.data(); }
    std::size_t ipv4_count() const { return ipv4_.size(); }
    const PodArray<Ipv6>& ipv6() const { return ipv6_; }
    std::size_t file_ipv4() const { return file_ipv4_; }  // where those of the current file begin
    std::size_t file_ipv6() const { return file_ipv6_; }

private:
    void compact_file();

    std::size_t compact_at_;
    CompactionRule rule_;
    CompactionRule file_rule_;
    Ipv4Array ipv4_;
    PodArray<Ipv6> ipv6_;
    std::size_t file_ipv4_ = 0;
    std::size_t file_ipv6_ = 0;
    Ipv4Array& spare_;
};

}  // namespace reduction
