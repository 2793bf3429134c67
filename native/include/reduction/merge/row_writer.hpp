// Writes rows as lines of a partial or a result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reduction/merge/packed_rows.hpp"
#include "reduction/net/ip_address.hpp"

namespace reduction {

// Writes lines `address,suffix`; a row has the index of its suffix.
class RowWriter {
public:
    explicit RowWriter(const std::vector<std::string>& row_suffixes);

    // Returns the text of the rows, valid until the next call.
    std::string_view text_of(const std::vector<Ipv4Row>& rows);
    std::string_view text_of(const std::vector<Ipv6Row>& rows);

private:
    static constexpr std::size_t kCopyBytes = 16;  // copied at once

    void make_room(std::size_t rows);
    char* end_line(char* at, std::size_t suffix) const;

    // Comma, suffix and newline, padded to a multiple of kCopyBytes.
    std::vector<std::string> suffixes_;
    std::vector<std::size_t> lengths_;
    std::size_t longest_ = 0;
    std::vector<char> buffer_;
};

}  // namespace reduction
