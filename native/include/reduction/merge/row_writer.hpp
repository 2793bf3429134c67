// Rows as lines of a partial or a result.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reduction/net/ip_address.hpp"
#include "reduction/merge/packed_rows.hpp"

namespace reduction {

// Writes lines `address,environment`; the suffix of a row is the place its environment was added in.
class RowWriter {
public:
    void add_environment(std::string_view name);
    void add_suffix(std::string_view text);  // the same, for any text behind the comma

    // The text of the rows; it stands until the next call.
    std::string_view text_of(const std::vector<Ipv4Row>& rows);
    std::string_view text_of(const std::vector<Ipv6Row>& rows);

private:
    static constexpr std::size_t kPiece = 16;  // bytes that are copied together

    void make_room(std::size_t rows);
    char* end_line(char* at, std::size_t suffix) const;

    // Comma, environment as a CSV field and newline, padded to whole pieces.
    std::vector<std::string> suffixes_;
    std::vector<std::size_t> lengths_;
    std::size_t longest_ = 0;
    std::vector<char> buffer_;
};

// `text` as a field of RFC 4180, in quotes only where it must be.
std::string csv_field(std::string_view text);

}  // namespace reduction
