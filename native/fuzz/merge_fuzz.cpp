// Partials made of the input, damaged or not, are merged as a set would do it, or rejected. A damaged partial is always
// noticed.
#include "reduction/merge/merge.hpp"

#include <optional>
#include <set>

#include "check.hpp"
#include "input.hpp"
#include "memory_file.hpp"
#include "reference_scanner.hpp"

#include "reduction/io/crc32.hpp"

using namespace reduction;

namespace {

using Row = std::tuple<Kind, std::uint32_t, Ipv6, std::size_t>;  // the last is the index of its suffix

struct Read {
    std::set<Row> rows;
    bool is_canonical = true;  // as partials are written; other spellings may be rejected
};

std::string address_of(const Row& row) {
    char line[kLongestLine];
    const char* const end =
        std::get<0>(row) == Kind::ipv4 ? write_ipv4(line, std::get<1>(row)) : write_ipv6(line, std::get<2>(row));
    return {line, static_cast<std::size_t>(end - line)};
}

const std::vector<std::string> kHeaders = {"Source IP,Environment\n", "Source IP,Environment,Split File\n"};
const std::vector<std::string> kOutputs = {"A", "B", "C,1", "D"};

std::vector<RowSuffix> some_suffixes(Input& input) {
    std::vector<RowSuffix> suffixes;
    std::size_t output = 0;
    for (std::size_t left = 1 + input.byte() % 4; left > 0; --left) {
        const std::uint8_t what = input.byte() % 3;
        output += what == 2;
        suffixes.push_back({"suffix " + std::to_string(left), {}});
        if (what != 0) suffixes.back().output = output % kOutputs.size();
    }
    if (output >= kOutputs.size()) suffixes.clear();
    return suffixes;
}

std::string text_of(const std::set<Row>& rows, const std::vector<RowSuffix>& suffixes, const std::string& header) {
    std::string text = header;
    for (const Row& row : rows) text += address_of(row) + "," + suffixes[std::get<3>(row)].text + "\n";
    return text;
}

// The rows of a partial, line by line; nothing if one of them is not a row in its place.
std::optional<Read> read(std::string text, const std::vector<RowSuffix>& suffixes) {
    Read read;
    for (std::size_t number = 0; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        if (end == std::string::npos) return std::nullopt;
        const std::string line = text.substr(0, end);
        text.erase(0, end + 1);
        if (number == 0) {
            if (std::find(kHeaders.begin(), kHeaders.end(), line + "\n") == kHeaders.end()) return std::nullopt;
            continue;
        }
        const std::size_t comma = line.find(',');
        if (comma == std::string::npos) return std::nullopt;
        const Address address = parse_address(line.data(), comma);
        const auto suffix = std::find_if(suffixes.begin(), suffixes.end(), [&](const RowSuffix& candidate) {
            return candidate.text == line.substr(comma + 1);
        });
        if (address.kind == Kind::none || suffix == suffixes.end()) return std::nullopt;
        const Row row{address.kind, address.ipv4, address.ipv6, static_cast<std::size_t>(suffix - suffixes.begin())};
        if (!read.rows.empty() && row <= *read.rows.rbegin()) return std::nullopt;
        read.is_canonical = read.is_canonical && address_of(row) == line.substr(0, comma);
        read.rows.insert(row);
    }
    return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static MemoryFile files[3];
    Input input(data, size);
    const std::uint8_t mode = input.byte();
    const std::size_t count = 1 + mode / 4 % 3;
    MergeOptions options;
    options.threads = 1 + mode / 16 % 3;
    options.block_bytes = std::size_t{1} << mode / 64 * 4;
    const std::vector<RowSuffix> suffixes = some_suffixes(input);
    if (suffixes.empty()) return 0;
    std::set<Row> rows[3];
    for (std::uint8_t what = input.byte(); what != 0; what = input.byte()) {
        const std::uint32_t number = what < 128 ? input.byte() : input.four_bytes();
        const bool is_ipv6 = what % 8 == 0;
        rows[what / 8 % count].insert({is_ipv6 ? Kind::ipv6 : Kind::ipv4, is_ipv6 ? 0 : number,
                                       is_ipv6 ? Ipv6{number, number} : Ipv6{}, what % suffixes.size()});
    }
    std::string texts[3];
    std::vector<Partial> partials;
    bool is_bad = false, is_canonical = true;
    reference::Rows expected;
    const std::size_t damaged = input.byte() % count;
    for (std::size_t i = 0; i < count; ++i) {
        std::string text = text_of(rows[i], suffixes, kHeaders[i == 2]);
        std::string committed = text;
        if (mode % 2 != 0 && i == damaged) {
            const std::size_t from = input.four_bytes() % (text.size() + 1);
            const std::size_t length = input.byte();
            text.replace(from, length, input.rest());
            if (mode % 4 == 1) committed = text;
        }
        files[i].hold(text);
        partials.push_back({files[i].path(), committed.size(), crc32(0, committed.data(), committed.size())});
        const std::optional<Read> found = read(text, suffixes);
        is_bad = is_bad || !found || text != committed;
        if (!found) continue;
        is_canonical = is_canonical && found->is_canonical && !text.empty();
        for (const auto& [kind, ipv4, ipv6, suffix] : found->rows) {
            if (suffixes[suffix].output) expected.insert({kind, ipv4, ipv6, *suffixes[suffix].output});
        }
    }
    std::string written;
    try {
        const auto counts = merge_partials(
            {partials, kHeaders, suffixes, kOutputs}, [&](std::string_view lines) { written += lines; }, options);
        CHECK(!is_bad);
        CHECK(written == reference::lines_of(expected, kOutputs));
        std::vector<std::uint64_t> expected_counts(kOutputs.size());
        for (const auto& row : expected) ++expected_counts[std::get<3>(row)];
        CHECK(counts == expected_counts);
    } catch (const DamagedPartial& error) {
        CHECK(is_bad || !is_canonical);
        CHECK(error.index < count);
    }
    return 0;
}
