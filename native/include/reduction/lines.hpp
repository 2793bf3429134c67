// Rows as lines of a partial or a result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "reduction/addresses.hpp"

namespace reduction {

// Writes lines `address,environment` in pieces to `out`; environments are named by the order they were added in.
class LineWriter {
public:
    explicit LineWriter(const std::function<void(std::string_view)>& out);

    void add_environment(std::string_view name);
    void four(std::uint32_t number, std::size_t environment);
    void six(Six number, std::size_t environment);
    void flush();

private:
    void make_room();
    void end_line(char* at, std::size_t environment);

    const std::function<void(std::string_view)>& out_;
    std::vector<std::string> endings_;  // comma, environment as a CSV field, newline
    std::size_t longest_ending_ = 0;
    std::vector<char> buffer_;
    std::size_t size_ = 0;
};

// `text` as a field of RFC 4180, in quotes only where it must be.
std::string csv_field(std::string_view text);

}  // namespace reduction
