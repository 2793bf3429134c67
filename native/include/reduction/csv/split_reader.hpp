// Reads one split of a split file into a scanner. docs/adr/0007 says why the results of all splits make up the file.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "reduction/csv/file_reader.hpp"
#include "reduction/csv/scanner.hpp"

namespace reduction {

// The bytes `start` to `stop` (exclusive) of a file or an object.
struct SplitRange {
    std::int64_t split_file_id;  // its number, as in CsvScanner::begin
    std::uint64_t start;
    std::uint64_t stop;
};

// What a split has read: whole rows, those from `first` to `end` (exclusive). Or no row starts in it, as far as it can
// see; then it has read nothing and has no stats.
struct SplitResult {
    OpenStatus open_status = OpenStatus::read;
    std::uint64_t number = 0;  // what `open_status` needs
    bool has_rows = false;
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    FileStats stats;  // lines are counted from `first`
};

// A row belongs to the split in which its first byte lies; the split that begins the file reads the header, too, however
// long it is. Whether `start` lies inside quotes is guessed by the plausibility of what follows.
// `compressed` and `wide` are told to the split that begins the file; the others have nothing to read then.
// `progress` is told of bytes read, after each few MiB and at the end.
SplitResult read_split(CsvScanner& scanner, const FileEntry& entry, const SplitRange& split, const std::function<void(std::uint64_t)>& progress);

// The same of any bytes. They are asked for from the beginning until the header ends, and no further if they are no CSV
// text and the split does not begin them; then from two before `start` on, to `stop` and until the last row ends. Where
// that goes back it is by less than 2 * CsvScanner::kSliceBytes, unless a row reaches further over `stop`.
SplitResult read_split(CsvScanner& scanner, const RandomAccessSource& bytes, std::string_view environment, const SplitRange& split,
                 const std::function<void(std::uint64_t)>& progress);

}  // namespace reduction
