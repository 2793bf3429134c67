#include "reduction/file_reader.hpp"

#include <unistd.h>

#include <cerrno>
#include <optional>

#include "reduction/listed_file.hpp"

namespace reduction {

namespace {

constexpr std::size_t kBuffer = 1 << 18;
constexpr std::uint64_t kProgressStep = 4 << 20;  // bytes

std::optional<FileOutcome> change(const ListedFile& file) {
    try {
        if (const auto size_now = file.changed_size()) return FileOutcome{Opening::changed, *size_now, {}};
    } catch (const NotReadable& fault) {
        return FileOutcome{Opening::not_readable, static_cast<std::uint64_t>(fault.number), {}};
    }
    return std::nullopt;
}

}  // namespace

FileReader::FileReader() : buffer_(kBuffer) {}

FileOutcome FileReader::read(Share& share, const std::string& path, std::string_view environment,
                             std::uint64_t size, std::int64_t modified_ns,
                             const std::function<void(std::uint64_t)>& progress) {
    const ListedFile file(path, size, modified_ns);
    if (!file.is_open()) return {Opening::not_opened, static_cast<std::uint64_t>(errno), {}};
    if (auto changed = change(file)) return std::move(*changed);
    share.begin(environment);
    FileOutcome outcome;
    std::uint64_t untold = 0;
    bool is_first = true;
    for (bool wants_more = true; wants_more;) {
        const ssize_t count = ::read(file.descriptor(), buffer_.data(), buffer_.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && share.settle()) break;
        if (count < 0) {
            outcome.opening = Opening::not_readable;
            outcome.number = static_cast<std::uint64_t>(errno);
            break;
        }
        if (count == 0) break;
        std::string_view bytes(reinterpret_cast<const char*>(buffer_.data()), static_cast<std::size_t>(count));
        untold += bytes.size();
        if (is_first) {
            is_first = false;
            if (is_compressed(bytes)) {
                outcome.opening = Opening::compressed;
                break;
            }
            if ((outcome.number = wide_encoding(bytes)) != 0) {
                outcome.opening = Opening::wide;
                break;
            }
            bytes.remove_prefix(mark_length(bytes));
        }
        wants_more = share.feed(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        if (untold >= kProgressStep) {
            progress(untold);
            untold = 0;
        }
    }
    if (outcome.opening == Opening::compressed) {
        share.abandon();
        return outcome;
    }
    if (untold > 0) progress(untold);
    if (auto changed = change(file)) {
        share.abandon();
        return std::move(*changed);
    }
    if (outcome.opening != Opening::read) {
        share.abandon();
        return outcome;
    }
    outcome.books = share.end();
    return outcome;
}

}  // namespace reduction
