// Reads files from disk into a scanner, without the Python interpreter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "reduction/csv/scanner.hpp"
#include "reduction/io/byte_source.hpp"

namespace reduction {

// What opening and reading a file's bytes came to.
enum class OpenStatus : std::uint8_t {
    read,          // the bytes were scanned; FileStats has the result
    compressed,    // an archive: the caller has to feed its decompressed bytes
    changed,       // it is no longer what was listed; `number` is its size now
    not_opened,    // `number` is the errno
    not_readable,  // `number` is the errno
    wide,          // UTF-16 or UTF-32; `number` is 16 or 32
};

struct FileOutcome {
    OpenStatus open_status = OpenStatus::read;
    std::uint64_t number = 0;
    FileStats stats;
};

using ProgressCallback = std::function<void(std::uint64_t)>;  // with the number of bytes read since the last call

constexpr std::uint64_t kProgressStep = 4 << 20;  // bytes between two calls

// The outcome if `bytes` are no longer what was listed, or cannot be checked; nothing if all is well.
std::optional<FileOutcome> check_unchanged(const RandomAccessSource& bytes);

// Reads one file. Its rows count only if it is accepted.
FileOutcome read_file(CsvScanner& scanner, const FileEntry& entry, const ProgressCallback& progress);

// Accepted files without rejected rows, and the outcome of the file after them if it is not such a file.
struct CleanFiles {
    std::size_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t rows = 0;
    std::optional<FileOutcome> other;
};

// Reads the files from `first` to `stop` (exclusive), but stops after the first file that is not clean: it is not
// accepted, or has rejected rows. Calls `on_file` with the index of each file before it is opened. Most files are
// clean, and reporting on each of them would be most of the cost of a small one.
CleanFiles read_clean_files(CsvScanner& scanner, const std::vector<FileEntry>& files, std::size_t first,
                            std::size_t stop, const std::function<void(std::size_t)>& on_file,
                            const ProgressCallback& progress);

}  // namespace reduction
