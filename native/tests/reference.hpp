// The reference implementation of CSV: the state machine of Python's csv module, byte by byte. Also random texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reference {

// For each byte: whether it ends a row, or separates fields, outside quotes.
struct Structure {
    std::vector<bool> ends, commas;
    bool inside = false;
};

inline Structure structure(std::string_view text) {
    enum class State { start, unquoted, quoted, quote_in_quoted } state = State::start;
    Structure found{std::vector<bool>(text.size()), std::vector<bool>(text.size()), false};
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (state == State::quoted) {
            if (c == '"') state = State::quote_in_quoted;
        } else if (c == ',' || c == '\n' || c == '\r') {
            (c == ',' ? found.commas : found.ends)[i] = true;
            state = State::start;
        } else if (c == '"' && state != State::unquoted) {
            state = State::quoted;
        } else {
            state = State::unquoted;
        }
    }
    found.inside = state == State::quoted;
    return found;
}

// LF, CRLF and CR, in quotes too.
inline std::uint64_t line_ends(std::string_view text) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        count += text[i] == '\r' || (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'));
    }
    return count;
}

// Repeatable random numbers (xorshift: Marsaglia, "Xorshift RNGs", 2003).
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
    std::size_t below(std::size_t limit) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<std::size_t>(state_ >> 11) % limit;
    }
    std::string text(std::string_view alphabet, std::size_t length) {
        std::string made(length, ' ');
        for (char& c : made) c = alphabet[below(alphabet.size())];
        return made;
    }

private:
    std::uint64_t state_;
};

}  // namespace reference
