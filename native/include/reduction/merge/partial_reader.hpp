// A partial, read once from its beginning to its end and given out in whole lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reduction/net/ip_address.hpp"
#include "reduction/merge/merge.hpp"

namespace reduction {

constexpr std::size_t kBehindText = 128;  // bytes that are there, and spaces, behind the lines of a PartialText

// Some whole lines of a partial, and where in it they stand.
struct PartialText {
    std::size_t partial = 0;
    std::uint64_t offset = 0;
    std::size_t size = 0;
    std::vector<char> bytes;  // more than `size`
};

class PartialReader {
public:
    // Opens the partial and reads `window` bytes, at least two lines of `longest_line`. Rows of one address take at
    // most `longest_address` bytes. All functions throw DamagedPartial.
    PartialReader(std::size_t index, const Partial& partial, std::size_t window, std::size_t longest_line,
                  std::size_t longest_address);
    PartialReader(const PartialReader&) = delete;
    PartialReader& operator=(const PartialReader&) = delete;
    ~PartialReader();

    bool is_over() const { return is_read_ && held_ == 0; }

    // The address of the first row that was not given out, if there is one.
    Address first() const { return address_at(0); }

    // An address behind the first one up to which all rows can be given out now; none if that is so for all rows.
    std::optional<Address> reach();

    // Gives out the rows before `border` (none: all that are held) and reads on.
    void take_before(const std::optional<Address>& border, PartialText& to);

private:
    void fill();
    void check_end() const;
    void take_header();
    std::size_t line_at(std::size_t position) const;
    Address address_at(std::size_t line) const;
    std::size_t place_of(const Address& border) const;
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
