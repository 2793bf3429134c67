#include "reduction/csv/scanner.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace reduction {

namespace {

constexpr std::size_t kPadding = kBlockBytes;  // readable behind a slice

constexpr std::size_t kFilterBytes = 16 << 20;  // of all tables together

// An eighth of the memory is for tables of what was seen recent, with one that is as large as it may be.
unsigned filter_bits_for(std::size_t memory, unsigned most) {
    const auto bits = static_cast<unsigned>(std::bit_width(memory / 16 / 16));  // of half as much, in buckets of 16 bytes
    return std::min(most, std::max(bits, 2U) - 1);
}

constexpr std::string_view kKeyColumn = "Source IP";

std::string_view without_blanks(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The values of the fields of one whole row, by the state machine of csv.
std::vector<std::string> fields_of(std::string_view row) {
    std::vector<std::string> fields(1);
    enum class State { start, unquoted, quoted, quote_in_quoted } state = State::start;
    for (const char c : row) {
        if (c == ',' && state != State::quoted) {
            fields.emplace_back();
            state = State::start;
        } else if (c == '"' && state == State::start) {
            state = State::quoted;
        } else if (c == '"' && state == State::quoted) {
            state = State::quote_in_quoted;
        } else {
            fields.back() += c;
            if (state == State::quote_in_quoted) state = c == '"' ? State::quoted : State::unquoted;
            if (state == State::start) state = State::unquoted;
        }
    }
    return fields;
}

}  // namespace

// A slice has room for half as many rows that are not empty as for bytes.
CsvScanner::CsvScanner(std::size_t compact_at_rows, std::size_t examples_a_file, const Kernels& kernels, unsigned filter_bits,
             std::size_t slice_bytes, const Memory& memory)
    : kernels_(kernels),
      slice_bytes_(slice_bytes),
      compact_at_rows_(compact_at_rows),
      examples_a_file_(examples_a_file),
      slice_(slice_bytes + kPadding),
      ends_(slice_bytes / kBlockBytes + 1),
      commas_(slice_bytes / kBlockBytes + 1),
      key_starts_(slice_bytes + 2 * kBlockBytes),
      key_ends_(slice_bytes + 2 * kBlockBytes),
      spans_(slice_bytes / 2 + 1),
      numbers_(slice_bytes / 2 + 1),
      good_(slice_bytes / 2 + 1),
      filter_bits_(filter_bits_for(memory.bytes, filter_bits)),
      max_filter_bytes_(std::min(kFilterBytes, memory.bytes / 8)),
      max_held_bytes_(memory.bytes / 16 * 7),
      spill_runs_(memory.open_temp, memory.fan_in) {}

void CsvScanner::begin(std::string_view environment, std::int64_t split_file_id) {
    Source source{std::string(environment), split_file_id};
    auto found = environments_.find(source);
    if (found == environments_.end()) {
        auto made = std::make_unique<Environment>(compact_at_rows_, spare_, filter_bits_, new_number(kNoOwner));
        owners_[made->number] = made->number;
        found = environments_.emplace(std::move(source), std::move(made)).first;
    }
    environment_ = found->second.get();
    environment_->addresses.begin_file();
    stats_ = FileStats{};
    state_ = StructureState{};
    lines_before_slice_ = 0;
    cr_before_slice_ = false;
    header_is_known_ = is_stopped_ = false;
    header_.clear();
    columns_ = key_ = 0;
    open_ = OpenRow{};
    held_ = 0;
    file_number_ = kNoOwner;
}

bool CsvScanner::feed(const std::uint8_t* data, std::size_t size) {
    while (size > 0 && !is_stopped_) {
        const std::span<std::uint8_t> free = room();
        const std::size_t taken = std::min(size, free.size());
        std::memcpy(free.data(), data, taken);
        take(taken);
        data += taken;
        size -= taken;
    }
    return !is_stopped_;
}

std::span<std::uint8_t> CsvScanner::room() { return {slice_.data() + held_, slice_bytes_ - held_}; }

bool CsvScanner::take(std::size_t size) {
    held_ += size;
    if (held_ == slice_bytes_) {
        if (!is_stopped_) take_slice(slice_bytes_);
        held_ = 0;
    }
    return !is_stopped_;
}

FileStats CsvScanner::end() {
    if (!is_stopped_ && held_ > 0) take_slice(held_);
    if (!is_stopped_ && !state_.inside) close_open_row();
    if (!is_stopped_ && state_.inside) stop(FileStatus::open_quote, open_.line);
    stats_.line_ends = state_.line_ends;
    if (stats_.status == FileStatus::taken) {
        environment_->addresses.commit();
        if (file_number_ != kNoOwner) owners_[file_number_] = environment_->number;
    } else {
        abandon();
    }
    return std::move(stats_);
}

bool CsvScanner::settle() {
    if (!is_stopped_ && held_ > 0) take_slice(held_);
    held_ = 0;
    return is_stopped_;
}

void CsvScanner::resume(bool is_after_cr) {
    state_ = StructureState{};
    state_.before_is_cr = is_after_cr;
}

void CsvScanner::abandon() {
    if (file_number_ != kNoOwner) owners_[file_number_] = kNoOwner;
    environment_->addresses.rollback();
    environment_->recent.forget();
}

void CsvScanner::stop(FileStatus status, std::uint64_t line) {
    stats_.status = status;
    stats_.line = line;
    is_stopped_ = true;
}

void CsvScanner::take_slice(std::size_t size) {
    const std::size_t blocks = (size + kBlockBytes - 1) / kBlockBytes;
    // The zeros behind the last byte would look like NUL bytes; spaces look like nothing.
    std::memset(slice_.data() + size, ' ', kBlockBytes * blocks - size + kPadding);
    lines_before_slice_ = state_.line_ends;
    cr_before_slice_ = state_.before_is_cr;
    const std::size_t nul = kernels_.structure(slice_.data(), blocks, state_, ends_.data(), commas_.data());
    const std::size_t looked_at = nul == kNoNul ? blocks : nul / kBlockBytes + 1;
    ends_[looked_at] = commas_[looked_at] = 0;
    walk(looked_at, nul == kNoNul ? size : nul, nul);
}

void CsvScanner::walk(std::size_t blocks, std::size_t size, std::size_t nul) {
    std::size_t from = 0;
    // Rows up to the header, and the row that the slice before left open, go the careful way.
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
        take_rows(from, blocks, rest);
        extend_open_row(rest, size);
        environment_->addresses.compact_file_if_due();
        make_room_if_due();
    }
    if (!is_stopped_ && nul != kNoNul) stop(FileStatus::nul_byte, line_of(nul));
}

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

