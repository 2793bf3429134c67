#include "reduction/hosts/host_search.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace reduction {

namespace {

constexpr std::size_t kSliceWords = 256;     // 16 KiB, which with its marks fits into the nearest cache
constexpr std::size_t kShownText = 4 * 80;   // bytes of a malformed line that are kept: 80 characters of any kind

std::string_view without_line_end(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    return line;
}

}  // namespace

HostSearch::HostSearch(std::string_view host, std::uint64_t start_ms, std::uint64_t end_ms, std::uint64_t lateness_ms,
                       std::uint64_t newest_ms, std::size_t examples, const Routines& routines)
    : routines_(routines.logs),
      host_(host),
      start_ms_(start_ms),
      end_ms_(end_ms),
      lateness_ms_(lateness_ms),
      most_examples_(examples),
      marks_(kSliceWords * kWord + kMarksAtOnce) {
    books_.newest_ms = newest_ms;
    walk_.host = reinterpret_cast<const std::uint8_t*>(host_.data());
    walk_.host_size = host_.size();
    const std::size_t beginning = std::min<std::size_t>(host_.size(), sizeof walk_.host_beginning);
    std::memcpy(&walk_.host_beginning, host_.data(), beginning);
    std::memset(&walk_.host_mask, 0xFF, beginning);
    walk_.lateness_ms = lateness_ms;
}

void HostSearch::feed(std::string_view block, std::uint64_t offset) {
    block_offset_ = offset;
    std::size_t at = 0;
    while (at < block.size()) {
        const std::string_view left = block.substr(at);
        const std::size_t words =
            std::min(kSliceWords, left.size() > kReadBehind ? (left.size() - kReadBehind) / kWord : 0);
        std::size_t done = words == 0 ? 0 : feed_slice(left, words);
        if (done == 0) {  // near the end of the block, or a line that is longer than the slice
            const std::size_t end = left.find('\n', words * kWord);
            // The words hold no line end if there are any; without words this is one of the last lines.
            done = end == std::string_view::npos ? left.size() : end + 1;
            take(without_line_end(left.substr(0, done)), offset + at);
        }
        at += done;
        block_offset_ = offset + at;
    }
}

// Takes all lines that end in the first words of the text; returns where the first one that does not begins.
std::size_t HostSearch::feed_slice(std::string_view text, std::size_t words) {
    walk_.data = reinterpret_cast<const std::uint8_t*>(text.data());
    walk_.marks = marks_.data();
    walk_.count = routines_.mark(walk_.data, words, marks_.data());
    walk_.next = 0;
    walk_.line = 0;
    walk_.lines = 0;
    for (;;) {
        walk_.oldest_ms = books_.oldest_ms;
        walk_.newest_ms = books_.newest_ms;
        routines_.skip_lines(walk_);
        books_.oldest_ms = walk_.oldest_ms;
        books_.newest_ms = walk_.newest_ms;
        books_.lines[static_cast<std::size_t>(LineKind::connection)] += walk_.lines;
        walk_.lines = 0;
        // A line that needs a closer look: to its end.
        while (walk_.next < walk_.count && text[marks_[walk_.next]] != '\n') ++walk_.next;
        if (walk_.next == walk_.count) return walk_.line;
        const std::size_t end = marks_[walk_.next++];
        take(text.substr(walk_.line, end - walk_.line), block_offset_ + walk_.line);
        walk_.line = end + 1;
    }
}

void HostSearch::take(std::string_view line, std::uint64_t offset) {
    const LogLine parsed = parse_log_line(line);
    if (parsed.kind == LineKind::connection) {
        if (parsed.time_ms + lateness_ms_ < books_.newest_ms && !books_.late) {
            books_.late = LateLine{lines_seen(), offset, parsed.time_ms, books_.newest_ms};
            // No later one is told of: the quick walk need not stop for them.
            walk_.lateness_ms = kNoTime / 2;
        }
        books_.oldest_ms = std::min(books_.oldest_ms, parsed.time_ms);
        books_.newest_ms = std::max(books_.newest_ms, parsed.time_ms);
        if (parsed.time_ms >= start_ms_ && parsed.time_ms <= end_ms_) {
            if (parsed.source == host_) note(books_.outgoing, parsed.target, parsed.time_ms, offset);
            if (parsed.target == host_) note(books_.incoming, parsed.source, parsed.time_ms, offset);
        }
    } else if (parsed.kind != LineKind::blank) {
        keep_example(parsed.kind, line, offset);
    }
    ++books_.lines[static_cast<std::size_t>(parsed.kind)];
}

void HostSearch::note(Partners& partners, std::string_view name, std::uint64_t time_ms, std::uint64_t offset) const {
    const auto found = partners.find(name);
    if (found == partners.end()) {
        partners.emplace(std::string(name), FirstConnection{time_ms, offset});
    } else if (time_ms < found->second.time_ms) {
        found->second = {time_ms, offset};
    }
}

void HostSearch::keep_example(LineKind kind, std::string_view line, std::uint64_t offset) {
    if (books_.lines[static_cast<std::size_t>(kind)] >= most_examples_) return;
    if (line.ends_with('\r')) line.remove_suffix(1);
    books_.examples.push_back({kind, lines_seen(), offset, std::string(line.substr(0, kShownText))});
}

std::uint64_t HostSearch::lines_seen() const {
    return std::accumulate(books_.lines.begin(), books_.lines.end(), std::uint64_t{0});
}

}  // namespace reduction
