#include "reduction/csv/row_boundary.hpp"

#include <algorithm>
#include <cstring>

#include "reduction/net/ip_address.hpp"

namespace reduction {

namespace {

constexpr std::size_t kChunk = 1 << 16;  // bytes scanned at once; a multiple of kBlockBytes
constexpr std::size_t kBlocks = kChunk / kBlockBytes;

std::size_t blocks_in(std::size_t size) { return (size + kBlockBytes - 1) / kBlockBytes; }

}  // namespace

RowBoundaryFinder::RowBoundaryFinder(const Kernels& kernels, const RandomAccessSource& bytes)
    : kernels_(kernels), bytes_(bytes), chunk_(kChunk), ends_(kBlocks + 1), commas_(kBlocks + 1) {}

// Reads the next chunk and adds blanks after it; returns its size.
std::size_t RowBoundaryFinder::load(std::uint64_t at) {
    const std::size_t size = bytes_.read_at(at, chunk_.data(), kChunk);
    // Removes bytes of the previous chunk; blanks have no meaning.
    std::memset(chunk_.data() + size, ' ', kBlockBytes * blocks_in(size) - size);
    return size;
}

RowStart RowBoundaryFinder::next(std::uint64_t from, StructureState state, std::uint64_t min, std::uint64_t limit) {
    using Is = RowStart::Kind;
    if (from >= min && !state.inside && (is_preceded_by(from, '\n') || is_preceded_by(from, '\r')))
        return {Is::row, from};
    for (std::uint64_t at = from; at < limit; at += kChunk) {
        const std::size_t size = load(at);
        const std::size_t nul = kernels_.structure(chunk_.data(), blocks_in(size), state, ends_.data(), commas_.data());
        const std::size_t scanned = nul == kNoNul ? blocks_in(size) : nul / kBlockBytes + 1;
        for (std::size_t block = 0; block < scanned; ++block) {
            for (std::uint64_t bits = ends_[block]; bits != 0; bits &= bits - 1) {
                const std::uint64_t start =
                    at + kBlockBytes * block + static_cast<std::size_t>(__builtin_ctzll(bits)) + 1;
                if (start >= limit) return {Is::limit, limit};
                if (start >= min) return {Is::row, start};
            }
        }
        if (nul != kNoNul) return {Is::nul, at + nul + 1};
        if (size < kChunk) return {Is::end_of_file, at + size};
    }
    return {Is::limit, limit};
}

RowStart RowBoundaryFinder::after_header(std::uint64_t from, std::uint64_t limit) {
    for (std::uint64_t at = from; at < limit; at += kChunk) {
        const std::size_t size = load(at);
        const auto end = chunk_.begin() + static_cast<std::ptrdiff_t>(size);
        const auto text = std::find_if(chunk_.begin(), end, [](std::uint8_t c) { return c != '\n' && c != '\r'; });
        const std::uint64_t header = at + static_cast<std::uint64_t>(text - chunk_.begin());
        if (text != end) return next(header, StructureState{}, header + 1, limit);
        if (size < kChunk) return {RowStart::Kind::end_of_file, at + size};
    }
    return {RowStart::Kind::limit, limit};
}

StructureState RowBoundaryFinder::guess(std::uint64_t at, std::size_t columns, std::size_t key) {
    std::uint8_t before = 0;
    bytes_.read_at(at - 1, &before, 1);
    StructureState outside;
    outside.before_is_separator = before == ',' || before == '\n' || before == '\r';
    outside.before_is_closing = before == '"';
    StructureState inside;
    inside.inside = true;
    inside.before_is_separator = outside.before_is_separator;
    const std::size_t size = load(at);
    const auto end = chunk_.begin() + static_cast<std::ptrdiff_t>(size);
    if (std::find(chunk_.begin(), end, std::uint8_t{'"'}) == end) return outside;
    const Plausibility if_outside = plausibility(outside, size, columns, key);
    const Plausibility if_inside = plausibility(inside, size, columns, key);
    if (if_inside.good != if_outside.good) return if_inside.good > if_outside.good ? inside : outside;
    return if_inside.bad < if_outside.bad ? inside : outside;
}

RowBoundaryFinder::Plausibility RowBoundaryFinder::plausibility(StructureState state, std::size_t size,
                                                                std::size_t columns, std::size_t key) {
    const std::size_t nul = kernels_.structure(chunk_.data(), blocks_in(size), state, ends_.data(), commas_.data());
    const std::size_t blocks = nul == kNoNul ? blocks_in(size) : nul / kBlockBytes;
    ends_[blocks] = commas_[blocks] = 0;
    const auto has_end = std::find_if(ends_.begin(), ends_.end(), [](std::uint64_t bits) { return bits != 0; });
    const auto block = static_cast<std::size_t>(has_end - ends_.begin());
    if (block >= blocks) return {};
    const std::size_t first = kBlockBytes * block + static_cast<std::size_t>(__builtin_ctzll(*has_end)) + 1;
    std::vector<KeySpan> rows(size / 2 + 1);
    std::size_t rest = 0;
    rows.resize(kernels_.find_keys(ends_.data(), commas_.data(), blocks, first, key, rows.data(), rest));
    Plausibility sum;
    for (const KeySpan& row : rows) {
        if (row.fields != columns) {
            ++sum.bad;
            continue;
        }
        KeyText text;
        text.feed(chunk_.data() + row.start, row.end - row.start);
        sum.good += text.address().kind == Kind::none ? 1U : 2U;
    }
    return sum;
}

bool RowBoundaryFinder::is_preceded_by(std::uint64_t at, char line_end) const {
    std::uint8_t before = 0;
    return at > 0 && bytes_.read_at(at - 1, &before, 1) == 1 && before == static_cast<std::uint8_t>(line_end);
}

}  // namespace reduction
