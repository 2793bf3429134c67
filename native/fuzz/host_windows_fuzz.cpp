// Any bytes may be a log, divided between any two lines, and saved windows.
#include "reduction/hosts/host_windows.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr std::uint64_t kWindow = 10'000;
constexpr std::uint64_t kLateness = 5'000;

std::uint64_t lines_of(const reduction::FeedResult& fed) {
    std::uint64_t lines = 0;
    for (const reduction::ClosedWindow& window : fed.closed) lines += window.lines;
    return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view log(reinterpret_cast<const char*>(data), size);
    reduction::HostWindows whole("H", kWindow, kLateness, 5);
    reduction::HostWindows split("H", kWindow, kLateness, 5);
    const std::uint64_t expected = lines_of(whole.feed(log));
    const std::size_t half = log.find('\n', size / 2);
    const std::size_t at = half == std::string_view::npos ? size : half + 1;
    std::uint64_t found = lines_of(split.feed(log.substr(0, at)));
    found += lines_of(split.feed(log.substr(at)));
    if (found != expected || whole.late() != split.late()) std::abort();

    std::size_t read = 0;
    reduction::HostWindows restored("H", kWindow, kLateness, 5);
    const bool is_whole = restored.restore([&](char* to, std::size_t wanted) {
        if (size - read < wanted) return false;
        std::memcpy(to, data + read, wanted);
        read += wanted;
        return true;
    });
    if (is_whole) restored.close_all();
    return 0;
}
