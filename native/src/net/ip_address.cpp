#include "reduction/net/ip_address.hpp"

#include <algorithm>

namespace reduction {

namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Four decimal octets up to 255, without leading zeros, separated by dots.
bool parse_ipv4(const char* text, std::size_t length, std::uint32_t& number) {
    std::uint32_t value = 0;
    std::size_t at = 0;
    for (int octet = 0; octet < 4; ++octet) {
        if (octet > 0) {
            if (at >= length || text[at] != '.') return false;
            ++at;
        }
        const std::size_t first = at;
        std::uint32_t part = 0;
        for (; at < length && at - first < 3 && text[at] >= '0' && text[at] <= '9'; ++at) {
            part = part * 10 + static_cast<std::uint32_t>(text[at] - '0');
        }
        if (at == first || part > 255 || (at - first > 1 && text[first] == '0')) return false;
        value = value << 8 | part;
    }
    if (at != length) return false;
    number = value;
    return true;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

struct Part {
    const char* text;
    std::size_t length;
};

bool parse_hextet(Part part, std::uint16_t& value) {
    if (part.length == 0 || part.length > 4) return false;
    unsigned number = 0;
    for (std::size_t i = 0; i < part.length; ++i) {
        const int digit = hex_digit(part.text[i]);
        if (digit < 0) return false;
        number = number << 4 | static_cast<unsigned>(digit);
    }
    value = static_cast<std::uint16_t>(number);
    return true;
}

// RFC 4291, section 2.2, in the steps of ipaddress: split at colons, find the one empty part inside, count.
bool parse_ipv6(const char* text, std::size_t length, Ipv6& number) {
    std::array<Part, 9> parts{};
    std::size_t count = 0;
    const char* const end = text + length;
    for (const char* from = text;;) {
        const char* const colon = std::find(from, end, ':');
        if (count == parts.size()) return false;
        parts[count++] = {from, static_cast<std::size_t>(colon - from)};
        if (colon == end) break;
        from = colon + 1;
    }
    if (count < 3) return false;
    std::array<std::uint16_t, 10> hextets{};  // one for each part; IPv4 makes two
    std::array<bool, 10> is_empty{};
    std::array<bool, 10> is_good{};
    const Part last = parts[count - 1];
    const bool has_quad = std::find(last.text, last.text + last.length, '.') != last.text + last.length;
    for (std::size_t i = 0; i < count; ++i) {
        is_empty[i] = parts[i].length == 0;
        is_good[i] = parse_hextet(parts[i], hextets[i]);
    }
    if (has_quad) {
        std::uint32_t ipv4 = 0;
        if (!parse_ipv4(last.text, last.length, ipv4)) return false;
        hextets[count - 1] = static_cast<std::uint16_t>(ipv4 >> 16);
        hextets[count] = static_cast<std::uint16_t>(ipv4 & 0xFFFF);
        is_good[count - 1] = is_good[count] = true;
        ++count;
    }
    if (count > 9) return false;
    std::size_t gap = 0;  // the part that is replaced by zeros; it cannot be part 0
    for (std::size_t i = 1; i + 1 < count; ++i) {
        if (!is_empty[i]) continue;
        if (gap != 0) return false;
        gap = i;
    }
    std::size_t before = count;
    std::size_t after = 0;
    if (gap != 0) {
        before = gap;
        after = count - gap - 1;
        if (is_empty[0] && --before != 0) return false;
        if (is_empty[count - 1] && --after != 0) return false;
        if (before + after > 7) return false;
    } else if (count != 8) {
        return false;
    }
    std::array<std::uint16_t, 8> whole{};
    for (std::size_t i = 0; i < before; ++i) {
        if (!is_good[i]) return false;
        whole[i] = hextets[i];
    }
    for (std::size_t i = 0; i < after; ++i) {
        if (!is_good[count - after + i]) return false;
        whole[8 - after + i] = hextets[count - after + i];
    }
    number = {};
    for (std::size_t i = 0; i < 4; ++i) {
        number.high = number.high << 16 | whole[i];
        number.low = number.low << 16 | whole[i + 4];
    }
    return true;
}

char* write_octet(char* to, std::uint32_t octet) {
    if (octet >= 100) *to++ = static_cast<char>('0' + octet / 100);
    if (octet >= 10) *to++ = static_cast<char>('0' + octet / 10 % 10);
    *to++ = static_cast<char>('0' + octet % 10);
    return to;
}

char* write_hextet(char* to, std::uint16_t hextet) {
    constexpr const char* digits = "0123456789abcdef";
    bool started = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        const unsigned digit = unsigned{hextet} >> shift & 15U;
        started = started || digit != 0 || shift == 0;
        if (started) *to++ = digits[digit];
    }
    return to;
}

}  // namespace

