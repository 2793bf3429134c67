#include "reduction/csv/file_reader.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace reduction {

std::optional<FileOutcome> change(const ListedBytes& bytes) {
    try {
        if (const auto size_now = bytes.changed_size()) return FileOutcome{Opening::changed, *size_now, {}};
    } catch (const NotReadable& fault) {
        return FileOutcome{Opening::not_readable, static_cast<std::uint64_t>(fault.number), {}};
    }
    return std::nullopt;
}

FileOutcome read_file(Share& share, const Listed& listed, const std::function<void(std::uint64_t)>& progress) {
    const ListedFile file(listed);
    if (!file.is_open()) return {Opening::not_opened, static_cast<std::uint64_t>(errno), {}};
    if (auto changed = change(file)) return std::move(*changed);
    share.begin(listed.environment);
    FileOutcome outcome;
    std::uint64_t untold = 0;
    bool is_first = true;
    for (bool wants_more = true; wants_more;) {
        const std::span<std::uint8_t> room = share.room();
        const ssize_t count = ::read(file.descriptor(), room.data(), room.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && share.settle()) break;
        if (count < 0) {
            outcome.opening = Opening::not_readable;
            outcome.number = static_cast<std::uint64_t>(errno);
            break;
        }
        if (count == 0) break;
        auto got = static_cast<std::size_t>(count);
        untold += got;
        if (is_first) {
            is_first = false;
            const std::string_view head(reinterpret_cast<const char*>(room.data()), got);
            if (is_compressed(head)) {
                outcome.opening = Opening::compressed;
                break;
            }
            if ((outcome.number = wide_encoding(head)) != 0) {
                outcome.opening = Opening::wide;
                break;
            }
            if (const std::size_t mark = mark_length(head); mark > 0) {
                got -= mark;
                std::memmove(room.data(), room.data() + mark, got);
            }
        }
        wants_more = share.take(got);
        if (untold >= kProgressStep) {
            progress(untold);
            untold = 0;
        }
    }
    if (outcome.opening != Opening::compressed) {  // an archive is looked at when it is read
        if (auto changed = change(file)) outcome = std::move(*changed);
    }
    if (outcome.opening == Opening::read) {
        outcome.books = share.end();
    } else {
        share.abandon();
    }
    return outcome;
}

QuietRun read_quietly(Share& share, const std::vector<Listed>& files, std::size_t first, std::size_t stop,
                      const std::function<void(std::size_t)>& begins,
                      const std::function<void(std::uint64_t)>& progress) {
    QuietRun run;
    for (std::size_t at = first; at < stop; ++at) {
        const Listed& file = files[at];
        begins(at);
        FileOutcome outcome = read_file(share, file, progress);
        if (outcome.opening != Opening::read || outcome.books.verdict != Verdict::taken ||
            outcome.books.valid != outcome.books.read) {
            run.told = std::move(outcome);
            break;
        }
        ++run.files;
        run.bytes += file.size;
        run.rows += outcome.books.read;
    }
    return run;
}

}  // namespace reduction
