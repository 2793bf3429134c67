// Counts connections in windows of time: who connected to HOST, to whom HOST connected, and which hosts made most
// connections. src/reduction/hosts/streaming/windows_python.py is the reference implementation.
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

// Malformed lines by LineKind; the counts of other kinds stay 0.
struct MalformedCounts {
    std::uint64_t of[kLineKinds] = {};
};

// A closed window. Names are in byte order, separated by LF, which no name contains. `late` and `malformed` count the
// lines since the previous window was closed.
struct ClosedWindow {
    std::uint64_t start_ms;
    std::uint64_t lines;
    std::uint64_t late;
    MalformedCounts malformed;
    std::string outgoing;
    std::string incoming;
    std::string busiest;  // all hosts with `connections`
    std::uint64_t connections;
};

struct FeedResult {
    std::vector<ClosedWindow> closed;
    std::vector<MalformedLine> examples;  // the first of each kind in this block
};

class HostWindows {
public:
    // Windows of `window_ms` by the time in the lines, aligned to the epoch. A window is closed when the newest time is
    // `lateness_ms` after its end. If `window_ms` is 0, all lines go to one window, whose start_ms is 0; it stays open
    // until `close_all` begins another one.
    HostWindows(std::string host, std::uint64_t window_ms, std::uint64_t lateness_ms, std::size_t examples);
    HostWindows(const HostWindows&) = delete;
    HostWindows& operator=(const HostWindows&) = delete;

    // Counts whole lines; the last line of a file needs no line end.
    FeedResult feed(std::string_view block);

    // Closes every open window; later lines for one of them are late.
    std::vector<ClosedWindow> close_all();

    // The open windows as if they were closed now.
    std::vector<ClosedWindow> snapshot() const;

    // The counts that the next closed window will have.
    std::uint64_t late() const { return late_; }
    const MalformedCounts& malformed() const { return malformed_; }
    bool has_open() const { return !open_.empty(); }

    // Saves everything above as bytes, in chunks, and restores it. `read` fills a buffer and returns false if it
    // cannot. `restore` needs new windows with the same parameters, and returns false if the bytes are not valid.
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
    static constexpr std::size_t kWaiting = 64;  // lines between prefetching and counting

    std::size_t gather(LineWalk& walk, FeedResult& fed);
    void count_line(const LogLine& line, std::uint64_t source_hash, FeedResult& fed);
    Window& window_at(std::uint64_t start);
    void add_example(LineKind kind, std::uint64_t line, std::size_t offset, std::string_view text,
                     FeedResult& fed) const;
    void close_until(std::uint64_t end, std::vector<ClosedWindow>& closed);
    ClosedWindow closed(std::uint64_t start, const Window& window);
    static ClosedWindow report_of(std::uint64_t start, const Window& window);

    std::string host_;
    std::uint64_t host_hash_;
    std::uint64_t window_ms_;
    std::uint64_t lateness_ms_;
    std::size_t examples_;

    std::uint64_t closed_until_ = 0;  // all windows that begin before this time are closed
    std::uint64_t late_ = 0;
    MalformedCounts malformed_;
    std::map<std::uint64_t, Window> open_;
    std::uint64_t latest_start_ = 0;  // the start of `latest_`, if there is one
    Window* latest_ = nullptr;
    Waiting waiting_[kWaiting];
};

}  // namespace reduction
