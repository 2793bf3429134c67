// With little memory the result is that of the reference implementation; failures of the disk are reported.
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
#include "temporary.hpp"

#include "reduction/csv/scanner.hpp"

using namespace reduction;

namespace {

constexpr std::size_t kExamples = 5;
const std::vector<std::string> kRowSuffixes = {"Asia Prod", "Asia Prod,3", "Asia Prod,12", "\"Europe, Test\"",
                                               "NA Prod,0"};

// Some files are good, some have rows to reject, and some are not accepted at their end.
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

// Returns the number of temporary files.
std::size_t compare(reference::Random& random) {
    std::size_t files = 0;
    const MemoryLimit memory{random.below(3) == 0 ? random.below(100) : random.below(100'000),
                             [&] {
                                 ++files;
                                 return new_nameless_file();
                             },
                             2 + random.below(3)};
    DistinctAggregator aggregator(kRowSuffixes, 1 + random.below(1000), memory, 6);
    CsvScanner scanner(aggregator, reference::kKeyColumn, kExamples, best_kernels(),
                       kBlockBytes * (1 + random.below(32)));
    reference::Rows expected;
    std::vector<std::uint64_t> counts(kRowSuffixes.size());
    for (std::size_t left = 1 + random.below(12); left > 0; --left) {
        const std::size_t group = random.below(kRowSuffixes.size());
        const std::string text = some_file(random);
        scanner.begin(group);
        scanner.feed(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
        if (random.below(8) == 0) {
            scanner.abandon();
            continue;
        }
        reference::File file(group, kExamples);
        const FileStats stats = scanner.end();
        CHECK(reference::to_text(stats) == reference::to_text(file.read(text)));
        if (stats.status == FileStatus::accepted) expected.insert(file.rows().begin(), file.rows().end());
    }
    for (const auto& row : expected) ++counts[std::get<3>(row)];
    std::string lines;
    CHECK(aggregator.write([&](std::string_view some) { lines += some; }) == counts);
    CHECK(lines == reference::lines_of(expected, kRowSuffixes));
    return files;
}

// Feeds more than fits into memory; returns the errno of the failure, 0 without one.
int failure_with(const TempFileFactory& open_temp) {
    DistinctAggregator aggregator({"Asia Prod"}, 1000, {20'000, open_temp, 2}, 6);
    CsvScanner scanner(aggregator, reference::kKeyColumn, kExamples, best_kernels());
    std::string text = "Source IP\n";
    for (int i = 0; i < 60'000; ++i) text += "1.1." + std::to_string(i >> 8) + "." + std::to_string(i & 255) + "\n";
    try {
        scanner.begin(0);
        scanner.feed(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
        scanner.end();
        aggregator.write([](std::string_view) {});
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
    CHECK(without_files > 10 && files > 2000);  // both ways are taken

    CHECK(failure_with(new_nameless_file) == 0);
    CHECK(failure_with([] { return ::open("/dev/full", O_RDWR | O_CLOEXEC); }) == ENOSPC);
    CHECK(failure_with([] { return ::open("/dev/zero", O_RDWR | O_CLOEXEC); }) == EIO);  // returns other bytes
    CHECK(failure_with([] { return ::open("/dev/null", O_RDWR | O_CLOEXEC); }) == EIO);  // returns nothing
}
