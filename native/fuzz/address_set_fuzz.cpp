// What was added to an address set and kept is in it once, in order; what was dropped is not.
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
    Numbers spare;
    AddressSet set(1 + input.byte() % 16, spare);
    std::set<std::uint32_t> fours, added_fours;
    std::set<Six> sixes, added_sixes;
    set.begin_file();
    while (!input.is_empty()) {
        const std::uint8_t what = input.byte();
        if (what < 8) {
            if (what < 4) set.compact_apart();
            what % 2 == 0 ? set.keep() : set.drop();
            keep(fours, added_fours, what % 2 == 0);
            keep(sixes, added_sixes, what % 2 == 0);
            set.begin_file();
        } else if (what < 16) {
            const Six six{input.byte(), input.byte()};
            set.add(six);
            added_sixes.insert(six);
        } else {  // many at once, so that they are sorted by radix
            std::uint32_t number = input.four_bytes();
            const std::uint32_t step = input.four_bytes();
            std::uint32_t* const to = set.fours().room_for(what);
            for (std::size_t i = 0; i < what; ++i, number += step) added_fours.insert(to[i] = number);
            set.fours().grow_by(what);
            set.compact_file_if_due();
        }
    }
    set.drop();
    set.compact();
    CHECK(std::equal(fours.begin(), fours.end(), set.four_data(), set.four_data() + set.four_count()));
    CHECK(std::equal(sixes.begin(), sixes.end(), set.sixes().begin(), set.sixes().end()));
    CHECK(set.rows() == fours.size() + sixes.size());
    return 0;
}
