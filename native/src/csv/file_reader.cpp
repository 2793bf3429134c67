#include "reduction/csv/file_reader.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace reduction {

namespace {

// Checks the first bytes of a file, which are in `buffer`. Sets the status of `outcome` if they are not CSV text in
// UTF-8; removes a byte-order mark. Returns how many bytes are left.
std::size_t check_head(std::span<std::uint8_t> buffer, std::size_t count, FileOutcome& outcome) {
    const std::string_view head(reinterpret_cast<const char*>(buffer.data()), count);
    outcome.number = wide_encoding(head);
    if (is_compressed(head)) {
        outcome.open_status = OpenStatus::compressed;
    } else if (outcome.number != 0) {
        outcome.open_status = OpenStatus::wide;
    }
    const std::size_t mark = mark_length(head);
    if (mark > 0) std::memmove(buffer.data(), buffer.data() + mark, count - mark);
    return count - mark;
}

// Reads until the end of the file, or until the scanner wants no more, or until `outcome` has a status.
void read_bytes(CsvScanner& scanner, const FileSource& file, const ProgressCallback& progress, FileOutcome& outcome) {
    std::uint64_t unreported = 0;
    bool is_first = true;
    for (bool wants_more = true; wants_more;) {
        const std::span<std::uint8_t> buffer = scanner.buffer();
        const ssize_t count = ::read(file.descriptor(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            const int error = errno;
            if (scanner.settle()) return;
            outcome.open_status = OpenStatus::not_readable;
            outcome.number = static_cast<std::uint64_t>(error);
            return;
        }
        if (count == 0) return;
        auto size = static_cast<std::size_t>(count);
        unreported += size;
        if (std::exchange(is_first, false)) {
            size = check_head(buffer, size, outcome);
            if (outcome.open_status != OpenStatus::read) return;
        }
        wants_more = scanner.consume(size);
        if (unreported >= kProgressStep) progress(std::exchange(unreported, 0));
    }
}

bool is_clean(const FileOutcome& outcome) {
    return outcome.open_status == OpenStatus::read && outcome.stats.status == FileStatus::accepted &&
           outcome.stats.valid == outcome.stats.read;
}

}  // namespace

std::optional<FileOutcome> check_unchanged(const RandomAccessSource& bytes) {
    try {
        if (const auto size_now = bytes.changed_size()) return FileOutcome{OpenStatus::changed, *size_now, {}};
    } catch (const ReadError& error) {
        return FileOutcome{OpenStatus::not_readable, static_cast<std::uint64_t>(error.number), {}};
    }
    return std::nullopt;
}

FileOutcome read_file(CsvScanner& scanner, const FileEntry& entry, const ProgressCallback& progress) {
    const FileSource file(entry);
    if (!file.is_open()) return {OpenStatus::not_opened, static_cast<std::uint64_t>(errno), {}};
    if (auto changed = check_unchanged(file)) return std::move(*changed);
    scanner.begin(entry.group);
    FileOutcome outcome;
    read_bytes(scanner, file, progress, outcome);
    if (outcome.open_status != OpenStatus::compressed) {  // an archive is checked when its bytes are read
        if (auto changed = check_unchanged(file)) outcome = std::move(*changed);
    }
    if (outcome.open_status == OpenStatus::read) {
        outcome.stats = scanner.end();
    } else {
        scanner.abandon();
    }
    return outcome;
}

CleanFiles read_clean_files(CsvScanner& scanner, const std::vector<FileEntry>& files, std::size_t first,
                            std::size_t stop, const std::function<void(std::size_t)>& on_file,
                            const ProgressCallback& progress) {
    CleanFiles clean;
    for (std::size_t i = first; i < stop; ++i) {
        on_file(i);
        FileOutcome outcome = read_file(scanner, files[i], progress);
        if (!is_clean(outcome)) {
            clean.other = std::move(outcome);
            break;
        }
        ++clean.files;
        clean.bytes += files[i].size;
        clean.rows += outcome.stats.read;
    }
    return clean;
}

}  // namespace reduction
