// The header of a CSV file.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace reduction {

struct Header {
    std::size_t columns;
    std::optional<std::size_t> key;  // the index of the first column with the wanted name, if there is one
};

// Splits the raw text of a header row as Python's csv module does. Names match after trimming blanks and tabs.
Header parse_header(std::string_view row, std::string_view key_column);

}  // namespace reduction
