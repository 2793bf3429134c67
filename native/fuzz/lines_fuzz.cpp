// A line is the address, a comma, the environment as one CSV field whatever its name, and a newline.
#include "reduction/lines.hpp"

#include "check.hpp"
#include "input.hpp"
#include "naive_share.hpp"

using namespace reduction;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    std::vector<std::string> names;
    for (std::size_t left = 1 + input.byte() % 4; left > 0; --left) names.push_back(input.up_to('\n'));
    std::string written, expected;
    const std::function<void(std::string_view)> out = [&](std::string_view lines) { written += lines; };
    LineWriter lines(out);
    for (const std::string& name : names) {
        naive::Row row;
        for (const char c : csv_field(name)) row.take(c);
        CHECK(row.fields == std::vector<std::string>{name} && row.state != naive::Row::State::quoted);
        lines.add_environment(name);
    }
    while (!input.is_empty()) {
        const std::uint8_t what = input.byte();
        const std::size_t environment = what % names.size();
        char address[kLongestLine];
        char* end = nullptr;
        if (what < 128) {
            const std::uint32_t number = input.four_bytes();
            end = write_four(address, number);
            lines.four(number, environment);
        } else {
            const std::uint64_t high = input.four_bytes();
            const Six number{high << 32 | high, input.byte()};
            end = write_six(address, number);
            lines.six(number, environment);
        }
        expected += std::string(address, static_cast<std::size_t>(end - address)) + "," + csv_field(names[environment]) + "\n";
    }
    lines.flush();
    CHECK(written == expected);
    return 0;
}
