// Parsing and writing an address yields the same address and the same text.
#include "reduction/net/ip_address.hpp"

#include <initializer_list>
#include <string>
#include <utility>

#include "check.hpp"
#include "reference.hpp"

using namespace reduction;

namespace {

std::string written(const Address& address) {
    char line[kLongestLine];
    if (address.kind == Kind::none) return "none";
    return {line, address.kind == Kind::ipv4 ? write_ipv4(line, address.ipv4) : write_ipv6(line, address.ipv6)};
}

std::string canonical(const std::string& text) { return written(parse_address(text.data(), text.size())); }

}  // namespace

int main() {
    const std::initializer_list<std::pair<const char*, const char*>> spellings = {
        {"1.2.3.4", "1.2.3.4"},
        {"255.255.255.255", "255.255.255.255"},
        {"0.0.0.0", "0.0.0.0"},
        {"01.2.3.4", "none"},
        {"1.2.3", "none"},
        {"1.2.3.4.", "none"},
        {"256.1.1.1", "none"},
        {"", "none"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"2001:DB8:0:0::1", "2001:db8::1"},
        {"::ffff:1.2.3.4", "::ffff:102:304"},
        {"::1.2.3.04", "none"},
        {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        {"1:0:0:2:0:0:3:4", "1::2:0:0:3:4"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {":1:2:3:4:5:6:7", "none"},
        {"1:2:3:4:5:6:7:", "none"},
        {"1::2::3", "none"},
        {":::", "none"},
        {":", "none"},
        {"12345::", "none"},
        {"1:2:3:4:5:6:7:8:9", "none"},
        {"1:2:3:4:5:6:7::8", "none"},
        {"fe80::1%eth0", "none"},
        {"1.2.3.4::", "none"},
        {"g::", "none"}};
    for (const auto& [text, expected] : spellings) {
        if (canonical(text) != expected) std::fprintf(stderr, "%s: %s\n", text, canonical(text).c_str());
        CHECK(canonical(text) == expected);
    }
    reference::Random random(3);
    for (int turn = 0; turn < 1000000; ++turn) {
        const std::string once = canonical(random.text("0012f:::.", random.below(24)));
        if (once != "none") CHECK(canonical(once) == once);
    }
    KeyText key;
    const std::string raw = "\" 1.2.3\"\".4\"";
    key.feed(reinterpret_cast<const std::uint8_t*>(raw.data()), raw.size());
    CHECK(key.address().kind == Kind::none);
    CHECK(std::string(key.shown(), key.shown_length()) == " 1.2.3\".4");
}
