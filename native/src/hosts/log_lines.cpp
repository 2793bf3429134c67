#include "reduction/hosts/log_lines.hpp"

namespace reduction {

namespace {

constexpr std::size_t kMillisecondDigits = 13;
constexpr std::size_t kSecondDigits = 10;
constexpr std::uint64_t kHighBits = 0x8080808080808080;

bool is_blank(char byte) { return byte == ' ' || byte == '\t'; }

const char* skip_blanks(const char* at, const char* end) {
    while (at != end && is_blank(*at)) ++at;
    return at;
}

// The end of the field that starts at `at`. `odd` collects what needs a closer look: the high bit of every byte, and
// whether there is a NUL.
const char* skip_field(const char* at, const char* end, unsigned& odd) {
    while (at != end && !is_blank(*at)) {
        const auto byte = static_cast<unsigned char>(*at);
        odd |= (byte & 0x80U) | static_cast<unsigned>(byte == 0);
        ++at;
    }
    return at;
}

// Returns whether the field is a time, and sets `time_ms`.
bool parse_time(std::string_view field, std::uint64_t& time_ms) {
    if (field.size() != kMillisecondDigits && field.size() != kSecondDigits) return false;
    std::uint64_t number = 0;
    bool is_number = true;
    for (const char byte : field) {
        const auto digit = static_cast<unsigned char>(byte - '0');
        is_number &= digit < 10;
        number = number * 10 + digit;
    }
    time_ms = field.size() == kSecondDigits ? number * 1000 : number;
    return is_number;
}

// The length of the UTF-8 sequence at a byte above 127, by Table 3-7 of the Unicode standard; 0 if it is invalid.
std::size_t sequence_length(const unsigned char* at, std::size_t left) {
    const auto follows = [&](std::size_t index, unsigned low = 0x80, unsigned high = 0xBF) {
        return index < left && at[index] >= low && at[index] <= high;
    };
    const unsigned first = at[0];
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = first == 0xED ? 0x9F : 0xBF;
        return follows(1, low, high) && follows(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const unsigned low = first == 0xF0 ? 0x90 : 0x80;
        const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
        return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

}  // namespace

bool is_utf_8(std::string_view text) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t at = 0;
    while (at < text.size()) {
        std::uint64_t eight = 0;
        if (text.size() - at >= sizeof eight) {
            std::memcpy(&eight, bytes + at, sizeof eight);
            if ((eight & kHighBits) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        const std::size_t length = bytes[at] < 0x80 ? 1 : sequence_length(bytes + at, text.size() - at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

LogLine parse_log_line(std::string_view line) {
    const char* end = line.data() + line.size();
    if (!line.empty() && end[-1] == '\r') --end;
    unsigned odd = 0;
    std::string_view fields[3];
    std::size_t count = 0;
    const char* at = skip_blanks(line.data(), end);
    while (at != end) {
        const char* const stop = skip_field(at, end, odd);
        if (count < 3) fields[count] = {at, static_cast<std::size_t>(stop - at)};
        ++count;
        at = skip_blanks(stop, end);
    }
    if (count == 0) return {LineKind::blank, 0, {}, {}};
    if ((odd & 1) != 0) return {LineKind::not_text, 0, {}, {}};
    if (odd != 0 && !is_utf_8(line)) return {LineKind::not_utf_8, 0, {}, {}};
    if (count != 3) return {LineKind::not_three_fields, 0, {}, {}};
    std::uint64_t time_ms = 0;
    if (!parse_time(fields[0], time_ms)) return {LineKind::not_a_time, 0, {}, {}};
    return {LineKind::connection, time_ms, fields[1], fields[2]};
}

}  // namespace reduction
