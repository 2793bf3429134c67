// The scanner agrees with the reference implementation, on every instruction set and however the bytes are divided.
#include "reduction/csv/scanner.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "check.hpp"
#include "reference.hpp"
#include "reference_scanner.hpp"

using namespace reduction;

namespace {

constexpr std::size_t kExamples = 5;
const std::vector<std::string> kRowSuffixes = {"Asia Prod", "Europe Test"};

std::string some_file(reference::Random& random, std::size_t length) {
    std::string text = random.below(10) == 0 ? "Count, \"Source IP\"\r\n" : "Count,Source IP\n";
    while (text.size() < length) {
        switch (random.below(8)) {
            case 0: text += random.text(",\"\n\r1.a", random.below(20)); break;
            case 1: text += "\"a\n,b\",::" + std::to_string(random.below(9)) + "\n"; break;
            case 2: text += std::string(random.below(300), 'x') + ",\"1.1.1.1\"\r\n"; break;
            default: text += "7,10.0.0." + std::to_string(random.below(256)) + "\n"; break;
        }
    }
    if (random.below(10) == 0) text += '\0';
    return text;
}

void compare(const Kernels& kernels, const std::vector<std::string>& files, reference::Random& random,
             std::size_t slice_bytes) {
    DistinctAggregator aggregator(kRowSuffixes, 2, {}, 6);  // a filter so small that addresses displace each other
    CsvScanner scanner(aggregator, reference::kKeyColumn, kExamples, kernels, slice_bytes);
    reference::Rows expected;
    for (std::size_t i = 0; i < files.size(); ++i) {
        scanner.begin(i % 2);
        for (std::size_t at = 0; at < files[i].size();) {
            const std::size_t size = std::min(files[i].size() - at, 1 + random.below(2 * slice_bytes));
            if (!scanner.feed(reinterpret_cast<const std::uint8_t*>(files[i].data()) + at, size)) break;
            at += size;
        }
        reference::File file(i % 2, kExamples);
        const FileStats stats = scanner.end();
        const FileStats expected_stats = file.read(files[i]);
        CHECK(reference::to_text(stats) == reference::to_text(expected_stats));
        if (stats.status != FileStatus::accepted) continue;
        CHECK(stats.read == std::accumulate(stats.rejected.begin(), stats.rejected.end(), stats.valid));
        expected.insert(file.rows().begin(), file.rows().end());
    }
    std::string lines;
    aggregator.write([&](std::string_view some) { lines += some; });
    CHECK(lines == reference::lines_of(expected, kRowSuffixes));
}

}  // namespace

int main() {
    reference::Random random(11);
    for (int turn = 0; turn < 300; ++turn) {
        std::vector<std::string> files;
        for (std::size_t left = 1 + random.below(4); left > 0; --left) {
            files.push_back(some_file(random, random.below(turn % 50 == 0 ? 200000 : 4000)));
        }
        for (const Kernels* const kernels : available_kernels()) {
            compare(*kernels, files, random, kBlockBytes * (1 + random.below(5)));
            compare(*kernels, files, random, CsvScanner::kSliceBytes);
        }
    }
}
