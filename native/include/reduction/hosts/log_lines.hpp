// RowWriter of a connection log: `<unix time> <source host> <target host>`. src/reduction/hosts/lines.py is the twin that
// settles what a line means; nothing here allocates or fails, whatever the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace reduction {

// What a line is; of several faults the first one here is told.
enum class LineKind : std::uint8_t { connection, blank, not_text, not_utf_8, not_three_fields, not_a_time };
constexpr std::size_t kLineKinds = 6;
constexpr const char* kLineKindNames[kLineKinds] = {"connection", "blank", "not-text",
                                                    "not-utf-8", "not-three-fields", "not-a-time"};

struct LogLine {
    LineKind kind;
    std::uint64_t time_ms = 0;  // all below are set for a connection only, and point into the line
    std::string_view source;
    std::string_view target;
};

// A malformed line to show: `line` counts from 0 in what was fed, `offset` is in bytes; only the beginning of its text
// is kept.
struct MalformedLine {
    LineKind kind;
    std::uint64_t line;
    std::uint64_t offset;
    std::string text;
};

// What `line` means; it comes without its LF, and a CR at its end is dropped.
LogLine parse_log_line(std::string_view line);

// Whether `text` is UTF-8 as Unicode defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf_8(std::string_view text);

// Walks the lines of a block: `next` gives them without LF, in order; the last one needs no line end.
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

    std::uint64_t lines() const { return lines_; }  // given so far, blank ones too
    std::size_t offset_of(std::string_view line) const { return static_cast<std::size_t>(line.data() - begin_); }

private:
    const char* at_;
    const char* begin_;
    const char* end_;
    std::uint64_t lines_ = 0;
};

}  // namespace reduction
