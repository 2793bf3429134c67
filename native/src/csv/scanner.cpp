#include "reduction/csv/scanner.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "reduction/csv/header.hpp"

namespace reduction {

namespace {

constexpr std::size_t kPadding = kBlockBytes;  // readable bytes after a slice

}  // namespace

// A slice has at most half as many non-empty rows as bytes.
CsvScanner::CsvScanner(DistinctAggregator& aggregator, std::string key_column, std::size_t max_examples,
                       const Kernels& kernels, std::size_t slice_bytes)
    : aggregator_(aggregator),
      key_column_(std::move(key_column)),
      max_examples_(max_examples),
      kernels_(kernels),
      slice_bytes_(slice_bytes),
      slice_(slice_bytes + kPadding),
      ends_(slice_bytes / kBlockBytes + 1),
      commas_(slice_bytes / kBlockBytes + 1),
      key_starts_(slice_bytes + 2 * kBlockBytes),
      key_ends_(slice_bytes + 2 * kBlockBytes),
      spans_(slice_bytes / 2 + 1),
      numbers_(slice_bytes / 2 + 1),
      good_(slice_bytes / 2 + 1) {}

// ---- one file -------------------------------------------------------------------------------------------------

void CsvScanner::begin(std::size_t group) {
    aggregator_.begin_file(group);
    stats_ = FileStats{};
    state_ = StructureState{};
    lines_before_slice_ = 0;
    cr_before_slice_ = false;
    header_is_known_ = is_stopped_ = false;
    header_.clear();
    columns_ = key_ = 0;
    open_ = OpenRow{};
    pending_ = 0;
}

bool CsvScanner::feed(const std::uint8_t* data, std::size_t size) {
    while (size > 0 && !is_stopped_) {
        const std::span<std::uint8_t> free = buffer();
        const std::size_t copied = std::min(size, free.size());
        std::memcpy(free.data(), data, copied);
        consume(copied);
        data += copied;
        size -= copied;
    }
    return !is_stopped_;
}

std::span<std::uint8_t> CsvScanner::buffer() { return {slice_.data() + pending_, slice_bytes_ - pending_}; }

bool CsvScanner::consume(std::size_t size) {
    pending_ += size;
    if (pending_ == slice_bytes_) {
        if (!is_stopped_) scan_slice(slice_bytes_);
        pending_ = 0;
    }
    return !is_stopped_;
}

FileStats CsvScanner::end() {
    if (!is_stopped_ && pending_ > 0) scan_slice(pending_);
    if (!is_stopped_ && !state_.inside) close_open_row();
    if (!is_stopped_ && state_.inside) stop(FileStatus::open_quote, open_.line);
    stats_.line_ends = state_.line_ends;
    if (stats_.status == FileStatus::accepted) {
        aggregator_.commit_file();
    } else {
        aggregator_.rollback_file();
    }
    return std::move(stats_);
}

bool CsvScanner::settle() {
    if (!is_stopped_ && pending_ > 0) scan_slice(pending_);
    pending_ = 0;
    return is_stopped_;
}

void CsvScanner::resume(bool is_after_cr) {
    state_ = StructureState{};
    state_.before_is_cr = is_after_cr;
}

void CsvScanner::abandon() { aggregator_.rollback_file(); }

void CsvScanner::stop(FileStatus status, std::uint64_t line) {
    stats_.status = status;
    stats_.line = line;
    is_stopped_ = true;
}

// ---- one slice ------------------------------------------------------------------------------------------------

void CsvScanner::scan_slice(std::size_t size) {
    const std::size_t blocks = (size + kBlockBytes - 1) / kBlockBytes;
    // Zeros after the last byte would look like NUL bytes; spaces have no meaning.
    std::memset(slice_.data() + size, ' ', kBlockBytes * blocks - size + kPadding);
    lines_before_slice_ = state_.line_ends;
    cr_before_slice_ = state_.before_is_cr;
    const std::size_t nul = kernels_.structure(slice_.data(), blocks, state_, ends_.data(), commas_.data());
    const std::size_t scanned = nul == kNoNul ? blocks : nul / kBlockBytes + 1;
    ends_[scanned] = commas_[scanned] = 0;
    scan_rows(scanned, nul == kNoNul ? size : nul, nul);
}

void CsvScanner::scan_rows(std::size_t blocks, std::size_t size, std::size_t nul) {
    std::size_t from = 0;
    // The header, and the row that the previous slice left open, are read byte by byte.
    while (!is_stopped_ && (!header_is_known_ || open_.has_bytes)) {
        const std::size_t end = first_end(from, blocks);
        extend_open_row(from, std::min(end, size));
        if (end >= size) {
            from = size;
            break;
        }
        from = end + 1;
        close_open_row();
    }
    if (!is_stopped_ && nul == kNoNul && from < size) {
        std::size_t rest = from;
        add_rows(from, blocks, rest);
        extend_open_row(rest, size);
        aggregator_.compact_if_due();
    }
    if (!is_stopped_ && nul != kNoNul) stop(FileStatus::nul_byte, line_of(nul));
}

// The position of the first row end from `from` on, kNoNul if there is none.
std::size_t CsvScanner::first_end(std::size_t from, std::size_t blocks) const {
    std::size_t block = from / kBlockBytes;
    if (block >= blocks) return kNoNul;
    std::uint64_t bits = ends_[block] & ~std::uint64_t{0} << from % kBlockBytes;
    while (bits == 0) {
        if (++block >= blocks) return kNoNul;
        bits = ends_[block];
    }
    return kBlockBytes * block + static_cast<std::size_t>(__builtin_ctzll(bits));
}

// ---- the open row ---------------------------------------------------------------------------------------------

void CsvScanner::extend_open_row(std::size_t from, std::size_t to) {
    if (from >= to) return;
    if (!open_.has_bytes) {
        open_.has_bytes = true;
        open_.commas = 0;
        open_.line = header_is_known_ ? line_from_end(from, to) : line_of(from);
        open_.key.clear();
    }
    if (!header_is_known_) {
        header_.append(reinterpret_cast<const char*>(slice_.data()) + from, to - from);
        return;
    }
    std::size_t start = from;
    for (std::size_t at = from; at < to; ++at) {
        if ((commas_[at / kBlockBytes] >> at % kBlockBytes & 1) == 0) continue;
        if (open_.commas == key_) open_.key.feed(slice_.data() + start, at - start);
        ++open_.commas;
        start = at + 1;
    }
    if (open_.commas == key_) open_.key.feed(slice_.data() + start, to - start);
}

void CsvScanner::close_open_row() {
    if (!open_.has_bytes) return;
    open_.has_bytes = false;
    if (!header_is_known_) {
        read_header();
        return;
    }
    ++stats_.read;
    const std::uint64_t fields = open_.commas + 1;
    if (fields > columns_) {
        if (reject(Reason::too_many_fields)) add_width_example(Reason::too_many_fields, open_.line, fields);
    } else if (fields <= key_) {
        if (reject(Reason::no_key)) add_width_example(Reason::no_key, open_.line, fields);
    } else if (!add_address(open_.key.address()) && reject(Reason::not_an_address)) {
        add_key_example(open_.line, open_.key);
    }
}

void CsvScanner::read_header() {
    const Header header = parse_header(header_, key_column_);
    header_is_known_ = true;
    if (!header.key) {
        stats_.header = std::move(header_);
        stop(FileStatus::no_key_column, open_.line);
        return;
    }
    columns_ = header.columns;
    key_ = *header.key;
    header_.clear();
    header_.shrink_to_fit();
}

// ---- all other rows -------------------------------------------------------------------------------------------

void CsvScanner::add_rows(std::size_t from, std::size_t blocks, std::size_t& rest) {
    // Nearly all files have the same number of fields in every row. After the first exception in a slice, the slower
    // way reads the rest of it.
    std::uint16_t* const starts = key_starts_.data();
    std::uint16_t* const ends = key_ends_.data();
    std::size_t count =
        kernels_.find_even_rows(ends_.data(), commas_.data(), blocks, from, columns_, key_, starts, ends, rest);
    stats_.read += count;
    count += find_uneven_rows(rest, blocks, starts + count, ends + count, rest);
    const std::size_t irregular =
        kernels_.parse_ipv4(slice_.data(), starts, ends, count, numbers_.data(), good_.data());
    if (irregular > 0) {
        std::size_t good = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (good_[i] == 0) add_irregular_key(starts[i], ends[i]);
            numbers_[good] = numbers_[i];
            good += good_[i];
        }
        count = good;
    }
    aggregator_.add(numbers_.data(), count);
    stats_.valid += count;
}

