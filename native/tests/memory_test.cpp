// However little memory a scanner has, it says and writes what its reference twin does; a disk that fails is told of.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <tuple>
#include <vector>

#include "check.hpp"
#include "reference.hpp"
#include "reference_scanner.hpp"
#include "reduction/csv/scanner.hpp"
#include "temporary.hpp"

using namespace reduction;

namespace {

constexpr std::size_t kExamples = 5;
const Source kSources[] = {{"Asia Prod"}, {"Asia Prod", 3}, {"Asia Prod", 12}, {"Europe, Test"}, {"NA Prod", 0}};

// In the order of a partial.
using Found = std::set<std::tuple<Kind, std::uint32_t, Ipv6, Source>>;

std::string lines_of(const Found& found) {
    std::string lines;
    for (const auto& [kind, ipv4, ipv6, source] : found) {
        const std::string line = reference::lines_of({{kind, ipv4, ipv6, source.environment}});
        lines += line.substr(0, line.size() - 1);
        if (source.split_file_id != kWholeFile) lines += ',' + std::to_string(source.split_file_id);
        lines += '\n';
    }
    return lines;
}

// Some are good, some have rows to reject, and some turn out bad at their end.
std::string some_file(reference::Random& random) {
    std::string text = random.below(12) == 0 ? "Count\n" : "Count,Source IP\n";
    const std::size_t rows = random.below(400);
    const std::size_t addresses = 1 + random.below(2000);
    for (std::size_t i = 0; i < rows; ++i) {
        const std::size_t address = random.below(addresses);
        switch (random.below(9)) {
            case 0: text += "1,2001:db8::" + std::to_string(address % 9999) + "\n"; break;
            case 1: text += "\"a\n\",::" + std::to_string(address % 9999) + "\r\n"; break;
            case 2: text += random.text("1,\".", 3) + "\n"; break;
            default: text += "7,10.0." + std::to_string(address >> 8) + "." + std::to_string(address & 255) + "\n";
        }
    }
    if (random.below(4) == 0) text += random.below(2) == 0 ? std::string(1, '\0') : "\"";
    return text;
}

// Returns how many temporary files were asked for.
std::size_t compare(reference::Random& random) {
    std::size_t files = 0;
    const Memory memory{random.below(3) == 0 ? random.below(100) : random.below(100'000),
                        [&] { ++files; return new_nameless_file(); }, 2 + random.below(3)};
    CsvScanner scanner(1 + random.below(1000), kExamples, best_kernels(), 6, kBlockBytes * (1 + random.below(32)), memory);
    Found expected;
    std::map<Source, std::uint64_t> counts;
    for (std::size_t left = 1 + random.below(12); left > 0; --left) {
        const Source& source = kSources[random.below(std::size(kSources))];
        const std::string text = some_file(random);
        scanner.begin(source.environment, source.split_file_id);
        scanner.feed(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
        if (random.below(8) == 0) {
            scanner.abandon();
            continue;
        }
        reference::File file("", kExamples);
        const FileStats stats = scanner.end();
        CHECK(reference::to_text(stats) == reference::to_text(file.read(text)));
        if (stats.status != FileStatus::taken) continue;
        for (const auto& [kind, ipv4, ipv6, _] : file.found()) expected.insert({kind, ipv4, ipv6, source});
    }
    for (const auto& row : expected) ++counts[std::get<Source>(row)];
    std::string lines;
    CHECK(scanner.write([&](std::string_view some) { lines += some; }) == counts);
    CHECK(lines == lines_of(expected));
    return files;
}

// Feeds more than there is memory for; returns the number of what went wrong on the disk.
int failure_with(const TempFileFactory& open_temp) {
    CsvScanner scanner(1000, kExamples, best_kernels(), 6, CsvScanner::kSliceBytes, {20'000, open_temp, 2});
    std::string text = "Source IP\n";
    for (int i = 0; i < 60'000; ++i) text += "1.1." + std::to_string(i >> 8) + "." + std::to_string(i & 255) + "\n";
    try {
        scanner.begin("Asia Prod");
        scanner.feed(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
        scanner.end();
        scanner.write([](std::string_view) {});
    } catch (const SpillFailed& failure) {
        return failure.code().value();
    }
    return 0;
}

}  // namespace

int main() {
    reference::Random random(5);
    std::size_t without_files = 0;
    std::size_t files = 0;
    for (int turn = 0; turn < 600; ++turn) {
        const std::size_t used = compare(random);
        files += used;
        without_files += used == 0;
    }
    CHECK(without_files > 10 && files > 2000);  // both ways are gone

    CHECK(failure_with(new_nameless_file) == 0);
    CHECK(failure_with([] { return ::open("/dev/full", O_RDWR | O_CLOEXEC); }) == ENOSPC);
    CHECK(failure_with([] { return ::open("/dev/zero", O_RDWR | O_CLOEXEC); }) == EIO);  // gives back other bytes
    CHECK(failure_with([] { return ::open("/dev/null", O_RDWR | O_CLOEXEC); }) == EIO);  // gives back nothing
}
