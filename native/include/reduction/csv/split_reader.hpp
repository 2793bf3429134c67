// Reads one unit of a cut file into a share. docs/adr/0007 says why the pieces of all units make up the file.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "reduction/csv/file_reader.hpp"
#include "reduction/csv/scanner.hpp"

namespace reduction {

// The bytes `start` to `stop` (exclusive) of a file or an object.
struct Cut {
    std::int64_t cut_file;  // its number, as in Share::begin
    std::uint64_t start;
    std::uint64_t stop;
};

// What a unit has read: whole rows, those from `first` to `end` (exclusive). Or no row starts in it, as far as it can
// see; then it has read nothing and has no books.
struct Piece {
    Opening opening = Opening::read;
    std::uint64_t number = 0;  // what `opening` needs
    bool has_rows = false;
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    FileBooks books;  // lines are counted from `first`
};

// A row belongs to the unit in which its first byte lies; the unit that begins the file reads the header, too, however
// long it is. Whether `start` lies inside quotes is guessed by the looks of what follows.
// `compressed` and `wide` are told to the unit that begins the file; the others have nothing to read then.
// `progress` is told of bytes read, after each few MiB and at the end.
Piece read_piece(Share& share, const Listed& listed, const Cut& cut, const std::function<void(std::uint64_t)>& progress);

// The same of any bytes. They are asked for from the beginning until the header ends, and no further if they are no CSV
// text and the unit does not begin them; then from two before `start` on, to `stop` and until the last row ends. Where
// that goes back it is by less than 2 * Share::kSliceBytes, unless a row reaches further over `stop`.
Piece read_piece(Share& share, const ListedBytes& bytes, std::string_view environment, const Cut& cut,
                 const std::function<void(std::uint64_t)>& progress);

}  // namespace reduction
