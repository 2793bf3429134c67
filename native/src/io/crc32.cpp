#include "reduction/io/crc32.hpp"

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

// Continues a CRC without the inversions at its beginning and end, eight bytes per step, each through its own table
// (Kounavis and Berry, "A Systematic Approach to Building High Performance Software-Based CRC Generators", 2005).
std::uint32_t continued(std::uint32_t crc, const std::uint8_t* at, std::size_t size) {
    for (; size >= kSlices; size -= kSlices, at += kSlices) {
        const std::uint32_t low = crc ^ (std::uint32_t{at[0]} | std::uint32_t{at[1]} << 8 | std::uint32_t{at[2]} << 16 |
                                         std::uint32_t{at[3]} << 24);
        crc = kTables[7][low & 255U] ^ kTables[6][low >> 8 & 255U] ^ kTables[5][low >> 16 & 255U] ^
              kTables[4][low >> 24] ^ kTables[3][at[4]] ^ kTables[2][at[5]] ^ kTables[1][at[6]] ^ kTables[0][at[7]];
    }
    for (; size > 0; --size) crc = (crc >> 8) ^ kTables[0][(crc ^ *at++) & 255U];
    return crc;
}

}  // namespace

std::uint32_t crc32_portable(std::uint32_t crc, const void* data, std::size_t size) {
    return ~continued(~crc, static_cast<const std::uint8_t*>(data), size);
}

#if defined(REDUCTION_X86)

// Defined in crc32_pclmul.cpp. Writes 16 bytes whose CRC, beginning with 0, is `crc` continued with `size` bytes, a
// multiple of 16 and at least 64.
void fold_crc32(std::uint32_t crc, const std::uint8_t* data, std::size_t size, std::uint8_t* folded);

std::uint32_t crc32(std::uint32_t crc, const void* data, std::size_t size) {
    static const bool can_fold = __builtin_cpu_supports("pclmul");
    if (!can_fold || size < 64) return crc32_portable(crc, data, size);
    const auto* const at = static_cast<const std::uint8_t*>(data);
    const std::size_t whole = size / 16 * 16;
    std::array<std::uint8_t, 16> folded;
    fold_crc32(~crc, at, whole, folded.data());
    return ~continued(continued(0, folded.data(), folded.size()), at + whole, size - whole);
}

#else

std::uint32_t crc32(std::uint32_t crc, const void* data, std::size_t size) { return crc32_portable(crc, data, size); }

#endif

}  // namespace reduction
