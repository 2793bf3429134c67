#include "reduction/csv/split_reader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "reduction/csv/row_boundary.hpp"

namespace reduction {

namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

SplitResult without_rows(OpenStatus open_status, std::uint64_t number) {
    SplitResult result;
    result.open_status = open_status;
    result.number = number;
    return result;
}

// Feeds one split to the scanner.
class SplitReader {
public:
    SplitReader(CsvScanner& scanner, const RandomAccessSource& bytes, const SplitRange& range,
                const ProgressCallback& progress)
        : scanner_(scanner), bytes_(bytes), range_(range), progress_(progress), rows_(scanner.kernels(), bytes) {}

    // Throws ReadError; `result` is then what was known before.
    void read(SplitResult& result) {
        std::array<std::uint8_t, kHead> beginning{};
        const std::size_t count = bytes_.read_at(0, beginning.data(), beginning.size());
        const std::string_view head(reinterpret_cast<const char*>(beginning.data()), count);
        const bool is_first_split = range_.start == 0;
        const std::uint64_t wide = wide_encoding(head);
        if (is_compressed(head) || wide != 0) {
            if (is_first_split) result = without_rows(wide != 0 ? OpenStatus::wide : OpenStatus::compressed, wide);
            return;
        }
        const std::uint64_t text_start = mark_length(head);
        std::uint64_t from = text_start;
        std::uint64_t target = range_.stop;
        if (is_first_split) {
            result.has_rows = true;
            target = std::max(target, rows_.after_header(text_start, kNoLimit).at);
        } else {
            const std::optional<std::uint64_t> first = find_first_row(text_start);
            if (!first) return;
            result.has_rows = true;
            result.first = from = *first;
        }
        if (!feed(from, target)) return;
        // The scanner does not know the state after bytes that it has not scanned yet, so the end of the last row is
        // searched from the first of them on.
        const CsvScanner::Pending pending = scanner_.pending();
        result.end = rows_.next(target - pending.bytes, pending.state, target, kNoLimit).at;
        feed(target, result.end);
    }

    void report_progress() {
        if (unreported_ > 0) progress_(std::exchange(unreported_, 0));
    }

private:
    // Returns where the first row of a later split starts, and prepares the scanner for it.
    std::optional<std::uint64_t> find_first_row(std::uint64_t text_start) {
        const RowStart header = rows_.after_header(text_start, range_.stop);
        if (header.kind != RowStart::Kind::row) return std::nullopt;
        feed(text_start, header.at);
        if (scanner_.settle()) return std::nullopt;  // no key column: the first split reports it
        std::uint64_t first = header.at;
        if (first < range_.start) {
            const StructureState state = rows_.guess(range_.start - 1, scanner_.columns(), scanner_.key());
            const RowStart row = rows_.next(range_.start - 1, state, range_.start, range_.stop);
            if (row.kind != RowStart::Kind::row) return std::nullopt;
            first = row.at;
        }
        scanner_.resume(rows_.is_preceded_by(first, '\r'));
        return first;
    }

    // Feeds the bytes from `from` to `to`; returns false if the scanner wants no more.
    bool feed(std::uint64_t from, std::uint64_t to) {
        while (from < to) {
            const std::span<std::uint8_t> buffer = scanner_.buffer();
            const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(to - from, buffer.size()));
            const std::size_t count = bytes_.read_at(from, buffer.data(), wanted);
            from += count;
            unreported_ += count;
            if (!scanner_.consume(count)) return false;
            if (count < wanted) break;  // the file was truncated; the final check reports that
            if (unreported_ >= kProgressStep) report_progress();
        }
        return true;
    }

    CsvScanner& scanner_;
    const RandomAccessSource& bytes_;
    const SplitRange& range_;
    const ProgressCallback& progress_;
    RowBoundaryFinder rows_;
    std::uint64_t unreported_ = 0;
};

}  // namespace

SplitResult read_split(CsvScanner& scanner, const RandomAccessSource& bytes, std::size_t group, const SplitRange& range,
                       const ProgressCallback& progress) {
    SplitResult result;
    SplitReader reader(scanner, bytes, range, progress);
    scanner.begin(group);
    try {
        reader.read(result);
    } catch (const ReadError& error) {
        // The bytes before the unreadable ones may have decided the file's status, as in a file without splits.
        if (!result.has_rows || !scanner.settle()) {
            result = without_rows(OpenStatus::not_readable, static_cast<std::uint64_t>(error.number));
        }
    }
    if (result.open_status != OpenStatus::compressed) reader.report_progress();
    if (const auto changed = check_unchanged(bytes)) result = without_rows(changed->open_status, changed->number);
    if (result.open_status == OpenStatus::read && result.has_rows) {
        result.stats = scanner.end();
    } else {
        scanner.abandon();
    }
    return result;
}

SplitResult read_split(CsvScanner& scanner, const FileEntry& entry, const SplitRange& range,
                       const ProgressCallback& progress) {
    const FileSource file(entry);
    if (!file.is_open()) return without_rows(OpenStatus::not_opened, static_cast<std::uint64_t>(errno));
    if (const auto changed = check_unchanged(file)) return without_rows(changed->open_status, changed->number);
    return read_split(scanner, file, entry.group, range, progress);
}

}  // namespace reduction
