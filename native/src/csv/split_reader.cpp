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

Piece without_rows(Opening opening, std::uint64_t number) {
    Piece piece;
    piece.opening = opening;
    piece.number = number;
    return piece;
}

// One unit on its way into the share.
class Reader {
public:
    Reader(Share& share, const ListedBytes& bytes, const Cut& unit, const std::function<void(std::uint64_t)>& progress)
        : share_(share), bytes_(bytes), unit_(unit), progress_(progress), starts_(share.routines(), bytes) {}

    // Throws NotReadable; `piece` then says what was known before.
    void read(Piece& piece) {
        std::array<std::uint8_t, kHead> beginning{};
        const std::size_t count = bytes_.read_at(0, beginning.data(), beginning.size());
        const std::string_view head(reinterpret_cast<const char*>(beginning.data()), count);
        const bool begins_file = unit_.start == 0;
        const std::uint64_t wide = wide_encoding(head);
        if (is_compressed(head) || wide != 0) {
            if (begins_file) piece = without_rows(wide != 0 ? Opening::wide : Opening::compressed, wide);
            return;
        }
        const std::uint64_t text = mark_length(head);
        std::uint64_t from = text;
        std::uint64_t target = unit_.stop;
        if (begins_file) {
            piece.has_rows = true;
            target = std::max(target, starts_.behind_header(text, kNoLimit).at);
        } else {
            const std::optional<std::uint64_t> first = first_row(text);
            if (!first) return;
            piece.has_rows = true;
            piece.first = from = *first;
        }
        if (!feed(from, target)) return;
        // What the share has not looked at yet is looked at here, for its state behind it is not known otherwise.
        const Share::Pending pending = share_.pending();
        piece.end = starts_.next(target - pending.bytes, pending.state, target, kNoLimit).at;
        feed(target, piece.end);
    }

    void tell() {
        if (untold_ > 0) progress_(untold_);
        untold_ = 0;
    }

private:
    // Where the first row starts, with the share ready for it; the unit does not begin the file, whose text begins at
    // `text`.
    std::optional<std::uint64_t> first_row(std::uint64_t text) {
        const RowStart header = starts_.behind_header(text, unit_.stop);
        if (header.kind != RowStart::Kind::row) return std::nullopt;
        feed(text, header.at);
        if (share_.settle()) return std::nullopt;  // no key column, as the unit that begins the file says
        std::uint64_t first = header.at;
        if (first < unit_.start) {
            const StructureState state = starts_.guess(unit_.start - 1, share_.columns(), share_.key());
            const RowStart row = starts_.next(unit_.start - 1, state, unit_.start, unit_.stop);
            if (row.kind != RowStart::Kind::row) return std::nullopt;
            first = row.at;
        }
        share_.resume(starts_.is_behind(first, '\r'));
        return first;
    }

    // Feeds the bytes `from` to `to`; returns false if the share wants no more.
    bool feed(std::uint64_t from, std::uint64_t to) {
        while (from < to) {
            const std::span<std::uint8_t> room = share_.room();
            const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(to - from, room.size()));
            const std::size_t count = bytes_.read_at(from, room.data(), wanted);
            from += count;
            untold_ += count;
            if (!share_.take(count)) return false;
            if (count < wanted) break;  // it has become shorter, which is seen at the end
            if (untold_ >= kProgressStep) tell();
        }
        return true;
    }

    Share& share_;
    const ListedBytes& bytes_;
    const Cut& unit_;
    const std::function<void(std::uint64_t)>& progress_;
    RowStarts starts_;
    std::uint64_t untold_ = 0;
};

}  // namespace

Piece read_piece(Share& share, const ListedBytes& bytes, std::string_view environment, const Cut& cut,
                 const std::function<void(std::uint64_t)>& progress) {
    Piece piece;
    Reader reader(share, bytes, cut, progress);
    share.begin(environment, cut.cut_file);
    try {
        reader.read(piece);
    } catch (const NotReadable& fault) {
        // What came before the place that can't be read may have settled it, as it may in a file that is not cut.
        if (!piece.has_rows || !share.settle()) {
            piece = without_rows(Opening::not_readable, static_cast<std::uint64_t>(fault.number));
        }
    }
    if (piece.opening != Opening::compressed) reader.tell();
    if (const auto changed = change(bytes)) piece = without_rows(changed->opening, changed->number);
    if (piece.opening == Opening::read && piece.has_rows) {
        piece.books = share.end();
    } else {
        share.abandon();
    }
    return piece;
}

Piece read_piece(Share& share, const Listed& listed, const Cut& cut, const std::function<void(std::uint64_t)>& progress) {
    const ListedFile file(listed);
    if (!file.is_open()) return without_rows(Opening::not_opened, static_cast<std::uint64_t>(errno));
    if (const auto changed = change(file)) return without_rows(changed->opening, changed->number);
    return read_piece(share, file, listed.environment, cut, progress);
}

}  // namespace reduction
