#include "reduction/csv/file_reader.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace reduction {

std::optional<FileOutcome> change(const RandomAccessSource& bytes) {
    try {
        if (const auto size_now = bytes.changed_size()) return FileOutcome{OpenStatus::changed, *size_now, {}};
    } catch (const ReadError& error) {
        return FileOutcome{OpenStatus::not_readable, static_cast<std::uint64_t>(error.number), {}};
    }
    return std::nullopt;
}

FileOutcome read_file(CsvScanner& scanner, const FileEntry& entry, const std::function<void(std::uint64_t)>& progress) {
    const FileSource file(entry);
    if (!file.is_open()) return {OpenStatus::not_opened, static_cast<std::uint64_t>(errno), {}};
    if (auto changed = change(file)) return std::move(*changed);
    scanner.begin(entry.environment);
    FileOutcome outcome;
    std::uint64_t unreported = 0;
    bool is_first = true;
    for (bool wants_more = true; wants_more;) {
        const std::span<std::uint8_t> room = scanner.room();
        const ssize_t count = ::read(file.descriptor(), room.data(), room.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && scanner.settle()) break;
        if (count < 0) {
            outcome.open_status = OpenStatus::not_readable;
            outcome.number = static_cast<std::uint64_t>(errno);
            break;
        }
        if (count == 0) break;
        auto got = static_cast<std::size_t>(count);
        unreported += got;
        if (is_first) {
            is_first = false;
            const std::string_view head(reinterpret_cast<const char*>(room.data()), got);
            if (is_compressed(head)) {
                outcome.open_status = OpenStatus::compressed;
                break;
            }
            if ((outcome.number = wide_encoding(head)) != 0) {
                outcome.open_status = OpenStatus::wide;
                break;
            }
            if (const std::size_t mark = mark_length(head); mark > 0) {
                got -= mark;
                std::memmove(room.data(), room.data() + mark, got);
            }
        }
        wants_more = scanner.take(got);
        if (unreported >= kProgressStep) {
            progress(unreported);
            unreported = 0;
        }
    }
    if (outcome.open_status != OpenStatus::compressed) {  // an archive is looked at when it is read
        if (auto changed = change(file)) outcome = std::move(*changed);
    }
    if (outcome.open_status == OpenStatus::read) {
        outcome.stats = scanner.end();
    } else {
        scanner.abandon();
    }
    return outcome;
}

CleanFiles read_clean_files(CsvScanner& scanner, const std::vector<FileEntry>& files, std::size_t first, std::size_t stop,
                      const std::function<void(std::size_t)>& begins,
                      const std::function<void(std::uint64_t)>& progress) {
    CleanFiles run;
    for (std::size_t at = first; at < stop; ++at) {
        const FileEntry& file = files[at];
        begins(at);
        FileOutcome outcome = read_file(scanner, file, progress);
        if (outcome.open_status != OpenStatus::read || outcome.stats.status != FileStatus::taken ||
            outcome.stats.valid != outcome.stats.read) {
            run.told = std::move(outcome);
            break;
        }
        ++run.files;
        run.bytes += file.size;
        run.rows += outcome.stats.read;
    }
    return run;
}

}  // namespace reduction
