// Reads a file of the disk into a scanner: plain ones whole, without the interpreter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reduction/io/byte_source.hpp"
#include "reduction/csv/scanner.hpp"

namespace reduction {

enum class OpenStatus : std::uint8_t {
    read,         // `stats` says what became of it
    compressed,   // an archive: its bytes are to be fed decompressed
    changed,      // it is not what was entry; `number` is its size now
    not_opened,   // `number` is the errno
    not_readable, // `number` is the errno
    wide,         // UTF-16 or UTF-32; `number` is 16 or 32
};

struct FileOutcome {
    OpenStatus open_status = OpenStatus::read;
    std::uint64_t number = 0;
    FileStats stats;
};

constexpr std::uint64_t kProgressStep = 4 << 20;  // bytes

// What is to be told of bytes that are no longer what was entry.
std::optional<FileOutcome> change(const RandomAccessSource& bytes);

// `progress` is told of bytes read after each few MiB. Nothing of the file counts unless it was taken.
FileOutcome read_file(CsvScanner& scanner, const FileEntry& entry, const std::function<void(std::uint64_t)>& progress);

// Files that were taken with all their rows valid, and of the one that came after them what is to be told.
struct CleanFiles {
    std::size_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t rows = 0;
    std::optional<FileOutcome> told;
};

// Reads the files from `first` up to `stop` (exclusive), or up to and with the first that there is something to report
// of: it is not taken, or has rejected rows. `begins` is told of each before it is opened. Most files are such that
// nothing need be known of each, which is most of what a small one would cost.
CleanFiles read_clean_files(CsvScanner& scanner, const std::vector<FileEntry>& files, std::size_t first, std::size_t stop,
                      const std::function<void(std::size_t)>& begins,
                      const std::function<void(std::uint64_t)>& progress);

}  // namespace reduction