Address parse_address(const char* text, std::size_t length) {
    Address address;
    if (length == 0 || length > kLongestAddress) return address;
    if (std::find(text, text + length, ':') == text + length) {
        if (parse_ipv4(text, length, address.ipv4)) address.kind = Kind::ipv4;
    } else if (parse_ipv6(text, length, address.ipv6)) {
        address.kind = Kind::ipv6;
    }
    return address;
}

char* write_ipv4(char* to, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        to = write_octet(to, (number >> shift) & 255U);
        if (shift != 0) *to++ = '.';
    }
    return to;
}

// RFC 5952, section 4: the first longest run of two or more zero hextets becomes "::".
char* write_ipv6(char* to, Ipv6 number) {
    std::array<std::uint16_t, 8> hextets{};
    for (unsigned i = 0; i < 4; ++i) {
        hextets[i] = static_cast<std::uint16_t>(number.high >> (48 - 16 * i));
        hextets[i + 4] = static_cast<std::uint16_t>(number.low >> (48 - 16 * i));
    }
    std::size_t gap = 8;
    std::size_t gap_length = 1;
    for (std::size_t i = 0; i < 8;) {
        std::size_t run = 0;
        while (i + run < 8 && hextets[i + run] == 0) ++run;
        if (run > gap_length) {
            gap = i;
            gap_length = run;
        }
        i += run == 0 ? 1 : run;
    }
    for (std::size_t i = 0; i < 8;) {
        if (i == gap) {
            *to++ = ':';
            *to++ = ':';
            i += gap_length;
            continue;
        }
        if (i != 0 && i != gap + gap_length) *to++ = ':';
        to = write_hextet(to, hextets[i++]);
    }
    return to;
}

void KeyText::clear() {
    state_ = State::start;
    too_long_ = false;
    length_ = blanks_ = shown_length_ = 0;
}

void KeyText::feed(const std::uint8_t* raw, std::size_t length) {
    for (std::size_t i = 0; i < length; ++i) {
        const char c = static_cast<char>(raw[i]);
        switch (state_) {
            case State::start:
                if (c == '"') {
                    state_ = State::quoted;
                } else {
                    state_ = State::unquoted;
                    append(c);
                }
                break;
            case State::unquoted: append(c); break;
            case State::quoted:
                if (c == '"') {
                    state_ = State::quote_in_quoted;
                } else {
                    append(c);
                }
                break;
            case State::quote_in_quoted:
                append(c);
                state_ = c == '"' ? State::quoted : State::unquoted;
                break;
        }
    }
}

void KeyText::append(char c) {
    if (shown_length_ < kShown) shown_[shown_length_++] = c;
    if (is_blank(c)) {
        if (length_ > 0) ++blanks_;
        return;
    }
    if (blanks_ > 0 || length_ >= kLongestAddress) {  // an address has no blank inside
        too_long_ = true;
        return;
    }
    text_[length_++] = c;
}

Address KeyText::address() const { return too_long_ ? Address{} : parse_address(text_.data(), length_); }

}  // namespace reduction
