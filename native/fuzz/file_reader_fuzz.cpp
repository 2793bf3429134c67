// Any bytes may be a file: archives and wide encodings are recognized by their first bytes, a byte-order mark is
// skipped, a file that changed since it was listed is not accepted, and everything else goes to the scanner.
#include "reduction/csv/file_reader.hpp"

#include "check.hpp"
#include "input.hpp"
#include "memory_file.hpp"
#include "reference_scanner.hpp"

using namespace reduction;

namespace {

bool begins_with(const std::string& text, std::string_view magic) { return text.compare(0, magic.size(), magic) == 0; }

OpenStatus expected_of(const std::string& text) {
    using namespace std::string_view_literals;
    for (const auto magic : {"\x1f\x8b\x08"sv, "\x28\xb5\x2f\xfd"sv,
                             "\xfd"
                             "7zXZ\0"sv}) {
        if (begins_with(text, magic)) return OpenStatus::compressed;
    }
    if (begins_with(text, "BZh") && text.size() > 9 && text[3] >= '1' && text[3] <= '9' &&
        text.substr(4, 6) == "1AY&SY") {
        return OpenStatus::compressed;
    }
    for (const auto magic : {"\xff\xfe"sv, "\xfe\xff"sv, "\0\0\xfe\xff"sv}) {
        if (begins_with(text, magic)) return OpenStatus::wide;
    }
    return OpenStatus::read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static MemoryFile memory;
    Input input(data, size);
    const bool is_as_listed = input.byte() != 'x';
    std::string text = input.rest();
    memory.hold(text);
    const std::vector<std::string> row_suffixes = {"Asia Prod"};
    DistinctAggregator aggregator(row_suffixes, 4, {}, 6);
    CsvScanner scanner(aggregator, reference::kKeyColumn, 5, best_kernels(), 4 * kBlockBytes);
    std::uint64_t reported = 0;
    const FileOutcome outcome =
        read_file(scanner, {memory.path(), 0, text.size() + !is_as_listed, memory.modified_ns()},
                  [&](std::uint64_t bytes) { reported += bytes; });
    reference::File file(0, 5);
    reference::Rows expected;
    const OpenStatus open_status = is_as_listed ? expected_of(text) : OpenStatus::changed;
    CHECK(outcome.open_status == open_status);
    if (open_status == OpenStatus::read) {
        CHECK(reported <= text.size());
        if (text.compare(0, 3, "\xef\xbb\xbf") == 0) text.erase(0, 3);
        CHECK(reference::to_text(outcome.stats) == reference::to_text(file.read(text)));
        if (outcome.stats.status == FileStatus::accepted) expected = file.rows();
    }
    std::string lines;
    aggregator.write([&](std::string_view some) { lines += some; });
    CHECK(lines == reference::lines_of(expected, row_suffixes));
    return 0;
}
