// The CRC of any bytes, fed at once or in two chunks, by any instructions, is that of the definition, bit by bit.
#include "reduction/io/crc32.hpp"

#include "check.hpp"
#include "input.hpp"

namespace {

std::uint32_t by_definition(const std::string& text) {
    std::uint32_t crc = 0xFFFFFFFF;
    for (const char c : text) {
        crc ^= static_cast<std::uint8_t>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
    }
    return ~crc;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::size_t split = input.byte();
    const std::string text = input.rest();
    const std::size_t first = std::min(split, text.size());
    const std::uint32_t expected = by_definition(text);
    for (const auto crc32 : {reduction::crc32, reduction::crc32_portable}) {
        CHECK(crc32(0, text.data(), text.size()) == expected);
        CHECK(crc32(crc32(0, text.data(), first), text.data() + first, text.size() - first) == expected);
    }
    return 0;
}
