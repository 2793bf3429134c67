// Every CRC-32 gives what a bit at a time gives, whatever the length, the alignment and the cuts.
#include "reduction/io/crc32.hpp"

#include <string>
#include <string_view>

#include "check.hpp"
#include "reference.hpp"

using namespace reduction;

namespace {

std::uint32_t naive_crc32(std::string_view text) {
    std::uint32_t crc = ~0U;
    for (const char c : text) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320U : 0U);
    }
    return ~crc;
}

}  // namespace

int main() {
    CHECK(naive_crc32("123456789") == 0xCBF43926U);  // the check value of the catalogue of CRCs
    reference::Random random(5);
    std::string bytes(4096, '\0');
    for (char& c : bytes) c = static_cast<char>(random.below(256));
    for (std::size_t size = 0; size <= 600; ++size) {
        const std::size_t shift = size % 67;
        const std::string_view text(bytes.data() + shift, size);
        const std::uint32_t expected = naive_crc32(text);
        CHECK(crc32(0, text.data(), size) == expected);
        CHECK(crc32_portable(0, text.data(), size) == expected);
        for (std::size_t cut = 0; cut <= size; ++cut) {
            CHECK(crc32(crc32(0, text.data(), cut), text.data() + cut, size - cut) == expected);
        }
    }
    for (std::size_t shift = 0; shift < 64; ++shift) {
        const std::string_view text(bytes.data() + shift, bytes.size() - 64 - shift % 16);
        CHECK(crc32(0, text.data(), text.size()) == naive_crc32(text));
        CHECK(crc32_portable(0, text.data(), text.size()) == naive_crc32(text));
    }
}
