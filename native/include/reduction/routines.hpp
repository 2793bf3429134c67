// The hot loops of the scans of CSV files and connection logs, and the choice of the instruction set they run on.
//
// Each instruction set has a source file of its own (src/routines_*.cpp), compiled with its own flags. What
// is shared by them is src/routines.inl and src/log_routines.inl, which each of them includes into a namespace of
// its own: an inline function that two files compile with different flags must not be merged by the linker.
// The loops take plain pointers only and call nothing of the standard library, for the same reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace reduction {

constexpr std::size_t kWord = 64;  // bytes that one mask speaks of

// What the loop over words carries from one slice of a file to the next.
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

constexpr std::size_t kMarksAtOnce = 8;  // room for so many more is needed behind the marks of a log
constexpr std::size_t kReadBehind = 16;  // bytes of a log that may be read behind its last word

// A walk over the lines of a slice of a connection log, looking for one host.
struct HostWalk {
    const std::uint8_t* data = nullptr;
    const std::uint32_t* marks = nullptr;  // where fields and lines end, and bytes that need a closer look
    std::size_t count = 0;
    std::size_t next = 0;                  // the first mark not walked over
    std::size_t line = 0;                  // where its line starts
    const std::uint8_t* host = nullptr;
    std::size_t host_size = 0;
    std::uint64_t host_beginning = 0;      // its first eight bytes, as they are loaded
    std::uint64_t host_mask = 0;           // 1 bits where it has some
    std::uint64_t lateness_ms = 0;
    std::uint64_t oldest_ms = 0;
    std::uint64_t newest_ms = 0;
    std::uint64_t lines = 0;               // walked over
};

struct Routines {
    const char* name;

    // Finds the structure of `words` * 64 bytes: bit i of ends[w] is set if byte 64 * w + i ends a row, of
    // commas[w] if it parts fields; quoted ones do not count. Quotes that do not open a field are text, as in
    // Python's csv module. Returns the position of the first NUL byte or kNoNul; what follows one is garbage.
    std::size_t (*structure)(const std::uint8_t* data, std::size_t words, StructureState& state,
                             std::uint64_t* ends, std::uint64_t* commas);

    // Lists the rows that are not empty and end in the slice, from the row starting at `from` on. Rows without
    // field number `key` have start == end == 0. Returns their number; `rest` is where the first unfinished
    // row starts. ends and commas must be readable for one word more, which is 0.
    std::size_t (*find_keys)(const std::uint64_t* ends, const std::uint64_t* commas, std::size_t words,
                             std::size_t from, std::size_t key, KeySpan* spans, std::size_t& rest);

    // Parses dotted quads as Python's ipaddress defines them. numbers[i] is the address of spans[i] and
    // good[i] is 1, or good[i] is 0. `data` must be readable for 16 bytes from each start on.
    void (*parse_quads)(const std::uint8_t* data, const KeySpan* spans, std::size_t count,
                        std::uint32_t* numbers, std::uint8_t* good);

    // Marks blanks, tabs, LFs, NULs and bytes above 127 of `words` * 64 bytes of a log, by their places; returns
    // how many. `marks` must have room for as many as there are bytes, and for kMarksAtOnce more.
    std::size_t (*mark_log)(const std::uint8_t* data, std::size_t words, std::uint32_t* marks);

    // Walks over whole lines as long as each is three fields parted by one blank, with a time that is not too
    // late and without the host; stops at the first that is not, or has no end. kReadBehind bytes must
    // be readable behind the last mark.
    void (*skip_log_lines)(HostWalk& walk);
};

// The best routines for this processor, chosen once.
const Routines& routines();

// By name ("portable", "avx2", "avx512"), for tests; nullptr if they are not built or cannot run here.
const Routines* routines_named(const char* name);

}  // namespace reduction
