#include "reduction/csv/split_reader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <string_view>

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

// One split on its way into the scanner.
class Reader {
public:
    Reader(CsvScanner& scanner, const RandomAccessSource& bytes, const SplitRange& split, const std::function<void(std::uint64_t)>& progress)
        : scanner_(scanner), bytes_(bytes), split_(split), progress_(progress), starts_(scanner.kernels(), bytes) {}

    // Throws ReadError; `result` then says what was known before.
    void read(SplitResult& result) {
        std::array<std::uint8_t, kHead> beginning{};
        const std::size_t count = bytes_.read_at(0, beginning.data(), beginning.size());
        const std::string_view head(reinterpret_cast<const char*>(beginning.data()), count);
        const bool begins_file = split_.start == 0;
        const std::uint64_t wide = wide_encoding(head);
        if (is_compressed(head) || wide != 0) {
            if (begins_file) result = without_rows(wide != 0 ? OpenStatus::wide : OpenStatus::compressed, wide);
            return;
        }
        const std::uint64_t text = mark_length(head);
        std::uint64_t from = text;
        std::uint64_t target = split_.stop;
        if (begins_file) {
            result.has_rows = true;
            target = std::max(target, starts_.after_header(text, kNoLimit).at);
        } else {
            const std::optional<std::uint64_t> first = first_row(text);
            if (!first) return;
            result.has_rows = true;
            result.first = from = *first;
        }
        if (!feed(from, target)) return;
        // What the scanner has not looked at yet is looked at here, for its state behind it is not known otherwise.
        const CsvScanner::Pending pending = scanner_.pending();
        result.end = starts_.next(target - pending.bytes, pending.state, target, kNoLimit).at;
        feed(target, result.end);
    }

    void report() {
        if (unreported_ > 0) progress_(unreported_);
        unreported_ = 0;
    }

private:
    // Where the first row starts, with the scanner ready for it; the split does not begin the file, whose text begins at
    // `text`.
    std::optional<std::uint64_t> first_row(std::uint64_t text) {
        const RowStart header = starts_.after_header(text, split_.stop);
        if (header.kind != RowStart::Kind::row) return std::nullopt;
        feed(text, header.at);
        if (scanner_.settle()) return std::nullopt;  // no key column, as the split that begins the file says
        std::uint64_t first = header.at;
        if (first < split_.start) {
            const StructureState state = starts_.guess(split_.start - 1, scanner_.columns(), scanner_.key());
            const RowStart row = starts_.next(split_.start - 1, state, split_.start, split_.stop);
            if (row.kind != RowStart::Kind::row) return std::nullopt;
            first = row.at;
        }
        scanner_.resume(starts_.is_behind(first, '\r'));
        return first;
    }

    // Feeds the bytes `from` to `to`; returns false if the scanner wants no more.
    bool feed(std::uint64_t from, std::uint64_t to) {
        while (from < to) {
            const std::span<std::uint8_t> room = scanner_.room();
            const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(to - from, room.size()));
            const std::size_t count = bytes_.read_at(from, room.data(), wanted);
            from += count;
            unreported_ += count;
            if (!scanner_.take(count)) return false;
            if (count < wanted) break;  // it has become shorter, which is seen at the end
            if (unreported_ >= kProgressStep) report();
        }
        return true;
    }

    CsvScanner& scanner_;
    const RandomAccessSource& bytes_;
    const SplitRange& split_;
    const std::function<void(std::uint64_t)>& progress_;
    RowBoundaryFinder starts_;
    std::uint64_t unreported_ = 0;
};

}  // namespace

SplitResult read_split(CsvScanner& scanner, const RandomAccessSource& bytes, std::string_view environment, const SplitRange& split,
                 const std::function<void(std::uint64_t)>& progress) {
    SplitResult result;
    Reader reader(scanner, bytes, split, progress);
    scanner.begin(environment, split.split_file_id);
    try {
        reader.read(result);
    } catch (const ReadError& error) {
        // What came before the place that can't be read may have settled it, as it may in a file that is not split.
        if (!result.has_rows || !scanner.settle()) {
            result = without_rows(OpenStatus::not_readable, static_cast<std::uint64_t>(error.number));
        }
    }
    if (result.open_status != OpenStatus::compressed) reader.report();
    if (const auto changed = change(bytes)) result = without_rows(changed->open_status, changed->number);
    if (result.open_status == OpenStatus::read && result.has_rows) {
        result.stats = scanner.end();
    } else {
        scanner.abandon();
    }
    return result;
}

SplitResult read_split(CsvScanner& scanner, const FileEntry& entry, const SplitRange& split, const std::function<void(std::uint64_t)>& progress) {
    const FileSource file(entry);
    if (!file.is_open()) return without_rows(OpenStatus::not_opened, static_cast<std::uint64_t>(errno));
    if (const auto changed = change(file)) return without_rows(changed->open_status, changed->number);
    return read_split(scanner, file, entry.environment, split, progress);
}

}  // namespace reduction
