// Where rows start in a file, found by its structure alone: from a place whose state is known, or guessed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "reduction/io/byte_source.hpp"
#include "reduction/simd/kernels.hpp"

namespace reduction {

// What a search came upon first, and where.
struct RowStart {
    enum class Kind : std::uint8_t {
        row,          // a row, or a blank line, starts `at` this place
        end_of_file,  // `at` is the file's size
        nul,          // `at` is behind a NUL byte
        limit,        // `at` is the limit; no row starts before it
    };
    Kind kind;
    std::uint64_t at;
};

// All places are counted from the beginning of the file. Reading throws ReadError.
class RowBoundaryFinder {
public:
    RowBoundaryFinder(const Kernels& kernels, const RandomAccessSource& bytes);

    // The first row that starts at `least` or behind it and before `limit`, if `state` holds before `from`.
    RowStart next(std::uint64_t from, StructureState state, std::uint64_t least, std::uint64_t limit);

    // Where the row behind the first one that is not blank starts: the header's end, if `from` is where the text begins.
    RowStart after_header(std::uint64_t from, std::uint64_t limit);

    // The state before place `at`, which is 1 or more, as it plausibility from what follows: inside quotes or not, whichever
    // shows more rows that have `columns` fields, and an address as field number `key`; if that is the same, fewer
    // that have not, since quotes that open no field soon let both see the same rows; not inside, if in doubt.
    StructureState guess(std::uint64_t at, std::size_t columns, std::size_t key);

    // Whether a line ends just before `at`.
    bool is_behind(std::uint64_t at, char line_end) const;

private:
    std::size_t load(std::uint64_t at);  // the next chunk, and blanks behind it; returns its size
    // For a row that has as many fields as the header: one, and one more for its address. For another: one bad.
    struct Plausibility {
        std::size_t good = 0;
        std::size_t bad = 0;
    };
    Plausibility plausibility(StructureState state, std::size_t size, std::size_t columns, std::size_t key);

    const Kernels& kernels_;
    const RandomAccessSource& bytes_;
    std::vector<std::uint8_t> chunk_;
    std::vector<std::uint64_t> ends_, commas_;
};

}  // namespace reduction
