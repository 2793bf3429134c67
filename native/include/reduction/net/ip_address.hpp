// Addresses: odd spellings in, one spelling out. The rules are those of Python's ipaddress, less zone ids.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace reduction {

// 128 bits, sorted by number.
struct Ipv6 {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    auto operator<=>(const Ipv6&) const = default;
};

enum class Kind : std::uint8_t { none, ipv4, ipv6 };

// Sorts as results do: IPv4 before IPv6, each by number; the number of the other kind is 0.
struct Address {
    Kind kind = Kind::none;
    std::uint32_t ipv4 = 0;
    Ipv6 ipv6;
    auto operator<=>(const Address&) const = default;
};

constexpr std::size_t kLongestAddress = 45;  // characters: eight hextets, the last two as a dotted quad
constexpr std::size_t kLongestLine = 48;     // room for any address as text

// Parses `length` characters without blanks round them. Total: any bytes may come.
Address parse_address(const char* text, std::size_t length);

// Writes the address and returns the end; needs room for kLongestLine characters.
char* write_ipv4(char* to, std::uint32_t number);
char* write_ipv6(char* to, Ipv6 number);

// The value of one CSV field, fed in pieces of its raw text, in fixed memory: quotes are resolved as Python's csv
// module does, blanks round the value are dropped, and so much is kept as an address may have, and as a
// message shows.
class KeyText {
public:
    static constexpr std::size_t kShown = 400;  // bytes: more than the characters that are shown can take

    void clear();
    void feed(const std::uint8_t* raw, std::size_t length);
    Address address() const;
    const char* shown() const { return shown_.data(); }
    std::size_t shown_length() const { return shown_length_; }

private:
    enum class State : std::uint8_t { start, unquoted, quoted, quote_in_quoted };
    void take(char c);

    State state_ = State::start;
    bool too_long_ = false;
    std::size_t length_ = 0;   // of text_
    std::size_t blanks_ = 0;   // behind text_, not known yet to be inside
    std::size_t shown_length_ = 0;
    std::array<char, kLongestAddress + 1> text_{};
    std::array<char, kShown> shown_{};
};

}  // namespace reduction
