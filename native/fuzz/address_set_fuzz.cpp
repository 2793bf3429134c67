// Committed addresses are in the set once, in order; rolled back ones are not.
#include "reduction/distinct/address_set.hpp"

#include <set>

#include "check.hpp"
#include "input.hpp"

using namespace reduction;

namespace {

template <typename Number>
void keep(std::set<Number>& kept, std::set<Number>& added, bool is_kept) {
    if (is_kept) kept.merge(added);
    added.clear();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    Ipv4Array spare;
    AddressSet set(1 + input.byte() % 16, spare);
    std::set<std::uint32_t> ipv4, added_ipv4;
    std::set<Ipv6> ipv6, added_ipv6;
    set.begin_file();
    while (!input.is_empty()) {
        const std::uint8_t what = input.byte();
        if (what < 8) {
            if (what < 4) set.compact_uncommitted();
            what % 2 == 0 ? set.commit() : set.rollback();
            keep(ipv4, added_ipv4, what % 2 == 0);
            keep(ipv6, added_ipv6, what % 2 == 0);
            set.begin_file();
        } else if (what < 16) {
            const Ipv6 address{input.byte(), input.byte()};
            set.add(address);
            added_ipv6.insert(address);
        } else {  // many at once: radix sort
            std::uint32_t number = input.four_bytes();
            const std::uint32_t step = input.four_bytes();
            std::uint32_t* const to = set.ipv4().room_for(what);
            for (std::size_t i = 0; i < what; ++i, number += step) added_ipv4.insert(to[i] = number);
            set.ipv4().grow_by(what);
            set.compact_file_if_due();
        }
    }
    set.rollback();
    set.compact();
    CHECK(std::equal(ipv4.begin(), ipv4.end(), set.ipv4_data(), set.ipv4_data() + set.ipv4_count()));
    CHECK(std::equal(ipv6.begin(), ipv6.end(), set.ipv6().begin(), set.ipv6().end()));
    CHECK(set.rows() == ipv4.size() + ipv6.size());
    return 0;
}
