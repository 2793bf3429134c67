#include "reduction/hosts/host_windows.hpp"

#include <algorithm>
#include <utility>

namespace reduction {

namespace {

constexpr std::size_t kShownBytes = 400;  // of a malformed line
constexpr std::size_t kChunk = std::size_t{16} << 20;
constexpr std::string_view kFormat = "HOSTS001";  // the first bytes of saved windows

// The sorted names of the hosts with a count of at least `at_least`, as one text.
std::string sorted_names(const HostCounts& hosts, std::uint64_t at_least) {
    std::vector<std::string_view> names;
    std::size_t size = 0;
    hosts.each([&](std::string_view name, std::uint64_t count) {
        if (count < at_least) return;
        names.push_back(name);
        size += name.size() + 1;
    });
    std::sort(names.begin(), names.end());
    std::string text;
    text.reserve(size);
    for (const std::string_view name : names) {
        if (!text.empty()) text.push_back('\n');
        text.append(name);
    }
    return text;
}

void save_number(std::string& bytes, std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(number >> shift & 0xFF));
}

bool read_number(const std::function<bool(char*, std::size_t)>& read, std::uint64_t& number) {
    unsigned char bytes[8];
    if (!read(reinterpret_cast<char*>(bytes), sizeof bytes)) return false;
    number = 0;
    for (int i = 7; i >= 0; --i) number = number << 8 | bytes[i];
    return true;
}

void save_hosts(const HostCounts& hosts, const std::function<void(std::string_view)>& out) {
    const std::string_view records = hosts.bytes();
    std::string head;
    save_number(head, hosts.hosts());
    save_number(head, records.size());
    out(head);
    for (std::size_t at = 0; at < records.size(); at += kChunk) out(records.substr(at, kChunk));
}

bool restore_hosts(HostCounts& hosts, const std::function<bool(char*, std::size_t)>& read) {
    std::uint64_t count = 0;
    std::uint64_t size = 0;
    if (!read_number(read, count) || !read_number(read, size)) return false;
    // Reads chunk by chunk, so that a wrong size does not request all memory.
    for (std::uint64_t at = 0; at < size;) {
        const auto chunk = static_cast<std::size_t>(std::min<std::uint64_t>(size - at, kChunk));
        if (!read(hosts.restore(static_cast<std::size_t>(at) + chunk) + at, chunk)) return false;
        at += chunk;
    }
    return hosts.settle(count);
}

}  // namespace

HostWindows::HostWindows(std::string host, std::uint64_t window_ms, std::uint64_t lateness_ms, std::size_t examples)
    : host_(std::move(host)),
      host_hash_(hash_of_name(host_)),
      window_ms_(window_ms),
      lateness_ms_(lateness_ms),
      examples_(examples) {}

FeedResult HostWindows::feed(std::string_view block) {
    FeedResult fed;
    LineWalk walk(block);
    for (std::size_t count = gather(walk, fed); count > 0; count = gather(walk, fed)) {
        if (latest_ != nullptr) {
            for (std::size_t i = 0; i < count; ++i) latest_->sources.prefetch_record(waiting_[i].source_hash);
        }
        for (std::size_t i = 0; i < count; ++i) count_line(waiting_[i].line, waiting_[i].source_hash, fed);
    }
    return fed;
}

// Fills waiting_ with the next lines that are not blank; returns how many.
std::size_t HostWindows::gather(LineWalk& walk, FeedResult& fed) {
    std::size_t count = 0;
    for (std::string_view text; count < kWaiting && walk.next(text);) {
        const LogLine line = parse_log_line(text);
        if (line.kind == LineKind::blank) continue;
        if (line.kind != LineKind::connection)
            add_example(line.kind, walk.lines() - 1, walk.offset_of(text), text, fed);
        const std::uint64_t hash = hash_of_name(line.source);
        if (latest_ != nullptr) latest_->sources.prefetch_slot(hash);
        waiting_[count++] = {line, hash};
    }
    return count;
}

void HostWindows::count_line(const LogLine& line, std::uint64_t source_hash, FeedResult& fed) {
    if (line.kind != LineKind::connection) {
        ++malformed_.of[static_cast<std::size_t>(line.kind)];
        return;
    }
    std::uint64_t start = 0;
    if (window_ms_ > 0) {
        start = line.time_ms - line.time_ms % window_ms_;
        if (start < closed_until_) {
            ++late_;
            return;
        }
        if (line.time_ms >= closed_until_ + window_ms_ + lateness_ms_) {
            const std::uint64_t past = line.time_ms - lateness_ms_;
            close_until(past - past % window_ms_, fed.closed);
        }
    }
    Window& window = window_at(start);
    ++window.lines;
    window.sources.add(line.source, source_hash);
    if (line.source == host_) window.outgoing.add(line.target, hash_of_name(line.target));
    if (line.target == host_) window.incoming.add(line.source, source_hash);
}

