#include "reduction/lines.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace reduction {

namespace {

constexpr std::size_t kBuffer = 1 << 18;

// Each octet as text, four bytes wide, and how long it is.
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
        if (octet.length < 4) octet.text[octet.length] = '.';
    }
    return octets;
}

constexpr std::array<Octet, 256> kOctets = make_octets();

}  // namespace

LineWriter::LineWriter(const std::function<void(std::string_view)>& out) : out_(out), buffer_(kBuffer) {}

void LineWriter::add_environment(std::string_view name) {
    std::string ending = csv_field(name);
    ending.insert(ending.begin(), ',');
    ending.push_back('\n');
    endings_.push_back(std::move(ending));
    longest_ending_ = std::max(longest_ending_, endings_.back().size());
}

void LineWriter::make_room() {
    const std::size_t most = kLongestLine + longest_ending_;
    if (buffer_.size() - size_ >= most) return;
    flush();
    if (buffer_.size() < most) buffer_.resize(most);
}

void LineWriter::four(std::uint32_t number, std::size_t environment) {
    make_room();
    char* at = buffer_.data() + size_;
    for (int shift = 24; shift >= 0; shift -= 8) {
        const Octet& octet = kOctets[number >> shift & 255U];
        std::memcpy(at, octet.text.data(), 4);
        at += octet.length;
        at += shift != 0;  // the dot is there already
    }
    end_line(at, environment);
}

void LineWriter::six(Six number, std::size_t environment) {
    make_room();
    end_line(write_six(buffer_.data() + size_, number), environment);
}

void LineWriter::end_line(char* at, std::size_t environment) {
    const std::string& ending = endings_[environment];
    std::memcpy(at, ending.data(), ending.size());
    size_ = static_cast<std::size_t>(at - buffer_.data()) + ending.size();
}

void LineWriter::flush() {
    if (size_ > 0) out_({buffer_.data(), size_});
    size_ = 0;
}

std::string csv_field(std::string_view text) {
    if (text.find_first_of(",\"") == std::string_view::npos) return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

}  // namespace reduction
