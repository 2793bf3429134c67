// Reads one split of a large file into a scanner. docs/adr/0007 explains why the results of all splits together are
// the result of the file.
#pragma once

#include <cstdint>

#include "reduction/csv/file_reader.hpp"
#include "reduction/csv/scanner.hpp"

namespace reduction {

// The bytes from `start` to `stop` (exclusive) of a file or an object.
struct SplitRange {
    std::uint64_t start;
    std::uint64_t stop;
};

// What was read from a split: whole rows, from byte `first` to byte `end` (exclusive). Without rows, no row starts in
// the split, as far as this can be seen from the split; nothing was read then, and `stats` are empty.
struct SplitResult {
    OpenStatus open_status = OpenStatus::read;
    std::uint64_t number = 0;  // as in FileOutcome
    bool has_rows = false;
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    FileStats stats;  // lines are counted from `first`
};

// A row belongs to the split that contains its first byte. The first split of a file also reads the header, even if
// the header is longer than the split. Whether `start` is inside quotes is guessed from the text that follows.
// Only the first split reports `compressed` and `wide`; the others have nothing to read then.
// Calls `progress` after every few MiB and at the end.
SplitResult read_split(CsvScanner& scanner, const FileEntry& entry, const SplitRange& range,
                       const ProgressCallback& progress);

// The same for any source of bytes. Bytes are requested in this order: from the beginning to the end of the header,
// and no further if they are no CSV text and this is not the first split; then from two bytes before `start` to
// `stop`, and on to the end of the last row. It steps back by less than 2 * CsvScanner::kSliceBytes, unless a row
// extends further beyond `stop`.
SplitResult read_split(CsvScanner& scanner, const RandomAccessSource& bytes, std::size_t group, const SplitRange& range,
                       const ProgressCallback& progress);

}  // namespace reduction
