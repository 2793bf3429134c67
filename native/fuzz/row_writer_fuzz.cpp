// A line is the address, a comma, the suffix whatever it is, and a newline.
#include "reduction/merge/row_writer.hpp"

#include "check.hpp"
#include "input.hpp"

using namespace reduction;

namespace {

std::string line_of(const char* address, const char* end, const std::string& suffix) {
    return std::string(address, static_cast<std::size_t>(end - address)) + ',' + suffix + '\n';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    std::vector<std::string> suffixes;
    for (std::size_t left = 1 + input.byte() % 4; left > 0; --left) suffixes.push_back(input.up_to('\n'));
    RowWriter writer(suffixes);
    std::vector<Ipv4Row> ipv4;
    std::vector<Ipv6Row> ipv6;
    std::string ipv4_text, ipv6_text;
    while (!input.is_empty()) {
        const std::uint8_t what = input.byte();
        const std::size_t suffix = what % suffixes.size();
        char address[kLongestLine];
        const std::uint32_t number = input.four_bytes();
        if (what < 128) {
            ipv4.push_back(row_of(number, suffix));
            ipv4_text += line_of(address, write_ipv4(address, number), suffixes[suffix]);
        } else {
            const Ipv6 wide{std::uint64_t{number} << 32 | number, input.byte()};
            ipv6.push_back(row_of(wide, suffix));
            ipv6_text += line_of(address, write_ipv6(address, wide), suffixes[suffix]);
        }
    }
    CHECK(writer.text_of(ipv4) == ipv4_text);
    CHECK(writer.text_of(ipv6) == ipv6_text);
    return 0;
}
