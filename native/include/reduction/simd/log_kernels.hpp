// The hot loops over connection logs, part of the kernels of each instruction set (kernels.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

namespace reduction {

constexpr std::size_t kMarksAtOnce = 8;  // additional room that is needed after the marks of a log
constexpr std::size_t kReadAfter = 16;   // bytes of a log that may be read after its last block

// The state of a walk over the lines of a slice of a log, looking for one host.
struct HostWalk {
    const std::uint8_t* data = nullptr;
    const std::uint32_t* marks = nullptr;  // where fields and lines end, and bytes that need a closer look
    std::size_t count = 0;
    std::size_t next = 0;  // the next mark
    std::size_t line = 0;  // where the line of this mark starts
    const std::uint8_t* host = nullptr;
    std::size_t host_size = 0;
    std::uint64_t host_beginning = 0;  // its first eight bytes, as they are loaded
    std::uint64_t host_mask = 0;       // has 1 bits where the host has bytes
    std::uint64_t lateness_ms = 0;
    std::uint64_t oldest_ms = 0;
    std::uint64_t newest_ms = 0;
    std::uint64_t lines = 0;  // walked over
};

struct LogKernels {
    // Lists the positions of blanks, tabs, LFs, NULs and bytes above 127 in `blocks` * 64 bytes; returns how many.
    // `marks` needs room for as many as there are bytes, and for kMarksAtOnce more.
    std::size_t (*mark)(const std::uint8_t* data, std::size_t blocks, std::uint32_t* marks);

    // Walks over whole lines as long as each has three fields separated by one blank, a time that is not too late, and
    // not the host; stops at the first other line. kReadAfter bytes must be readable after the last mark.
    void (*skip_lines)(HostWalk& walk);
};

}  // namespace reduction