// Rejects rows without a key or with too many fields, and lists the keys of the others; returns how many these are.
std::size_t CsvScanner::find_uneven_rows(std::size_t from, std::size_t blocks, std::uint16_t* starts,
                                         std::uint16_t* ends, std::size_t& rest) {
    const std::size_t count = kernels_.find_keys(ends_.data(), commas_.data(), blocks, from, key_, spans_.data(), rest);
    stats_.read += count;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const KeySpan& span = spans_[i];
        if (span.fields > columns_) [[unlikely]] {
            if (reject(Reason::too_many_fields)) {
                add_width_example(Reason::too_many_fields, line_of(span.row), span.fields);
            }
        } else if (span.fields <= key_) [[unlikely]] {
            if (reject(Reason::no_key)) add_width_example(Reason::no_key, line_of(span.row), span.fields);
        } else {
            starts[kept] = static_cast<std::uint16_t>(span.start);
            ends[kept++] = static_cast<std::uint16_t>(span.end);
        }
    }
    return kept;
}

void CsvScanner::add_irregular_key(std::size_t start, std::size_t end) {
    KeyText key;
    key.feed(slice_.data() + start, end - start);
    if (!add_address(key.address()) && reject(Reason::not_an_address)) add_key_example(line_of(row_start(start)), key);
}

