#include "reduction/crc32.hpp"

#include <array>

namespace reduction {

namespace {

constexpr std::size_t kSlices = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320U : 0U);
        tables[0][byte] = crc;
    }
    for (std::size_t slice = 1; slice < kSlices; ++slice) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t crc = tables[slice - 1][byte];
            tables[slice][byte] = (crc >> 8) ^ tables[0][crc & 255U];
        }
    }
    return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

// Eight bytes a step, each through a table of its own (Kounavis and Berry, "A Systematic Approach to Building High
// Performance Software-Based CRC Generators", 2005).
std::uint32_t crc32(std::uint32_t crc, const void* data, std::size_t size) {
    const auto* at = static_cast<const std::uint8_t*>(data);
    crc = ~crc;
    for (; size >= kSlices; size -= kSlices, at += kSlices) {
        const std::uint32_t low = crc ^ (std::uint32_t{at[0]} | std::uint32_t{at[1]} << 8 |
                                         std::uint32_t{at[2]} << 16 | std::uint32_t{at[3]} << 24);
        crc = kTables[7][low & 255U] ^ kTables[6][low >> 8 & 255U] ^ kTables[5][low >> 16 & 255U] ^
              kTables[4][low >> 24] ^ kTables[3][at[4]] ^ kTables[2][at[5]] ^ kTables[1][at[6]] ^ kTables[0][at[7]];
    }
    for (; size > 0; --size) crc = (crc >> 8) ^ kTables[0][(crc ^ *at++) & 255U];
    return ~crc;
}

}  // namespace reduction
