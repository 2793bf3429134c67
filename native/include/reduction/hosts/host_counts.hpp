// Counts how often each of very many hosts occurs: every name is stored once, with its count.
//
// A record has 8 bytes of count, the length of the name (7 bits per byte, lowest first, the highest bit means that more
// follow) and the name. Records are in the order in which hosts first occurred; their bytes are also the format in
// which the table is saved. A hash table finds them. Its slots have 8 bytes: the position of a record, and 24 bits of
// the hash, so that another name is hardly ever read. The number of slots doubles when three quarters are used; they
// are then filled again from the records. A host needs 9 bytes, its name, and 11 to 22 bytes of slots; up to a quarter
// of the memory for records is unused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace reduction {

// A hash that differs from process to process, so that nobody can choose names that share one slot.
std::uint64_t hash_of_name(std::string_view name);

class HostCounts {
public:
    HostCounts() = default;
    HostCounts(HostCounts&& other) noexcept;
    HostCounts& operator=(HostCounts&&) = delete;
    HostCounts(const HostCounts&) = delete;
    HostCounts& operator=(const HostCounts&) = delete;
    ~HostCounts();

    std::uint64_t hosts() const { return hosts_; }

    // Adds 1 to the count of `name`, whose hash is `hash`.
    void add(std::string_view name, std::uint64_t hash);

    // Prefetch what `add` needs, some lines earlier: first the slot, then the record to which it points.
    void prefetch_slot(std::uint64_t hash) const {
        if (slots_ != nullptr) __builtin_prefetch(slots_ + (hash >> shift_));
    }
    void prefetch_record(std::uint64_t hash) const;

    // Calls function(name, count) for each host, in the order in which they first occurred.
    template <typename Function>
    void each(Function function) const {
        for (std::size_t at = 0; at < size_;) {
            const Record record = record_at(at);
            function(record.name, record.count);
            at = record.end;
        }
    }

    // Saves and restores the records as bytes. `restore` makes room for `size` bytes, which the caller fills; `settle`
    // then indexes their `hosts` hosts, and returns false if the bytes are not valid records.
    std::string_view bytes() const { return {records_, size_}; }
    char* restore(std::size_t size);
    bool settle(std::uint64_t hosts);

private:
    struct Record {
        std::uint64_t count;
        std::string_view name;
        std::size_t end;  // where the next record begins
    };

    Record record_at(std::size_t at) const;
    bool is_record(std::size_t at) const;
    void append(std::string_view name);
    void reserve_records(std::size_t size);
    void make_slots(unsigned bits);
    void put(std::uint64_t hash, std::size_t at);

    char* records_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    std::uint64_t* slots_ = nullptr;  // 0: free
    unsigned shift_ = 64;             // 64 minus the bits of a slot's number
    std::uint64_t hosts_ = 0;
    std::uint64_t grow_at_ = 0;
};

}  // namespace reduction
