// Parses and writes IP addresses, by the rules of Python's ipaddress, without zone IDs.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace reduction {

// 128 bits, sorted as a number.
struct Ipv6 {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    auto operator<=>(const Ipv6&) const = default;
};

enum class Kind : std::uint8_t { none, ipv4, ipv6 };

// Sorts as results do: IPv4 before IPv6, each by number. The number of the other kind is 0.
struct Address {
    Kind kind = Kind::none;
    std::uint32_t ipv4 = 0;
    Ipv6 ipv6;
    auto operator<=>(const Address&) const = default;
};

constexpr std::size_t kLongestAddress = 45;  // characters: eight hextets, the last two as IPv4
constexpr std::size_t kLongestLine = 48;     // room for any address as text

// Parses `length` characters without blanks around them; the bytes may be anything.
Address parse_address(const char* text, std::size_t length);

// Both write an address and return the end of the text; they need room for kLongestLine characters.
char* write_ipv4(char* to, std::uint32_t number);
char* write_ipv6(char* to, Ipv6 number);

// The value of one CSV field, fed in chunks of raw text, in constant memory. Quotes are resolved as in Python's csv
// module, and blanks around the value are removed. It keeps as much as an address, and a message, may have.
class KeyText {
public:
    static constexpr std::size_t kShown = 400;  // bytes: enough for the characters in a message

    void clear();
    void feed(const std::uint8_t* raw, std::size_t length);
    Address address() const;
    const char* shown() const { return shown_.data(); }
    std::size_t shown_length() const { return shown_length_; }

private:
    enum class State : std::uint8_t { start, unquoted, quoted, quote_in_quoted };
    void append(char c);

    State state_ = State::start;
    bool too_long_ = false;
    std::size_t length_ = 0;  // of text_
    std::size_t blanks_ = 0;  // after text_; they may turn out to be inside the value
    std::size_t shown_length_ = 0;
    std::array<char, kLongestAddress + 1> text_{};
    std::array<char, kShown> shown_{};
};

}  // namespace reduction
