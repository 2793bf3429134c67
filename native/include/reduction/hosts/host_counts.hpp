// How often each of very many hosts was named: names are kept once, one after the other, each with its count.
//
// A record is 8 bytes of count, the length of the name (7 bits a byte, lowest first, the highest bit says that more
// follow) and the name. Records stand in the order in which their hosts first came, and their bytes are also how the
// table is saved. A slot of the table that finds them is 8 bytes: where the record is, and 24 bits of the name's hash,
// so that another name is hardly ever looked at. Slots double when three quarters are taken, and are filled anew from the
// records: a host takes 9 bytes, its name, and 11 to 22 bytes of slots; records have up to a quarter of room to grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace reduction {

// A hash of a name, different in every process, so that nobody can choose names that all fall on one slot.
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

    // Counts one more for `name`, whose hash is `hash`.
    void add(std::string_view name, std::uint64_t hash);

    // Two hints some lines before `add`: the first one brings the slot, the second one what it points to.
    void prefetch_slot(std::uint64_t hash) const {
        if (slots_ != nullptr) __builtin_prefetch(slots_ + (hash >> shift_));
    }
    void prefetch_record(std::uint64_t hash) const;

    // take(name, count) for each host, in the order in which they came.
    template <typename Take>
    void each(Take take) const {
        for (std::size_t at = 0; at < size_;) {
            const Record record = record_at(at);
            take(record.name, record.count);
            at = record.end;
        }
    }

    // The records as bytes, and back. `restore` makes room for `size` bytes, which the caller fills; `settle` then
    // finds their `hosts` hosts in them, and returns false if the bytes are anything else.
    std::string_view bytes() const { return {records_, size_}; }
    char* restore(std::size_t size);
    bool settle(std::uint64_t hosts);

private:
    struct Record {
        std::uint64_t count;
        std::string_view name;
        std::size_t end;  // where the next one begins
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
