// The CRC-32 of zlib and gzip (polynomial 0xEDB88320).
#pragma once

#include <cstddef>
#include <cstdint>

namespace reduction {

// Continues `crc` (0 at the beginning) with `size` bytes, as fast as this processor can.
std::uint32_t crc32(std::uint32_t crc, const void* data, std::size_t size);

// The same on any processor.
std::uint32_t crc32_portable(std::uint32_t crc, const void* data, std::size_t size);

}  // namespace reduction
