// The hot loops of the scans, and the choice of the instruction set they run on.
//
// Each instruction set has a source file of its own (src/kernels_*.cpp), compiled with its own flags. What
// is shared by them is src/kernels.inl and src/log_routines.inl, which each of them includes into a namespace of its
// own: an inline function that two files compile with different flags must not be merged by the linker.
// The loops take plain pointers only and call nothing of the standard library, for the same reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "reduction/simd/log_kernels.hpp"

namespace reduction {

constexpr std::size_t kBlockBytes = 64;  // bytes that one mask speaks of

// What the loop over blocks carries from one slice of a file to the next.
struct StructureState {
    bool inside = false;             // the last byte stands inside quotes
    bool before_is_separator = true; // the last byte is a comma, CR or LF (or there is none yet)
    bool before_is_closing = false;  // the last byte is a quote that closed
    bool before_is_cr = false;
    std::uint64_t line_ends = 0;     // LF, CRLF or CR seen so far, in quotes too
};

constexpr std::size_t kNoNul = ~std::size_t{0};

// One row's key, or why it has none.
struct KeySpan {
    std::uint32_t row;    // where the row starts in the slice
    std::uint32_t start;  // where the key starts
    std::uint32_t end;    // where it ends (exclusive)
    std::uint32_t fields;
};

constexpr std::size_t kMaxBlocks = 1024;  // so that a place in a slice has 16 bits

struct Kernels {
    const char* name;

    // Finds the structure of `blocks` * 64 bytes: bit i of ends[w] is set if byte 64 * w + i ends a row, of
    // commas[w] if it parts fields; quoted ones do not count. Quotes that do not open a field are text, as in
    // Python's csv module. Returns the position of the first NUL byte or kNoNul; what follows one is garbage.
    std::size_t (*structure)(const std::uint8_t* data, std::size_t blocks, StructureState& state,
                             std::uint64_t* ends, std::uint64_t* commas);

    // Lists the rows that are not empty and end in the slice, from the row starting at `from` on. Rows without
    // field number `key` have start == end == 0. Returns their number; `rest` is where the first unfinished
    // row starts. ends and commas must be readable for one block more, which is 0.
    std::size_t (*find_keys)(const std::uint64_t* ends, const std::uint64_t* commas, std::size_t blocks,
                             std::size_t from, std::size_t key, KeySpan* spans, std::size_t& rest);

    // The same, much faster, as long as every row has exactly `columns` fields: stops before the first that has not
    // (which may be the first of all). At most kMaxBlocks blocks; of each row only where its key starts and ends goes to
    // the lists, which have room for as many places as there are bytes and kBlockBytes more.
    std::size_t (*find_even_rows)(const std::uint64_t* ends, const std::uint64_t* commas, std::size_t blocks,
                                  std::size_t from, std::size_t columns, std::size_t key,
                                  std::uint16_t* key_starts, std::uint16_t* key_ends, std::size_t& rest);

    // Parses dotted quads as Python's ipaddress defines them. numbers[i] is the address of the key from starts[i] to
    // ends[i] and good[i] is 1, or good[i] is 0; returns how many are not good. `data` must be readable for 16 bytes
    // from each start on.
    std::size_t (*parse_ipv4)(const std::uint8_t* data, const std::uint16_t* starts, const std::uint16_t* ends,
                               std::size_t count, std::uint32_t* numbers, std::uint8_t* good);

    LogKernels logs;
};

// What is built and runs on this processor, the best first; the last is "portable".
std::span<const Kernels* const> available_kernels();

// The best for this processor.
const Kernels& best_kernels();

// By name, for tests; nullptr if they are not built or cannot run here.
const Kernels* kernels_named(const char* name);

}  // namespace reduction
