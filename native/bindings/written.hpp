// The result of writing rows to an open file.
#pragma once

#include <cstdint>
#include <vector>

struct Written {
    std::vector<std::uint64_t> rows;  // by group or output
    std::uint64_t size;               // bytes
    std::uint32_t crc32;              // of the file with these bytes
};
