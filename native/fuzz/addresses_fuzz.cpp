// Any bytes may come as a field; what is an address is written so that it is the same address again.
#include <cstdint>
#include <cstdlib>

#include "reduction/addresses.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    reduction::KeyText key;
    key.feed(data, size);
    const reduction::Address address = key.address();
    if (address.kind == reduction::Kind::none) return 0;
    char line[reduction::kLongestLine];
    const char* const end = address.kind == reduction::Kind::four ? reduction::write_four(line, address.four)
                                                                  : reduction::write_six(line, address.six);
    const reduction::Address again = reduction::parse_address(line, static_cast<std::size_t>(end - line));
    if (again.kind != address.kind || again.four != address.four || again.six != address.six) std::abort();
    return 0;
}
