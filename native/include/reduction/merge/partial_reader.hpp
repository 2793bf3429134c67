// Reads a partial once, from beginning to end, and returns it in whole lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reduction/merge/merge.hpp"
#include "reduction/net/ip_address.hpp"

namespace reduction {

constexpr std::size_t kTextPadding = 128;  // spaces that follow the lines of a PartialText

// Some whole lines of a partial, which start at `offset` of the file.
struct PartialText {
    std::size_t partial = 0;
    std::uint64_t offset = 0;
    std::size_t size = 0;
    std::vector<char> bytes;  // at least `size` and the padding
};

// All functions throw DamagedPartial.
class PartialReader {
public:
    // Opens the partial and reads `window` bytes, but at least two lines of `longest_line`. The rows of one address
    // have at most `longest_address` bytes.
    PartialReader(std::size_t index, const Partial& partial, const std::vector<std::string>& headers,
                  std::size_t window, std::size_t longest_line, std::size_t longest_address);
    PartialReader(const PartialReader&) = delete;
    PartialReader& operator=(const PartialReader&) = delete;
    ~PartialReader();

    bool is_over() const { return is_read_ && held_ == 0; }

    // The address of the first row that was not returned yet; there must be one.
    Address first() const { return address_at(0); }

    // An address after the first one: all rows before it are in memory. Nothing if all rows of the partial are.
    std::optional<Address> reach();

    // Returns the rows before `border` (all in memory if there is none) in `to`, and reads on.
    void read_before(const std::optional<Address>& border, PartialText& to);

private:
    void fill();
    void check_end() const;
    void skip_header(const std::vector<std::string>& headers);
    std::size_t line_at(std::size_t position) const;
    Address address_at(std::size_t line) const;
    std::size_t position_of(const Address& border) const;
    void forget_pages();
    [[noreturn]] void fail(std::size_t position) const;

    std::size_t index_;
    const Partial& partial_;
    std::size_t longest_address_;
    int descriptor_;
    std::vector<char> window_;
    std::size_t held_ = 0;      // bytes in the window
    std::size_t whole_ = 0;     // of them in whole lines
    std::uint64_t offset_ = 0;  // of the window in the file
    std::uint64_t forgotten_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint32_t crc32_ = 0;
    bool is_read_ = false;
};

}  // namespace reduction