void CsvScanner::extend_open_row(std::size_t from, std::size_t to) {
    if (from >= to) return;
    if (!open_.has_bytes) {
        open_.has_bytes = true;
        open_.commas = 0;
        open_.line = header_is_known_ ? line_from_end(from, to) : line_of(from);
        open_.key.clear();
    }
    const char* const text = reinterpret_cast<const char*>(slice_.data());
    if (!header_is_known_) {
        header_.append(text + from, to - from);
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
        take_header();
        return;
    }
    ++stats_.read;
    const std::uint64_t fields = open_.commas + 1;
    if (fields > columns_) {
        if (reject(Reason::too_many_fields)) show_width(Reason::too_many_fields, open_.line, fields);
    } else if (fields <= key_) {
        if (reject(Reason::no_key)) show_width(Reason::no_key, open_.line, fields);
    } else if (!take_address(open_.key.address()) && reject(Reason::not_an_address)) {
        show_key(open_.line, open_.key);
    }
}

void CsvScanner::take_header() {
    const std::vector<std::string> names = fields_of(header_);
    const auto found = std::find_if(names.begin(), names.end(),
                                    [](const std::string& name) { return without_blanks(name) == kKeyColumn; });
    header_is_known_ = true;
    if (found == names.end()) {
        stats_.header = std::move(header_);
        stop(FileStatus::no_key_column, open_.line);
        return;
    }
    columns_ = names.size();
    key_ = static_cast<std::size_t>(found - names.begin());
    header_.clear();
    header_.shrink_to_fit();
}

