#include "reduction/merge/row_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace reduction {

namespace {

// An octet as text, four bytes wide: its digits, a dot if there is room, and the number of digits.
struct Octet {
    std::array<char, 4> text;
    std::uint8_t length;
};

constexpr std::array<Octet, 256> make_octets() {
    std::array<Octet, 256> octets{};
    for (unsigned value = 0; value < 256; ++value) {
        Octet& octet = octets[value];
        if (value >= 100) octet.text[octet.length++] = static_cast<char>('0' + value / 100);
        if (value >= 10) octet.text[octet.length++] = static_cast<char>('0' + value / 10 % 10);
        octet.text[octet.length++] = static_cast<char>('0' + value % 10);
        octet.text[octet.length] = '.';
    }
    return octets;
}

constexpr std::array<Octet, 256> kOctets = make_octets();

// Writes two octets, each with a dot after it; needs room for 8 characters.
char* write_octets(char* to, std::uint32_t first, std::uint32_t second) {
    std::memcpy(to, kOctets[first].text.data(), 4);
    to += kOctets[first].length + 1;
    std::memcpy(to, kOctets[second].text.data(), 4);
    return to + kOctets[second].length + 1;
}

}  // namespace

RowWriter::RowWriter(const std::vector<std::string>& row_suffixes) {
    for (const std::string& text : row_suffixes) {
        std::string line_end = "," + text + "\n";
        lengths_.push_back(line_end.size());
        line_end.resize((line_end.size() + kCopyBytes - 1) / kCopyBytes * kCopyBytes);
        longest_ = std::max(longest_, line_end.size());
        suffixes_.push_back(std::move(line_end));
    }
}

void RowWriter::make_room(std::size_t rows) {
    const std::size_t needed = rows * (kLongestLine + longest_) + kCopyBytes;
    if (buffer_.size() < needed) buffer_.resize(needed);
}

// Neighbouring rows mostly share their first two octets, so that the text of these is made once.
std::string_view RowWriter::text_of(const std::vector<Ipv4Row>& rows) {
    make_room(rows.size());
    std::array<char, 8> upper{};
    std::size_t upper_length = 0;
    std::uint64_t upper_number = ~std::uint64_t{0};
    char* at = buffer_.data();
    for (const Ipv4Row row : rows) {
        const std::uint32_t number = address_of(row);
        if (number >> 16 != upper_number) {
            upper_number = number >> 16;
            upper_length =
                static_cast<std::size_t>(write_octets(upper.data(), number >> 24, number >> 16 & 255U) - upper.data());
        }
        std::memcpy(at, upper.data(), upper.size());
        at = write_octets(at + upper_length, number >> 8 & 255U, number & 255U) - 1;
        at = end_line(at, suffix_of(row));
    }
    return {buffer_.data(), static_cast<std::size_t>(at - buffer_.data())};
}

std::string_view RowWriter::text_of(const std::vector<Ipv6Row>& rows) {
    make_room(rows.size());
    char* at = buffer_.data();
    for (const Ipv6Row& row : rows) at = end_line(write_ipv6(at, row.address), suffix_of(row));
    return {buffer_.data(), static_cast<std::size_t>(at - buffer_.data())};
}

char* RowWriter::end_line(char* at, std::size_t suffix) const {
    const char* const text = suffixes_[suffix].data();
    const std::size_t length = lengths_[suffix];
    std::memcpy(at, text, kCopyBytes);
    for (std::size_t done = kCopyBytes; done < length; done += kCopyBytes)
        std::memcpy(at + done, text + done, kCopyBytes);
    return at + length;
}

}  // namespace reduction
