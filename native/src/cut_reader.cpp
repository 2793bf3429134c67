#include "reduction/cut_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "reduction/listed_file.hpp"

namespace reduction {

namespace {

constexpr std::size_t kBuffer = 1 << 18;
constexpr std::uint64_t kProgressStep = 4 << 20;  // bytes
constexpr std::size_t kHead = 16;                 // bytes that tell what a file is
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

Piece without_rows(Opening opening, std::uint64_t number) {
    Piece piece;
    piece.opening = opening;
    piece.number = number;
    return piece;
}

std::optional<Piece> change(const ListedFile& file) {
    const auto size_now = file.changed_size();
    if (!size_now) return std::nullopt;
    return without_rows(Opening::changed, *size_now);
}

}  // namespace

CutReader::CutReader(const Routines& routines) : routines_(routines), buffer_(kBuffer) {}

Piece CutReader::read(Share& share, const CutUnit& unit, const std::function<void(std::uint64_t)>& progress) {
    progress_ = &progress;
    untold_ = 0;
    const ListedFile file(unit.path, unit.size, unit.modified_ns);
    if (!file.is_open()) return without_rows(Opening::not_opened, static_cast<std::uint64_t>(errno));
    Piece piece;
    share.begin(unit.environment, unit.cut_file);
    try {
        if (auto changed = change(file)) {
            share.abandon();
            return std::move(*changed);
        }
        read_rows(share, file, unit, piece);
    } catch (const NotReadable& fault) {
        // What came before the place that can't be read may have settled it, as it may in a file that is not cut.
        if (!piece.has_rows || !share.settle()) {
            piece = without_rows(Opening::not_readable, static_cast<std::uint64_t>(fault.number));
        }
    }
    tell();
    try {
        if (auto changed = change(file)) piece = std::move(*changed);
    } catch (const NotReadable& fault) {
        piece = without_rows(Opening::not_readable, static_cast<std::uint64_t>(fault.number));
    }
    if (piece.opening == Opening::read && piece.has_rows) {
        piece.books = share.end();
    } else {
        share.abandon();
    }
    return piece;
}

void CutReader::read_rows(Share& share, const ListedFile& file, const CutUnit& unit, Piece& piece) {
    const std::size_t count = file.read_at(0, buffer_.data(), kHead);
    const std::string_view head(reinterpret_cast<const char*>(buffer_.data()), count);
    const bool begins_file = unit.start == 0;
    if (is_compressed(head)) {
        if (begins_file) piece.opening = Opening::compressed;
        return;
    }
    if (const std::uint64_t bits = wide_encoding(head); bits != 0) {
        if (begins_file) piece = without_rows(Opening::wide, bits);
        return;
    }
    RowStarts starts(routines_, file);
    const std::uint64_t text = mark_length(head);
    std::uint64_t from = text;
    std::uint64_t target = unit.stop;
    if (begins_file) {
        piece.has_rows = true;
        target = std::max(target, starts.behind_header(text, kNoLimit).at);
    } else {
        const auto first = first_row(share, starts, unit, text, file);
        if (!first) return;
        piece.has_rows = true;
        piece.first = from = *first;
    }
    if (!feed(share, file, from, target)) return;
    const Share::Pending pending = share.pending();
    piece.end = starts.next(target - pending.bytes, pending.state, target, kNoLimit).at;
    feed(share, file, target, piece.end);
}

// Where the first row of a unit that does not begin the file starts, with the share ready for it.
std::optional<std::uint64_t> CutReader::first_row(Share& share, RowStarts& starts, const CutUnit& unit,
                                                  std::uint64_t text, const ListedFile& file) {
    const RowStart header = starts.behind_header(text, unit.stop);
    if (header.kind != RowStart::Kind::row) return std::nullopt;
    feed(share, file, text, header.at);
    if (share.settle()) return std::nullopt;  // no key column, as the unit that begins the file says
    std::uint64_t first = header.at;
    if (first < unit.start) {
        const StructureState state = starts.guess(unit.start - 1, share.columns(), share.key());
        const RowStart row = starts.next(unit.start - 1, state, unit.start, unit.stop);
        if (row.kind != RowStart::Kind::row) return std::nullopt;
        first = row.at;
    }
    share.resume(starts.is_behind(first, '\r'));
    return first;
}

// Feeds the bytes `from` to `to`; returns false if the share wants no more.
bool CutReader::feed(Share& share, const ListedFile& file, std::uint64_t from, std::uint64_t to) {
    while (from < to) {
        const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(to - from, kBuffer));
        const std::size_t count = file.read_at(from, buffer_.data(), wanted);
        from += count;
        untold_ += count;
        if (!share.feed(buffer_.data(), count)) return false;
        if (count < wanted) break;
        if (untold_ >= kProgressStep) tell();
    }
    return true;
}

void CutReader::tell() {
    if (untold_ > 0) (*progress_)(untold_);
    untold_ = 0;
}

}  // namespace reduction
