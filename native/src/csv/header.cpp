#include "reduction/csv/header.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace reduction {

namespace {

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The values of the fields of one whole row, by the state machine of Python's csv module.
std::vector<std::string> fields_of(std::string_view row) {
    std::vector<std::string> fields(1);
    enum class State { start, unquoted, quoted, quote_in_quoted } state = State::start;
    for (const char c : row) {
        if (c == ',' && state != State::quoted) {
            fields.emplace_back();
            state = State::start;
        } else if (c == '"' && state == State::start) {
            state = State::quoted;
        } else if (c == '"' && state == State::quoted) {
            state = State::quote_in_quoted;
        } else {
            fields.back() += c;
            if (state == State::quote_in_quoted) state = c == '"' ? State::quoted : State::unquoted;
            if (state == State::start) state = State::unquoted;
        }
    }
    return fields;
}

}  // namespace

Header parse_header(std::string_view row, std::string_view key_column) {
    const std::vector<std::string> names = fields_of(row);
    const auto key =
        std::find_if(names.begin(), names.end(), [&](const std::string& name) { return trim(name) == key_column; });
    Header header{names.size(), std::nullopt};
    if (key != names.end()) header.key = static_cast<std::size_t>(key - names.begin());
    return header;
}

}  // namespace reduction
