// Merges sorted partials, in memory that does not grow with their size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace reduction {

// A partial as its manifest describes it.
struct Partial {
    std::string path;
    std::uint64_t bytes;
    std::uint32_t crc32;
};

// The text after the first comma of a partial's line, and the index of the text that replaces it in the result.
// Rows without an output are checked like all others and then dropped.
struct RowSuffix {
    std::string text;
    std::optional<std::size_t> output;
};

struct MergeInput {
    std::vector<Partial> partials;
    std::vector<std::string> headers;  // a partial begins with one of these lines (with their newline)
    std::vector<RowSuffix> suffixes;   // all that may occur
    std::vector<std::string> outputs;
};

// A partial differs from its manifest, or has something that is not a row in its place.
struct DamagedPartial : std::runtime_error {
    DamagedPartial(std::size_t partial, const std::string& what) : std::runtime_error(what), index(partial) {}
    std::size_t index;  // of the partial
};

// How a merge works; its result does not depend on it.
struct MergeOptions {
    std::size_t threads = 1;                // that work at the same time, including the calling one
    std::size_t block_bytes = 1 << 19;      // of all partials together, that a thread works on at a time
    std::function<void()> check_interrupt;  // called now and then by the calling thread; may throw to end the merge
};

// Writes the distinct rows of all partials, sorted, without a header. The rows of a partial are sorted by address, then
// by the index of their suffix. Outputs are in the order of the suffixes: a suffix never has a smaller output than the
// suffix before it.
//
// Only one thread at a time calls `out`, not always the calling one. All other threads have ended when this returns.
// A thread needs about seven times `block_bytes`, and all of them together one block more. A block is larger only if
// 4 KiB of every partial are more, or if the rows of one address are.
// Returns the number of rows of each output. Throws DamagedPartial, std::invalid_argument for wrong suffixes, and what
// `out` and `check_interrupt` throw.
std::vector<std::uint64_t> merge_partials(const MergeInput& input, const std::function<void(std::string_view)>& out,
                                          const MergeOptions& options = {});

}  // namespace reduction
