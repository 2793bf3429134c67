// The hot loops over connection logs, a part of each instruction set's kernels (simd/kernels.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

namespace reduction {

constexpr std::size_t kMarksAtOnce = 8;  // room for so many more is needed behind the marks of a log
constexpr std::size_t kReadBehind = 16;  // bytes of a log that may be read behind its last block

// A walk over the lines of a slice of a log, looking for one host.
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

struct LogKernels {
    // Marks blanks, tabs, LFs, NULs and bytes above 127 of `blocks` * 64 bytes, by their places; returns how many.
    // `marks` must have room for as many as there are bytes, and for kMarksAtOnce more.
    std::size_t (*mark)(const std::uint8_t* data, std::size_t blocks, std::uint32_t* marks);

    // Walks over whole lines as long as each is three fields parted by one blank, with a time that is not too late
    // and without the host; stops at the first that is not, or has no end. kReadBehind bytes must be readable
    // behind the last mark.
    void (*skip_lines)(HostWalk& walk);
};

}  // namespace reduction
