// Any bytes may be a field, fed in chunks. Addresses are those of the C library, and are written so that they are
// parsed as the same address again.
#include "reduction/net/ip_address.hpp"

#include <arpa/inet.h>

#include <cstring>

#include "check.hpp"
#include "input.hpp"
#include "reference_scanner.hpp"

using namespace reduction;

namespace {

Address expected_of(const std::string& text) {
    Address address;
    if (text.find('\0') != std::string::npos) return address;
    std::uint8_t bytes[16] = {};
    if (inet_pton(AF_INET, text.c_str(), bytes) == 1) {
        address.kind = Kind::ipv4;
        for (int i = 0; i < 4; ++i) address.ipv4 = address.ipv4 << 8 | bytes[i];
    } else if (inet_pton(AF_INET6, text.c_str(), bytes) == 1) {
        address.kind = Kind::ipv6;
        for (int i = 0; i < 8; ++i) address.ipv6.high = address.ipv6.high << 8 | bytes[i];
        for (int i = 8; i < 16; ++i) address.ipv6.low = address.ipv6.low << 8 | bytes[i];
    }
    return address;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::size_t chunk = 1 + input.byte();
    const std::string raw = input.rest();
    KeyText key;
    reference::Row row;
    for (std::size_t at = 0; at < raw.size(); at += chunk) {
        key.feed(bytes_of(raw) + at, std::min(chunk, raw.size() - at));
    }
    for (const char c : raw) row.append(c);
    if (row.fields.size() > 1) return 0;  // a comma outside quotes: not one field
    const std::string& value = row.fields.front();
    CHECK(std::string(key.shown(), key.shown_length()) == value.substr(0, KeyText::kShown));
    const std::string text = reference::without_blanks(value);
    const Address address = key.address();
    CHECK(address == expected_of(text));
    CHECK(address == parse_address(text.data(), text.size()));
    if (address.kind == Kind::none) return 0;
    char line[kLongestLine];
    const char* const end =
        address.kind == Kind::ipv4 ? write_ipv4(line, address.ipv4) : write_ipv6(line, address.ipv6);
    CHECK(address == parse_address(line, static_cast<std::size_t>(end - line)));
    return 0;
}
