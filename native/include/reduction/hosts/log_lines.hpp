// Parses the lines of a connection log: `<unix time> <source host> <target host>`. src/reduction/hosts/records.py is
// the reference implementation. Nothing here allocates or fails, whatever the bytes are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace reduction {

// The kind of a line. A line with several errors has the kind that comes first here.
enum class LineKind : std::uint8_t { connection, blank, not_text, not_utf_8, not_three_fields, not_a_time };
constexpr std::size_t kLineKinds = 6;
constexpr const char* kLineKindNames[kLineKinds] = {"connection",       "blank",     "not-text", "not-utf-8",
                                                    "not-three-fields", "not-a-time"};

struct LogLine {
    LineKind kind;
    std::uint64_t time_ms = 0;  // the following are set for connections only, and point into the line
    std::string_view source;
    std::string_view target;
};

// An example of a malformed line: `line` counts from 0, `offset` is in bytes; `text` is the beginning of the line.
struct MalformedLine {
    LineKind kind;
    std::uint64_t line;
    std::uint64_t offset;
    std::string text;
};

// Parses a line without its LF; a CR at the end is ignored.
LogLine parse_log_line(std::string_view line);

// Whether `text` is UTF-8 as Unicode defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf_8(std::string_view text);

// Iterates over the lines of a block, without their LF. The last one needs no line end.
class LineWalk {
public:
    explicit LineWalk(std::string_view block) : at_(block.data()), begin_(at_), end_(at_ + block.size()) {}

    bool next(std::string_view& line) {
        if (at_ == end_) return false;
        const std::size_t left = static_cast<std::size_t>(end_ - at_);
        const void* const found = std::memchr(at_, '\n', left);
        const char* const stop = found == nullptr ? end_ : static_cast<const char*>(found);
        line = {at_, static_cast<std::size_t>(stop - at_)};
        at_ = stop == end_ ? end_ : stop + 1;
        ++lines_;
        return true;
    }

    std::uint64_t lines() const { return lines_; }  // so far, including blank ones
    std::size_t offset_of(std::string_view line) const { return static_cast<std::size_t>(line.data() - begin_); }

private:
    const char* at_;
    const char* begin_;
    const char* end_;
    std::uint64_t lines_ = 0;
};

}  // namespace reduction
