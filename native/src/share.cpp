#include "reduction/share.hpp"

#include <algorithm>
#include <cstring>
#include <queue>

#include "reduction/lines.hpp"

namespace reduction {

namespace {

constexpr std::size_t kSlice = 1 << 16;   // bytes looked at together; a multiple of kWord
constexpr std::size_t kPadding = kWord;   // readable behind them
constexpr std::size_t kRows = kSlice / 2; // more rows that are not empty have no room in a slice

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

Share::Share(std::size_t compact_at_rows, std::size_t examples_a_file, const Routines& routines, unsigned lately_bits)
    : routines_(routines),
      compact_at_rows_(compact_at_rows),
      examples_a_file_(examples_a_file),
      slice_(kSlice + kPadding),
      ends_(kSlice / kWord + 1),
      commas_(kSlice / kWord + 1),
      key_starts_(kSlice + 2 * kWord),
      key_ends_(kSlice + 2 * kWord),
      spans_(kRows + 1),
      numbers_(kRows + 1),
      good_(kRows + 1),
      lately_bits_(lately_bits) {}

void Share::begin(std::string_view environment) {
    auto found = environments_.find(environment);
    if (found == environments_.end()) {
        auto made = std::make_unique<Environment>(compact_at_rows_, lately_bits_);
        found = environments_.emplace(std::string(environment), std::move(made)).first;
    }
    environment_ = found->second.get();
    environment_->addresses.begin_file();
    books_ = FileBooks{};
    state_ = StructureState{};
    lines_before_slice_ = 0;
    cr_before_slice_ = false;
    header_is_known_ = is_stopped_ = false;
    header_.clear();
    columns_ = key_ = 0;
    open_ = OpenRow{};
    held_ = 0;
}

bool Share::feed(const std::uint8_t* data, std::size_t size) {
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

std::span<std::uint8_t> Share::room() { return {slice_.data() + held_, kSlice - held_}; }

bool Share::take(std::size_t size) {
    held_ += size;
    if (held_ == kSlice) {
        if (!is_stopped_) take_slice(kSlice);
        held_ = 0;
    }
    return !is_stopped_;
}

FileBooks Share::end() {
    if (!is_stopped_ && held_ > 0) take_slice(held_);
    if (!is_stopped_ && !state_.inside) close_open_row();
    if (!is_stopped_ && state_.inside) stop(Verdict::open_quote, open_.line);
    if (books_.verdict == Verdict::taken) {
        environment_->addresses.keep();
    } else {
        abandon();
    }
    return std::move(books_);
}

bool Share::settle() {
    if (!is_stopped_ && held_ > 0) take_slice(held_);
    held_ = 0;
    return is_stopped_;
}

void Share::abandon() {
    environment_->addresses.drop();
    environment_->lately.forget();
}

void Share::stop(Verdict verdict, std::uint64_t line) {
    books_.verdict = verdict;
    books_.line = line;
    is_stopped_ = true;
}

void Share::take_slice(std::size_t size) {
    const std::size_t words = (size + kWord - 1) / kWord;
    // The zeros behind the last byte would look like NUL bytes; spaces look like nothing.
    std::memset(slice_.data() + size, ' ', kWord * words - size + kPadding);
    lines_before_slice_ = state_.line_ends;
    cr_before_slice_ = state_.before_is_cr;
    const std::size_t nul = routines_.structure(slice_.data(), words, state_, ends_.data(), commas_.data());
    const std::size_t looked_at = nul == kNoNul ? words : nul / kWord + 1;
    ends_[looked_at] = commas_[looked_at] = 0;
    walk(looked_at, nul == kNoNul ? size : nul, nul);
}

void Share::walk(std::size_t words, std::size_t size, std::size_t nul) {
    std::size_t from = 0;
    // Rows up to the header, and the row that the slice before left open, go the careful way.
    while (!is_stopped_ && (!header_is_known_ || open_.has_bytes)) {
        const std::size_t end = first_end(from, words);
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
        take_rows(from, words, rest);
        extend_open_row(rest, size);
        environment_->addresses.compact_file_if_due();
    }
    if (!is_stopped_ && nul != kNoNul) stop(Verdict::nul_byte, line_of(nul));
}

std::size_t Share::first_end(std::size_t from, std::size_t words) const {
    std::size_t word = from / kWord;
    if (word >= words) return kNoNul;
    std::uint64_t bits = ends_[word] & ~std::uint64_t{0} << from % kWord;
    while (bits == 0) {
        if (++word >= words) return kNoNul;
        bits = ends_[word];
    }
    return kWord * word + static_cast<std::size_t>(__builtin_ctzll(bits));
}

void Share::extend_open_row(std::size_t from, std::size_t to) {
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
        if ((commas_[at / kWord] >> at % kWord & 1) == 0) continue;
        if (open_.commas == key_) open_.key.feed(slice_.data() + start, at - start);
        ++open_.commas;
        start = at + 1;
    }
    if (open_.commas == key_) open_.key.feed(slice_.data() + start, to - start);
}

void Share::close_open_row() {
    if (!open_.has_bytes) return;
    open_.has_bytes = false;
    if (!header_is_known_) {
        take_header();
        return;
    }
    ++books_.read;
    const std::uint64_t fields = open_.commas + 1;
    if (fields > columns_) {
        if (reject(Reason::too_many_fields)) show_width(Reason::too_many_fields, open_.line, fields);
    } else if (fields <= key_) {
        if (reject(Reason::no_key)) show_width(Reason::no_key, open_.line, fields);
    } else if (!take_address(open_.key.address()) && reject(Reason::not_an_address)) {
        show_key(open_.line, open_.key);
    }
}

void Share::take_header() {
    const std::vector<std::string> names = fields_of(header_);
    const auto found = std::find_if(names.begin(), names.end(),
                                    [](const std::string& name) { return without_blanks(name) == kKeyColumn; });
    header_is_known_ = true;
    if (found == names.end()) {
        books_.header = std::move(header_);
        stop(Verdict::no_key_column, open_.line);
        return;
    }
    columns_ = names.size();
    key_ = static_cast<std::size_t>(found - names.begin());
    header_.clear();
    header_.shrink_to_fit();
}

void Share::take_rows(std::size_t from, std::size_t words, std::size_t& rest) {
    // Files are even nearly always; what comes after the first uneven row of a slice goes the slower way.
    std::uint16_t* const starts = key_starts_.data();
    std::uint16_t* const ends = key_ends_.data();
    std::size_t count =
        routines_.find_even_rows(ends_.data(), commas_.data(), words, from, columns_, key_, starts, ends, rest);
    books_.read += count;
    count += take_uneven_rows(rest, words, starts + count, ends + count, rest);
    const std::size_t odd = routines_.parse_quads(slice_.data(), starts, ends, count, numbers_.data(), good_.data());
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
std::size_t Share::take_uneven_rows(std::size_t from, std::size_t words, std::uint16_t* starts, std::uint16_t* ends,
                                    std::size_t& rest) {
    const std::size_t count =
        routines_.find_keys(ends_.data(), commas_.data(), words, from, key_, spans_.data(), rest);
    books_.read += count;
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

void Share::append(const std::uint32_t* numbers, std::size_t count) {
    Numbers& fours = environment_->addresses.fours();
    fours.grow_by(environment_->lately.filter(numbers, count, fours.room_for(count)));
    books_.valid += count;
}

void Share::take_odd_key(std::size_t start, std::size_t end) {
    KeyText key;
    key.feed(slice_.data() + start, end - start);
    if (!take_address(key.address()) && reject(Reason::not_an_address)) show_key(line_of(row_start(start)), key);
}

// Where the row starts that the byte at `at` is in; it starts in this slice.
std::size_t Share::row_start(std::size_t at) const {
    while (at > 0 && (ends_[(at - 1) / kWord] >> (at - 1) % kWord & 1) == 0) --at;
    return at;
}

bool Share::take_address(const Address& address) {
    if (address.kind == Kind::four) {
        append(&address.four, 1);
    } else if (address.kind == Kind::six) {
        environment_->addresses.add(address.six);
        ++books_.valid;
    }
    return address.kind != Kind::none;
}

bool Share::reject(Reason reason) {
    return books_.rejected[static_cast<std::size_t>(reason)]++ < examples_a_file_;
}

void Share::show_width(Reason reason, std::uint64_t line, std::uint64_t fields) {
    books_.examples.push_back({reason, line, fields, reason == Reason::no_key ? key_ : columns_, {}});
}

void Share::show_key(std::uint64_t line, const KeyText& key) {
    books_.examples.push_back({Reason::not_an_address, line, 0, 0, {key.shown(), key.shown_length()}});
}

// Counts again from the beginning of the slice: only few rows are asked for.
std::uint64_t Share::line_of(std::size_t position) const {
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
std::uint64_t Share::line_from_end(std::size_t position, std::size_t size) const {
    std::uint64_t line = state_.line_ends + 1;
    bool is_after_cr = position == 0 ? cr_before_slice_ : slice_[position - 1] == '\r';
    for (std::size_t i = position; i < size; ++i) {
        line -= slice_[i] == '\r' || (slice_[i] == '\n' && !is_after_cr);
        is_after_cr = slice_[i] == '\r';
    }
    return line;
}

std::map<std::string, std::uint64_t> Share::write(const std::function<void(std::string_view)>& out) {
    struct Cursor {
        std::size_t environment;
        std::size_t at;
    };
    std::vector<const AddressSet*> sets;
    LineWriter lines(out);
    std::map<std::string, std::uint64_t> counts;
    for (auto& [name, environment] : environments_) {
        environment->addresses.compact();
        if (environment->addresses.rows() == 0) continue;
        sets.push_back(&environment->addresses);
        lines.add_environment(name);
        counts[name] = environment->addresses.rows();
    }
    const auto merge = [&](auto number_of, auto size_of, auto write_one) {
        const auto later = [&](const Cursor& a, const Cursor& b) {
            const auto of_a = number_of(*sets[a.environment], a.at);
            const auto of_b = number_of(*sets[b.environment], b.at);
            return of_a != of_b ? of_a > of_b : a.environment > b.environment;
        };
        std::priority_queue<Cursor, std::vector<Cursor>, decltype(later)> next(later);
        for (std::size_t i = 0; i < sets.size(); ++i) {
            if (size_of(*sets[i]) > 0) next.push({i, 0});
        }
        while (!next.empty()) {
            Cursor cursor = next.top();
            next.pop();
            const AddressSet& set = *sets[cursor.environment];
            const std::size_t size = size_of(set);
            do {  // as long as this environment comes first, the queue need not be asked
                write_one(number_of(set, cursor.at), cursor.environment);
                ++cursor.at;
            } while (cursor.at < size && (next.empty() || !later(cursor, next.top())));
            if (cursor.at < size) next.push(cursor);
        }
    };
    merge([](const AddressSet& set, std::size_t at) { return set.four_data()[at]; },
          [](const AddressSet& set) { return set.four_count(); },
          [&](std::uint32_t number, std::size_t environment) { lines.four(number, environment); });
    merge([](const AddressSet& set, std::size_t at) { return set.sixes()[at]; },
          [](const AddressSet& set) { return set.sixes().size(); },
          [&](Six number, std::size_t environment) { lines.six(number, environment); });
    lines.flush();
    return counts;
}

}  // namespace reduction
