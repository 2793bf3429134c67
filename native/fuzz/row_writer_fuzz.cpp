// A line is the address, a comma, the environment as one CSV field whatever its name, and a newline.
#include "reduction/merge/row_writer.hpp"

#include "check.hpp"
#include "input.hpp"
#include "reference_scanner.hpp"

using namespace reduction;

namespace {

std::string line_of(const char* address, const char* end, const std::string& name) {
    return std::string(address, static_cast<std::size_t>(end - address)) + ',' + reference::field_of(name) + '\n';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    std::vector<std::string> names;
    RowWriter writer;
    for (std::size_t left = 1 + input.byte() % 4; left > 0; --left) {
        names.push_back(input.up_to('\n'));
        const std::string field = csv_field(names.back());
        CHECK(field == reference::field_of(names.back()));
        reference::Row row;
        for (const char c : field) row.take(c);
        CHECK(row.fields == std::vector<std::string>{names.back()} && row.state != reference::Row::State::quoted);
        writer.add_environment(names.back());
    }
    std::vector<Ipv4Row> ipv4;
    std::vector<Ipv6Row> ipv6;
    std::string ipv4_text, ipv6_text;
    while (!input.is_empty()) {
        const std::uint8_t what = input.byte();
        const std::size_t name = what % names.size();
        char address[kLongestLine];
        const std::uint32_t number = input.four_bytes();
        if (what < 128) {
            ipv4.push_back(row_of(number, name));
            ipv4_text += line_of(address, write_ipv4(address, number), names[name]);
        } else {
            const Ipv6 wide{std::uint64_t{number} << 32 | number, input.byte()};
            ipv6.push_back(row_of(wide, name));
            ipv6_text += line_of(address, write_ipv6(address, wide), names[name]);
        }
    }
    CHECK(writer.text_of(ipv4) == ipv4_text);
    CHECK(writer.text_of(ipv6) == ipv6_text);
    return 0;
}
