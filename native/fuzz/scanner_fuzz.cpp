// Any bytes may be files, fed in chunks: the scanner agrees with the reference implementation. Slices are small because
// their borders are interesting, and because filling megabytes would make the fuzzer ten times slower.
#include "reduction/csv/scanner.hpp"

#include <sys/mman.h>

#include "check.hpp"
#include "input.hpp"
#include "reference_scanner.hpp"

using namespace reduction;

namespace {

int new_memory_file() {
    const int descriptor = ::memfd_create("run", MFD_CLOEXEC);
    CHECK(descriptor >= 0);
    return descriptor;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::size_t chunk = 1 + input.byte();
    const std::uint8_t sizes = input.byte();
    const std::size_t slice_bytes = kBlockBytes * (1 + sizes % 8);
    MemoryLimit memory;
    if (sizes >= 128)
        memory = {sizes * std::size_t{100}, new_memory_file, 2};  // so little that nearly everything is spilled
    const auto sets = available_kernels();
    const std::vector<std::string> row_suffixes = {"Asia Prod", "Europe Test"};
    DistinctAggregator aggregator(row_suffixes, 4, memory, 6);
    CsvScanner scanner(aggregator, reference::kKeyColumn, 5, *sets[input.byte() % sets.size()], slice_bytes);
    reference::Rows expected;
    for (std::size_t number = 0; !input.is_empty(); ++number) {
        const std::string text = input.up_to(0xFF);
        scanner.begin(number % 2);
        for (std::size_t at = 0; at < text.size(); at += chunk) {
            if (!scanner.feed(bytes_of(text) + at, std::min(chunk, text.size() - at))) break;
        }
        const FileStats stats = scanner.end();
        reference::File file(number % 2, 5);
        CHECK(reference::to_text(stats) == reference::to_text(file.read(text)));
        if (stats.status == FileStatus::accepted) expected.insert(file.rows().begin(), file.rows().end());
    }
    std::string lines;
    aggregator.write([&](std::string_view some) { lines += some; });
    CHECK(lines == reference::lines_of(expected, row_suffixes));
    return 0;
}
