// Every implementation of CRC-32 agrees with one that works bit by bit, for any length, alignment and division.
#include "reduction/io/crc32.hpp"

#include <string>
#include <string_view>

#include "check.hpp"
#include "reference.hpp"

using namespace reduction;

namespace {

std::uint32_t reference_crc32(std::string_view text) {
    std::uint32_t crc = ~0U;
    for (const char c : text) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320U : 0U);
    }
    return ~crc;
}

}  // namespace

int main() {
    CHECK(reference_crc32("123456789") == 0xCBF43926U);  // the check value in the catalogue of CRCs
    reference::Random random(5);
    std::string bytes(4096, '\0');
    for (char& c : bytes) c = static_cast<char>(random.below(256));
    for (std::size_t size = 0; size <= 600; ++size) {
        const std::size_t shift = size % 67;
        const std::string_view text(bytes.data() + shift, size);
        const std::uint32_t expected = reference_crc32(text);
        CHECK(crc32(0, text.data(), size) == expected);
        CHECK(crc32_portable(0, text.data(), size) == expected);
        for (std::size_t split = 0; split <= size; ++split) {
            CHECK(crc32(crc32(0, text.data(), split), text.data() + split, size - split) == expected);
        }
    }
    for (std::size_t shift = 0; shift < 64; ++shift) {
        const std::string_view text(bytes.data() + shift, bytes.size() - 64 - shift % 16);
        CHECK(crc32(0, text.data(), text.size()) == reference_crc32(text));
        CHECK(crc32_portable(0, text.data(), text.size()) == reference_crc32(text));
    }
}
