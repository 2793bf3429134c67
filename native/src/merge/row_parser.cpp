#include "reduction/merge/row_parser.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <type_traits>

#include "reduction/net/ip_address.hpp"

namespace reduction {

namespace {

constexpr std::size_t kSlice = kMaxBlocks * kBlockBytes;  // bytes parsed at once
constexpr std::size_t kRows = kSlice / 2;                 // a slice has at most as many non-empty rows

[[noreturn]] void fail(const PartialText& text, std::size_t at) {
    throw DamagedPartial(text.partial, "at byte " + std::to_string(text.offset + at) + " is not a row in its place");
}

// From 16 - n on, this is a mask of n bytes.
constexpr auto kMasks = [] {
    std::array<std::uint8_t, 32> masks{};
    std::fill(masks.begin(), masks.begin() + 16, std::uint8_t{0xFF});
    return masks;
}();

Address as_address(std::uint32_t ipv4) { return {Kind::ipv4, ipv4, {}}; }
Address as_address(Ipv6 ipv6) { return {Kind::ipv6, 0, ipv6}; }

}  // namespace

// The next suffix cannot be predicted, nor the length of a search. A larger table without collisions is worth its
// memory.
RowSuffixTable::RowSuffixTable(const std::vector<RowSuffix>& suffixes) : suffixes_(suffixes) {
    constexpr unsigned kMoreBits = 5;
    const auto min_bits = static_cast<unsigned>(std::bit_width(2 * suffixes.size() + 1));
    for (unsigned bits = min_bits; bits <= min_bits + kMoreBits; ++bits) {
        if (fill(bits) == 0) break;
    }
}

// Fills a table of 2^`bits` slots; returns how many suffixes are not in their own slot.
std::size_t RowSuffixTable::fill(unsigned bits) {
    shift_ = 64 - bits;
    slots_.assign(std::size_t{1} << bits, Slot{});
    std::size_t displaced = 0;
    for (std::size_t place = 0; place < suffixes_.size(); ++place) {
        std::string padded = suffixes_[place].text;
        const std::size_t length = padded.size();
        padded.resize(std::max<std::size_t>(length, 16));
        const Prefix prefix = prefix_of({padded.data(), length});
        std::size_t slot = slot_of(prefix, length);
        displaced += slots_[slot].suffix != kNone;
        while (slots_[slot].suffix != kNone) slot = (slot + 1) % slots_.size();
        slots_[slot] = {prefix, length, static_cast<std::uint32_t>(place)};
    }
    return displaced;
}

RowSuffixTable::Prefix RowSuffixTable::prefix_of(std::string_view text) {
    Prefix bytes, mask;
    std::memcpy(&bytes, text.data(), 16);
    std::memcpy(&mask, kMasks.data() + 16 - std::min<std::size_t>(text.size(), 16), 16);
    return {bytes.low & mask.low, bytes.high & mask.high};
}

// Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4).
std::size_t RowSuffixTable::slot_of(const Prefix& prefix, std::size_t length) const {
    const std::uint64_t mixed = prefix.low ^ std::rotl(prefix.high, 29) ^ length;
    return (mixed ^ mixed >> 32) * 0x9E3779B97F4A7C15U >> shift_;
}

std::uint32_t RowSuffixTable::find(std::string_view text) const {
    const Prefix prefix = prefix_of(text);
    for (std::size_t at = slot_of(prefix, text.size());; at = (at + 1) % slots_.size()) {
        const Slot& slot = slots_[at];
        if (slot.suffix == kNone) return kNone;
        if (!slot.is(prefix, text.size())) continue;
        if (text.size() <= 16 || suffixes_[slot.suffix].text == text) return slot.suffix;
    }
}

RowParser::RowParser(const RowSuffixTable& suffixes)
    : suffixes_(suffixes),
      kernels_(best_kernels()),
      ends_(kMaxBlocks + 1),
      commas_(kMaxBlocks + 1),
      spans_(kRows + 1),
      starts_(kSlice + kBlockBytes),
      key_ends_(kSlice + kBlockBytes),
      ipv4_(kRows + 1),
      good_(kRows + 1) {}

// Lists the rows that end in the slice at `at`; the first other line starts at `rest`.
std::size_t RowParser::find_rows(const PartialText& text, std::size_t at, std::size_t& rest) {
    const std::size_t size = std::min(text.size - at, kSlice);
    const std::size_t blocks = (size + kBlockBytes - 1) / kBlockBytes;
    StructureState state;
    const auto* const data = reinterpret_cast<const std::uint8_t*>(text.bytes.data() + at);
    if (kernels_.structure(data, blocks, state, ends_.data(), commas_.data()) != kNoNul) fail(text, at);
    ends_[blocks] = commas_[blocks] = 0;
    std::size_t count =
        kernels_.find_even_rows(ends_.data(), commas_.data(), blocks, 0, 2, 0, starts_.data(), key_ends_.data(), rest);
    if (rest < size) {  // rows of split files have a third field
        const std::size_t from = rest;
        const std::size_t more = kernels_.find_keys(ends_.data(), commas_.data(), blocks, from, 0, spans_.data(), rest);
        for (std::size_t i = 0; i < more; ++i) {
            if (spans_[i].fields < 2) fail(text, at + spans_[i].row);
            starts_[count] = static_cast<std::uint16_t>(spans_[i].row);
            key_ends_[count++] = static_cast<std::uint16_t>(spans_[i].end);
        }
    }
    if (count == 0 || starts_[0] != 0) fail(text, at);
    return count;
}

void RowParser::parse_addresses(const char* slice, std::size_t count, Ipv4Row) {
    kernels_.parse_ipv4(reinterpret_cast<const std::uint8_t*>(slice), starts_.data(), key_ends_.data(), count,
                        ipv4_.data(), good_.data());
}

void RowParser::parse_addresses(const char* slice, std::size_t count, const Ipv6Row&) {
    ipv6_.resize(std::max(ipv6_.size(), count));
    for (std::size_t i = 0; i < count; ++i) {
        const std::string_view text(slice + starts_[i], static_cast<std::size_t>(key_ends_[i] - starts_[i]));
        const Address address = parse_address(text.data(), text.size());
        std::array<char, kLongestLine> written;
        const char* const end = write_ipv6(written.data(), address.ipv6);
        good_[i] = address.kind == Kind::ipv6 && text == std::string_view(written.data(), end);
        ipv6_[i] = address.ipv6;
    }
}

// The row in line i, which ends before `next`; nothing if it is not a row.
template <typename Row>
std::optional<Row> RowParser::row_at(const char* slice, std::size_t i, std::size_t next) const {
    if (good_[i] == 0 || slice[next - 1] != '\n') return std::nullopt;
    const std::size_t from = key_ends_[i] + std::size_t{1};  // after the comma
    const std::uint32_t suffix = suffixes_.find({slice + from, next - 1 - from});
    if (suffix == RowSuffixTable::kNone) return std::nullopt;
    if constexpr (std::is_same_v<Row, Ipv4Row>) {
        return row_of(ipv4_[i], suffix);
    } else {
        return row_of(ipv6_[i], suffix);
    }
}

template <typename Row>
void RowParser::add(const PartialText& text, const AddressRange& range, Runs<Row>& to) {
    to.begin_run();
    auto& rows = to.rows();
    const std::size_t first = rows.size();
    for (std::size_t at = 0, rest = 0; at < text.size; at += rest) {
        const std::size_t count = find_rows(text, at, rest);
        const char* const slice = text.bytes.data() + at;
        parse_addresses(slice, count, Row{});
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t next = i + 1 < count ? starts_[i + 1] : rest;
            const std::optional<Row> row = row_at<Row>(slice, i, next);
            if (!row || (rows.size() > first && !(rows.back() < *row))) fail(text, at + starts_[i]);
            rows.push_back(*row);
        }
    }
    if (rows.size() == first) return;
    if (as_address(address_of(rows[first])) < range.from) fail(text, 0);
    if (range.border && !(as_address(address_of(rows.back())) < *range.border)) fail(text, text.size - 1);
}

void RowParser::add_run(const PartialText& text, const AddressRange& range, Runs<Ipv4Row>& to) { add(text, range, to); }

void RowParser::add_run(const PartialText& text, const AddressRange& range, Runs<Ipv6Row>& to) { add(text, range, to); }

}  // namespace reduction
