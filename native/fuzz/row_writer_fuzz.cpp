// A line is the address, a comma, the environment as one CSV field whatever its name, and a newline.
#include "reduction/merge/row_writer.hpp"

#include "check.hpp"
#include "input.hpp"
#include "reference_scanner.hpp"

using namespace reduction;

namespace {

std::string line_of(const char* address, const char* end, const std::string& name) {
    return std::string(address, static_cast<std::size_t>(end - address)) + ',' + naive::field_of(name) + '\n';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    std::vector<std::string> names;
    Lines lines;
    for (std::size_t left = 1 + input.byte() % 4; left > 0; --left) {
        names.push_back(input.up_to('\n'));
        const std::string field = csv_field(names.back());
        CHECK(field == naive::field_of(names.back()));
        naive::Row row;
        for (const char c : field) row.take(c);
        CHECK(row.fields == std::vector<std::string>{names.back()} && row.state != naive::Row::State::quoted);
        lines.add_environment(names.back());
    }
    std::vector<FourRow> fours;
    std::vector<SixRow> sixes;
    std::string of_fours, of_sixes;
    while (!input.is_empty()) {
        const std::uint8_t what = input.byte();
        const std::size_t name = what % names.size();
        char address[kLongestLine];
        const std::uint32_t number = input.four_bytes();
        if (what < 128) {
            fours.push_back(row_of(number, name));
            of_fours += line_of(address, write_four(address, number), names[name]);
        } else {
            const Six six{std::uint64_t{number} << 32 | number, input.byte()};
            sixes.push_back(row_of(six, name));
            of_sixes += line_of(address, write_six(address, six), names[name]);
        }
    }
    CHECK(lines.text_of(fours) == of_fours);
    CHECK(lines.text_of(sixes) == of_sixes);
    return 0;
}
