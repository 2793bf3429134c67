// Finds where rows start in a file, by its structure alone, from a position whose state is known or guessed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "reduction/io/byte_source.hpp"
#include "reduction/simd/kernels.hpp"

namespace reduction {

// The result of a search.
struct RowStart {
    enum class Kind : std::uint8_t {
        row,          // a row, or a blank line, starts at `at`
        end_of_file,  // `at` is the file's size
        nul,          // `at` is the position after a NUL byte
        limit,        // `at` is the limit; no row starts before it
    };
    Kind kind;
    std::uint64_t at;
};

// All positions are counted from the beginning of the file. All functions throw ReadError.
class RowBoundaryFinder {
public:
    RowBoundaryFinder(const Kernels& kernels, const RandomAccessSource& bytes);

    // The first row that starts at `min` or later and before `limit`. `state` is the state before `from`.
    RowStart next(std::uint64_t from, StructureState state, std::uint64_t min, std::uint64_t limit);

    // The row after the first one that is not blank: the end of the header, if the text begins at `from`.
    RowStart after_header(std::uint64_t from, std::uint64_t limit);

    // Guesses the state before `at` (1 or more) from the text after it: inside quotes or outside. It is the state
    // that shows more rows with `columns` fields and an address as field number `key`; if both show as many, the one
    // with fewer other rows (after a quote that opens no field, both states soon see the same rows); otherwise outside.
    StructureState guess(std::uint64_t at, std::size_t columns, std::size_t key);

    // Whether `line_end` is the byte before `at`.
    bool is_preceded_by(std::uint64_t at, char line_end) const;

private:
    struct Plausibility {
        std::size_t good = 0;  // rows with as many fields as the header; such a row counts twice if it has an address
        std::size_t bad = 0;   // other rows
    };

    std::size_t load(std::uint64_t at);
    Plausibility plausibility(StructureState state, std::size_t size, std::size_t columns, std::size_t key);

    const Kernels& kernels_;
    const RandomAccessSource& bytes_;
    std::vector<std::uint8_t> chunk_;
    std::vector<std::uint64_t> ends_, commas_;
};

}  // namespace reduction