void CsvScanner::take_rows(std::size_t from, std::size_t blocks, std::size_t& rest) {
    // Files are even nearly always; what comes after the first uneven row of a slice goes the slower way.
    std::uint16_t* const starts = key_starts_.data();
    std::uint16_t* const ends = key_ends_.data();
    std::size_t count =
        kernels_.find_even_rows(ends_.data(), commas_.data(), blocks, from, columns_, key_, starts, ends, rest);
    stats_.read += count;
    count += take_uneven_rows(rest, blocks, starts + count, ends + count, rest);
    const std::size_t odd = kernels_.parse_ipv4(slice_.data(), starts, ends, count, numbers_.data(), good_.data());
    if (odd > 0) {
        std::size_t good = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (good_[i] == 0) take_odd_key(starts[i], ends[i]);
            numbers_[good] = numbers_[i];
            good += good_[i];
        }
        count = good;
    }
    append(numbers_.data(), count);
}

// Rejects the rows that have no key or too many fields, and lists the keys of the others; returns their number.
std::size_t CsvScanner::take_uneven_rows(std::size_t from, std::size_t blocks, std::uint16_t* starts, std::uint16_t* ends,
                                    std::size_t& rest) {
    const std::size_t count =
        kernels_.find_keys(ends_.data(), commas_.data(), blocks, from, key_, spans_.data(), rest);
    stats_.read += count;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const KeySpan& span = spans_[i];
        if (span.fields > columns_) [[unlikely]] {
            if (reject(Reason::too_many_fields)) show_width(Reason::too_many_fields, line_of(span.row), span.fields);
        } else if (span.fields <= key_) [[unlikely]] {
            if (reject(Reason::no_key)) show_width(Reason::no_key, line_of(span.row), span.fields);
        } else {
            starts[kept] = static_cast<std::uint16_t>(span.start);
            ends[kept++] = static_cast<std::uint16_t>(span.end);
        }
    }
    return kept;
}

void CsvScanner::append(const std::uint32_t* numbers, std::size_t count) {
    Ipv4Array& ipv4 = environment_->addresses.ipv4();
    RecentFilter& recent = environment_->recent;
    const std::size_t before = recent.bytes();
    ipv4.grow_by(recent.filter(numbers, count, ipv4.room_for(count)));
    filter_bytes_ += recent.bytes() - before;
    if (filter_bytes_ > max_filter_bytes_) release_other_tables();
    stats_.valid += count;
}

// Where environments are many, those at work have tables: the files of one mostly stand together.
void CsvScanner::release_other_tables() {
    for (auto& [name, environment] : environments_) {
        if (environment.get() == environment_) continue;
        filter_bytes_ -= environment->recent.bytes();
        environment->recent.release();
    }
}

void CsvScanner::take_odd_key(std::size_t start, std::size_t end) {
    KeyText key;
    key.feed(slice_.data() + start, end - start);
    if (!take_address(key.address()) && reject(Reason::not_an_address)) show_key(line_of(row_start(start)), key);
}

// Where the row starts that the byte at `at` is in; it starts in this slice.
std::size_t CsvScanner::row_start(std::size_t at) const {
    while (at > 0 && (ends_[(at - 1) / kBlockBytes] >> (at - 1) % kBlockBytes & 1) == 0) --at;
    return at;
}

bool CsvScanner::take_address(const Address& address) {
    if (address.kind == Kind::ipv4) {
        append(&address.ipv4, 1);
    } else if (address.kind == Kind::ipv6) {
        environment_->addresses.add(address.ipv6);
        ++stats_.valid;
    }
    return address.kind != Kind::none;
}

bool CsvScanner::reject(Reason reason) {
    return stats_.rejected[static_cast<std::size_t>(reason)]++ < examples_a_file_;
}

void CsvScanner::show_width(Reason reason, std::uint64_t line, std::uint64_t fields) {
    stats_.examples.push_back({reason, line, fields, reason == Reason::no_key ? key_ : columns_, {}});
}

void CsvScanner::show_key(std::uint64_t line, const KeyText& key) {
    stats_.examples.push_back({Reason::not_an_address, line, 0, 0, {key.shown(), key.shown_length()}});
}

// Counts again from the beginning of the slice: only few rows are asked for.
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

// Counts back from the end of a slice that was looked at whole: what is left of it is a part of one row.
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
