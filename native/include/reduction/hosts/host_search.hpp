// Finds the hosts with which one host connected in an interval of time. src/reduction/hosts/batch/scan_python.py is the
// reference implementation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "reduction/hosts/log_lines.hpp"
#include "reduction/simd/kernels.hpp"

namespace reduction {

constexpr std::uint64_t kNoTime = ~std::uint64_t{0};

// A line that is older than allowed. `line` counts from 0, `newest_ms` is the newest time of the lines before it.
struct LateLine {
    std::uint64_t line;
    std::uint64_t offset;
    std::uint64_t time_ms;
    std::uint64_t newest_ms;
};

// The earliest connection with a partner; with equal times the one that was fed first.
struct FirstConnection {
    std::uint64_t time_ms;
    std::uint64_t offset;
};

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

using Partners = std::unordered_map<std::string, FirstConnection, TextHash, std::equal_to<>>;

struct ScanStats {
    std::array<std::uint64_t, kLineKinds> lines{};  // by LineKind
    std::vector<MalformedLine> examples;            // the first of each kind
    std::uint64_t oldest_ms = kNoTime;              // of all connections fed
    std::uint64_t newest_ms = 0;                    // of these, and of all lines before
    std::optional<LateLine> late;                   // the first
    Partners outgoing;
    Partners incoming;
};

class HostSearch {
public:
    // `newest_ms` is the newest time of the lines before the first one that will be fed, 0 if there are none.
    HostSearch(std::string_view host, std::uint64_t start_ms, std::uint64_t end_ms, std::uint64_t lateness_ms,
               std::uint64_t newest_ms, std::size_t examples, const Kernels& kernels);

    // Searches whole lines, the first of which is at `offset` of its file. The last line of a file needs no line end.
    void feed(std::string_view text, std::uint64_t offset);

    const ScanStats& stats() const { return stats_; }

private:
    std::size_t feed_slice(std::string_view text, std::size_t blocks);
    void read_line(std::string_view line, std::uint64_t offset);
    void record_partner(Partners& partners, std::string_view name, std::uint64_t time_ms, std::uint64_t offset) const;
    void add_example(LineKind kind, std::string_view line, std::uint64_t offset);
    std::uint64_t line_count() const;

    const LogKernels& kernels_;
    std::string host_;
    std::uint64_t start_ms_, end_ms_, lateness_ms_;
    std::size_t max_examples_;
    std::uint64_t text_offset_ = 0;
    std::vector<std::uint32_t> marks_;
    HostWalk walk_;
    ScanStats stats_;
};

}  // namespace reduction