bool CsvScanner::add_address(const Address& address) {
    if (address.kind == Kind::none) return false;
    if (address.kind == Kind::ipv4) {
        aggregator_.add(&address.ipv4, 1);
    } else {
        aggregator_.add(address.ipv6);
    }
    ++stats_.valid;
    return true;
}

bool CsvScanner::reject(Reason reason) { return stats_.rejected[static_cast<std::size_t>(reason)]++ < max_examples_; }

void CsvScanner::add_width_example(Reason reason, std::uint64_t line, std::uint64_t fields) {
    stats_.examples.push_back({reason, line, fields, reason == Reason::no_key ? key_ : columns_, {}});
}

void CsvScanner::add_key_example(std::uint64_t line, const KeyText& key) {
    stats_.examples.push_back({Reason::not_an_address, line, 0, 0, {key.shown(), key.shown_length()}});
}

// ---- positions in the slice -----------------------------------------------------------------------------------

// The start of the row that contains the byte at `position`. The row starts in this slice.
std::size_t CsvScanner::row_start(std::size_t position) const {
    const auto ends_row = [&](std::size_t at) { return (ends_[at / kBlockBytes] >> at % kBlockBytes & 1) != 0; };
    while (position > 0 && !ends_row(position - 1)) --position;
    return position;
}

// Counts again from the beginning of the slice: this is needed for a few examples only.
std::uint64_t CsvScanner::line_of(std::size_t position) const {
    std::uint64_t line = lines_before_slice_ + 1;
    bool is_after_cr = cr_before_slice_;
    for (std::size_t i = 0; i < position; ++i) {
        const std::uint8_t c = slice_[i];
        line += c == '\r' || (c == '\n' && !is_after_cr);
        is_after_cr = c == '\r';
    }
    return line;
}

// Counts back from the end of a slice that was scanned completely: from `position` on it is the beginning of one row.
std::uint64_t CsvScanner::line_from_end(std::size_t position, std::size_t size) const {
    std::uint64_t line = state_.line_ends + 1;
    bool is_after_cr = position == 0 ? cr_before_slice_ : slice_[position - 1] == '\r';
    for (std::size_t i = position; i < size; ++i) {
        line -= slice_[i] == '\r' || (slice_[i] == '\n' && !is_after_cr);
        is_after_cr = slice_[i] == '\r';
    }
    return line;
}

}  // namespace reduction