HostWindows::Window& HostWindows::window_at(std::uint64_t start) {
    if (latest_ == nullptr || latest_start_ != start) {
        latest_ = &open_[start];
        latest_start_ = start;
    }
    return *latest_;
}

void HostWindows::add_example(LineKind kind, std::uint64_t line, std::size_t offset, std::string_view text,
                              FeedResult& fed) const {
    const auto is_alike = [&](const MalformedLine& example) { return example.kind == kind; };
    if (static_cast<std::size_t>(std::count_if(fed.examples.begin(), fed.examples.end(), is_alike)) >= examples_)
        return;
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    fed.examples.push_back({kind, line, offset, std::string(text.substr(0, kShownBytes))});
}

void HostWindows::close_until(std::uint64_t end, std::vector<ClosedWindow>& closed_windows) {
    latest_ = nullptr;
    closed_until_ = std::max(closed_until_, end);
    while (!open_.empty() && open_.begin()->first < closed_until_) {
        closed_windows.push_back(closed(open_.begin()->first, open_.begin()->second));
        open_.erase(open_.begin());
    }
}

std::vector<ClosedWindow> HostWindows::close_all() {
    std::vector<ClosedWindow> closed_windows;
    if (window_ms_ == 0) {
        closed_windows.push_back(closed(0, window_at(0)));
        open_.clear();
        latest_ = nullptr;
    } else if (!open_.empty()) {
        close_until(open_.rbegin()->first + window_ms_, closed_windows);
    }
    return closed_windows;
}

std::vector<ClosedWindow> HostWindows::snapshot() const {
    std::vector<ClosedWindow> windows;
    windows.reserve(open_.size() + 1);
    for (const auto& [start, window] : open_) windows.push_back(report_of(start, window));
    if (window_ms_ == 0 && open_.empty()) windows.push_back(report_of(0, Window()));
    if (!windows.empty()) {
        windows.front().late = late_;
        windows.front().malformed = malformed_;
    }
    return windows;
}

ClosedWindow HostWindows::closed(std::uint64_t start, const Window& window) {
    ClosedWindow result = report_of(start, window);
    result.late = std::exchange(late_, 0);
    result.malformed = std::exchange(malformed_, {});
    return result;
}

ClosedWindow HostWindows::report_of(std::uint64_t start, const Window& window) {
    std::uint64_t most = 0;
    window.sources.each([&](std::string_view, std::uint64_t count) { most = std::max(most, count); });
    return {start,
            window.lines,
            0,
            {},
            sorted_names(window.outgoing, 1),
            sorted_names(window.incoming, 1),
            sorted_names(window.sources, most),
            most};
}

void HostWindows::save(const std::function<void(std::string_view)>& out) const {
    std::string head(kFormat);
    save_number(head, closed_until_);
    save_number(head, late_);
    for (const std::uint64_t count : malformed_.of) save_number(head, count);
    save_number(head, open_.size());
    out(head);
    for (const auto& [start, window] : open_) {
        std::string numbers;
        save_number(numbers, start);
        save_number(numbers, window.lines);
        out(numbers);
        for (const HostCounts* const hosts : {&window.sources, &window.outgoing, &window.incoming}) {
            save_hosts(*hosts, out);
        }
    }
}

bool HostWindows::restore(const std::function<bool(char*, std::size_t)>& read) {
    char format[kFormat.size()];
    if (!read(format, sizeof format) || std::string_view(format, sizeof format) != kFormat) return false;
    std::uint64_t windows = 0;
    if (!read_number(read, closed_until_) || !read_number(read, late_)) return false;
    for (std::uint64_t& count : malformed_.of) {
        if (!read_number(read, count)) return false;
    }
    if (!read_number(read, windows)) return false;
    for (; windows > 0; --windows) {
        std::uint64_t start = 0;
        if (!read_number(read, start)) return false;
        Window& window = open_[start];
        if (!read_number(read, window.lines)) return false;
        for (HostCounts* const hosts : {&window.sources, &window.outgoing, &window.incoming}) {
            if (!restore_hosts(*hosts, read)) return false;
        }
    }
    return true;
}

}  // namespace reduction
