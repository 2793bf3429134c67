// Windows of time over a log: who connected to HOST, to whom HOST connected, and which hosts made most connections.
// src/reduction/hosts/plain_windows.py is the simple twin, which settles what is counted where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "reduction/hosts/host_counts.hpp"
#include "reduction/hosts/log_lines.hpp"

namespace reduction {

// Malformed lines by LineKind; those of no error stay 0.
struct MalformedCounts {
    std::uint64_t of[kLineKinds] = {};
};

// A closed window; names are in byte order, parted by LF, which no host holds: there may be very many. `late` and `malformed` are what came since the window that was closed before it.
struct ClosedWindow {
    std::uint64_t start_ms;
    std::uint64_t lines;
    std::uint64_t late;
    MalformedCounts malformed;
    std::string outgoing;
    std::string incoming;
    std::string busiest;  // all that made `connections`
    std::uint64_t connections;
};

struct FeedResult {
    std::vector<ClosedWindow> closed;
    std::vector<MalformedLine> examples;  // the first few of each kind in this block
};

class HostWindows {
public:
    // Windows of `window_ms` by the lines' own time, aligned to the epoch; one is closed when the newest time is
    // `lateness_ms` past its end. 0 for `window_ms`: all lines go to one window, whose start_ms is 0 and which is
    // always open, until `close_all` begins another one.
    HostWindows(std::string host, std::uint64_t window_ms, std::uint64_t lateness_ms, std::size_t examples);
    HostWindows(const HostWindows&) = delete;
    HostWindows& operator=(const HostWindows&) = delete;

    // Takes whole lines, the last of which needs no line end.
    FeedResult feed(std::string_view block);

    // Closes every open window; lines that still come for one of them are late.
    std::vector<ClosedWindow> close_all();

    // The open windows as they would be closed now, and nothing is changed by it.
    std::vector<ClosedWindow> snapshot() const;

    // What will be told with the next window that is closed.
    std::uint64_t late() const { return late_; }
    const MalformedCounts& malformed() const { return malformed_; }
    bool has_open() const { return !open_.empty(); }

    // Everything above as bytes, handed out in pieces, and back: `read` fills a buffer and returns false if it can't.
    // `restore` is for fresh windows of the same rules, and returns false if the bytes are anything else.
    void save(const std::function<void(std::string_view)>& out) const;
    bool restore(const std::function<bool(char*, std::size_t)>& read);

private:
    struct Window {
        std::uint64_t lines = 0;
        HostCounts sources;
        HostCounts outgoing;
        HostCounts incoming;
    };
    struct Waiting {
        LogLine line;
        std::uint64_t source_hash;
    };
    static constexpr std::size_t kWaiting = 64;  // lines between the hint to the memory and their turn

    std::size_t gather(LineWalk& walk, FeedResult& fed);
    void take(const LogLine& line, std::uint64_t source_hash, FeedResult& fed);
    Window& window_at(std::uint64_t start);
    void show(LineKind kind, std::uint64_t line, std::size_t offset, std::string_view text, FeedResult& fed) const;
    void close_until(std::uint64_t end, std::vector<ClosedWindow>& closed);
    ClosedWindow closed(std::uint64_t start, const Window& window);
    static ClosedWindow report_of(std::uint64_t start, const Window& window);

    std::string host_;
    std::uint64_t host_hash_;
    std::uint64_t window_ms_;
    std::uint64_t lateness_ms_;
    std::size_t examples_;

    std::uint64_t closed_until_ = 0;  // every window that begins before this is closed
    std::uint64_t late_ = 0;
    MalformedCounts malformed_;
    std::map<std::uint64_t, Window> open_;
    std::uint64_t latest_start_ = 0;  // the window that `latest_` is, where there is one
    Window* latest_ = nullptr;
    Waiting waiting_[kWaiting];
};

}  // namespace reduction
