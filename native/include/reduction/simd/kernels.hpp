// The hot loops of CSV and log scanning, in one version per instruction set.
//
// Each instruction set has its own source file (src/simd/kernels_*.cpp), compiled with its own flags. All of them
// include the same code (src/simd/*.inl), each into its own namespace: the linker must not merge inline functions that
// were compiled with different flags. For the same reason the loops use plain pointers and nothing of the standard
// library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "reduction/simd/log_kernels.hpp"

namespace reduction {

constexpr std::size_t kBlockBytes = 64;  // the bytes of one mask

// The state that the scan of one slice passes on to the next.
struct StructureState {
    bool inside = false;              // the last byte is inside quotes
    bool before_is_separator = true;  // the last byte is a comma, CR or LF (or there is none yet)
    bool before_is_closing = false;   // the last byte is a quote that closed
    bool before_is_cr = false;
    std::uint64_t line_ends = 0;  // LF, CRLF or CR seen so far, in quotes too
};

constexpr std::size_t kNoNul = ~std::size_t{0};

// The key of one row, or why it has none. Positions are those in the slice.
struct KeySpan {
    std::uint32_t row;    // where the row starts
    std::uint32_t start;  // where the key starts
    std::uint32_t end;    // where it ends (exclusive)
    std::uint32_t fields;
};

constexpr std::size_t kMaxBlocks = 1024;  // so that positions in a slice have 16 bits

struct Kernels {
    const char* name;

    // Finds the structure of `blocks` * 64 bytes: bit i of ends[b] is set if byte 64 * b + i ends a row, that of
    // commas[b] if it separates fields; both only outside quotes. A quote that does not open a field is text, as in
    // Python's csv module. Returns the position of the first NUL byte, or kNoNul; after a NUL the masks are undefined.
    std::size_t (*structure)(const std::uint8_t* data, std::size_t blocks, StructureState& state, std::uint64_t* ends,
                             std::uint64_t* commas);

    // Lists the non-empty rows that end in the slice, beginning with the row that starts at `from`. Rows without field
    // number `key` have start == end == 0. Returns the number of rows; the first unfinished row starts at `rest`.
    // `ends` and `commas` must be readable for one more block, which is 0.
    std::size_t (*find_keys)(const std::uint64_t* ends, const std::uint64_t* commas, std::size_t blocks,
                             std::size_t from, std::size_t key, KeySpan* spans, std::size_t& rest);

    // The same, but much faster, as long as every row has exactly `columns` fields: stops before the first row that
    // differs. At most kMaxBlocks blocks. Lists only where the keys start and end; the lists have room for as many
    // positions as there are bytes, and for kBlockBytes more.
    std::size_t (*find_even_rows)(const std::uint64_t* ends, const std::uint64_t* commas, std::size_t blocks,
                                  std::size_t from, std::size_t columns, std::size_t key, std::uint16_t* key_starts,
                                  std::uint16_t* key_ends, std::size_t& rest);

    // Parses IPv4 addresses as Python's ipaddress defines them. If the key from starts[i] to ends[i] is one, numbers[i]
    // is its number and good[i] is 1, otherwise good[i] is 0. Returns how many are not good. `data` must be readable
    // for 16 bytes from each start on.
    std::size_t (*parse_ipv4)(const std::uint8_t* data, const std::uint16_t* starts, const std::uint16_t* ends,
                              std::size_t count, std::uint32_t* numbers, std::uint8_t* good);

    LogKernels logs;
};

// All that are built and run on this processor, the best first; the last is "portable".
std::span<const Kernels* const> available_kernels();

// The best for this processor.
const Kernels& best_kernels();

// By name, for tests; nullptr if they are not built or cannot run here.
const Kernels* kernels_named(const char* name);

}  // namespace reduction
