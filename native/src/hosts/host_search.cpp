#include "reduction/hosts/host_search.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace reduction {

namespace {

constexpr std::size_t kSliceBlocks = 256;                // 16 KiB: with its marks it fits into the L1 cache
constexpr std::size_t kShownText = std::size_t{4} * 80;  // bytes of a malformed line: 80 characters of any kind

std::string_view without_line_end(std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    return line;
}

}  // namespace

HostSearch::HostSearch(std::string_view host, std::uint64_t start_ms, std::uint64_t end_ms, std::uint64_t lateness_ms,
                       std::uint64_t newest_ms, std::size_t examples, const Kernels& kernels)
    : kernels_(kernels.logs),
      host_(host),
      start_ms_(start_ms),
      end_ms_(end_ms),
      lateness_ms_(lateness_ms),
      max_examples_(examples),
      marks_(kSliceBlocks * kBlockBytes + kMarksAtOnce) {
    stats_.newest_ms = newest_ms;
    walk_.host = reinterpret_cast<const std::uint8_t*>(host_.data());
    walk_.host_size = host_.size();
    const std::size_t beginning = std::min<std::size_t>(host_.size(), sizeof walk_.host_beginning);
    std::memcpy(&walk_.host_beginning, host_.data(), beginning);
    std::memset(&walk_.host_mask, 0xFF, beginning);
    walk_.lateness_ms = lateness_ms;
}

void HostSearch::feed(std::string_view text, std::uint64_t offset) {
    text_offset_ = offset;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::string_view left = text.substr(at);
        const std::size_t blocks =
            std::min(kSliceBlocks, left.size() > kReadAfter ? (left.size() - kReadAfter) / kBlockBytes : 0);
        std::size_t done = blocks == 0 ? 0 : feed_slice(left, blocks);
        if (done == 0) {  // near the end of the text, or a line that is longer than the slice
            const std::size_t end = left.find('\n', blocks * kBlockBytes);
            // If there are blocks, they contain no line end; without blocks, this is one of the last lines.
            done = end == std::string_view::npos ? left.size() : end + 1;
            read_line(without_line_end(left.substr(0, done)), offset + at);
        }
        at += done;
        text_offset_ = offset + at;
    }
}

// Searches all lines that end in the first blocks of the text; returns where the first other line begins.
std::size_t HostSearch::feed_slice(std::string_view text, std::size_t blocks) {
    walk_.data = reinterpret_cast<const std::uint8_t*>(text.data());
    walk_.marks = marks_.data();
    walk_.count = kernels_.mark(walk_.data, blocks, marks_.data());
    walk_.next = 0;
    walk_.line = 0;
    walk_.lines = 0;
    for (;;) {
        walk_.oldest_ms = stats_.oldest_ms;
        walk_.newest_ms = stats_.newest_ms;
        kernels_.skip_lines(walk_);
        stats_.oldest_ms = walk_.oldest_ms;
        stats_.newest_ms = walk_.newest_ms;
        stats_.lines[static_cast<std::size_t>(LineKind::connection)] += walk_.lines;
        walk_.lines = 0;
        // Parse this line completely: go to its end.
        while (walk_.next < walk_.count && text[marks_[walk_.next]] != '\n') ++walk_.next;
        if (walk_.next == walk_.count) return walk_.line;
        const std::size_t end = marks_[walk_.next++];
        read_line(text.substr(walk_.line, end - walk_.line), text_offset_ + walk_.line);
        walk_.line = end + 1;
    }
}

void HostSearch::read_line(std::string_view line, std::uint64_t offset) {
    const LogLine parsed = parse_log_line(line);
    if (parsed.kind == LineKind::connection) {
        if (parsed.time_ms + lateness_ms_ < stats_.newest_ms && !stats_.late) {
            stats_.late = LateLine{line_count(), offset, parsed.time_ms, stats_.newest_ms};
            // Only the first late line is reported: the fast walk need not stop at others.
            walk_.lateness_ms = kNoTime / 2;
        }
        stats_.oldest_ms = std::min(stats_.oldest_ms, parsed.time_ms);
        stats_.newest_ms = std::max(stats_.newest_ms, parsed.time_ms);
        if (parsed.time_ms >= start_ms_ && parsed.time_ms <= end_ms_) {
            if (parsed.source == host_) record_partner(stats_.outgoing, parsed.target, parsed.time_ms, offset);
            if (parsed.target == host_) record_partner(stats_.incoming, parsed.source, parsed.time_ms, offset);
        }
    } else if (parsed.kind != LineKind::blank) {
        add_example(parsed.kind, line, offset);
    }
    ++stats_.lines[static_cast<std::size_t>(parsed.kind)];
}

void HostSearch::record_partner(Partners& partners, std::string_view name, std::uint64_t time_ms,
                                std::uint64_t offset) const {
    const auto found = partners.find(name);
    if (found == partners.end()) {
        partners.emplace(std::string(name), FirstConnection{time_ms, offset});
    } else if (time_ms < found->second.time_ms) {
        found->second = {time_ms, offset};
    }
}

void HostSearch::add_example(LineKind kind, std::string_view line, std::uint64_t offset) {
    if (stats_.lines[static_cast<std::size_t>(kind)] >= max_examples_) return;
    if (line.ends_with('\r')) line.remove_suffix(1);
    stats_.examples.push_back({kind, line_count(), offset, std::string(line.substr(0, kShownText))});
}

std::uint64_t HostSearch::line_count() const {
    return std::accumulate(stats_.lines.begin(), stats_.lines.end(), std::uint64_t{0});
}

}  // namespace reduction
