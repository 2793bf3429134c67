// Any number of hosts is counted, windows are closed when they are due, and only valid saved bytes are restored.
#include "reduction/hosts/host_windows.hpp"

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "check.hpp"
#include "reference.hpp"

using namespace reduction;

namespace {

constexpr std::uint64_t kHour = 3'600'000;

std::string line(std::uint64_t time, const std::string& source, const std::string& target) {
    return std::to_string(time) + " " + source + " " + target + "\n";
}

std::string saved(const HostWindows& windows) {
    std::string bytes;
    windows.save([&](std::string_view chunk) { bytes.append(chunk); });
    return bytes;
}

bool restore(HostWindows& windows, const std::string& bytes) {
    std::size_t at = 0;
    return windows.restore([&](char* to, std::size_t size) {
        if (bytes.size() - at < size) return false;
        std::memcpy(to, bytes.data() + at, size);
        at += size;
        return true;
    });
}

void counts_are_those_of_a_map() {
    reference::Random random(7);
    HostCounts hosts;
    std::map<std::string, std::uint64_t> expected;
    for (int turn = 0; turn < 100000; ++turn) {
        std::string name = random.text("ab", 1 + random.below(14));
        if (random.below(50) == 0) name += std::string(random.below(400), 'x');
        const std::uint64_t hash = hash_of_name(name);
        hosts.prefetch_slot(hash);
        hosts.prefetch_record(hash);
        hosts.add(name, hash);
        ++expected[name];
    }
    std::map<std::string, std::uint64_t> found;
    hosts.each([&](std::string_view name, std::uint64_t count) { CHECK(found.emplace(name, count).second); });
    CHECK(found == expected);
    CHECK(hosts.hosts() == expected.size());

    HostCounts again;
    std::memcpy(again.restore(hosts.bytes().size()), hosts.bytes().data(), hosts.bytes().size());
    CHECK(again.settle(hosts.hosts()));
    again.add("ab", hash_of_name("ab"));
    hosts.add("ab", hash_of_name("ab"));
    CHECK(again.bytes() == hosts.bytes());
}

void a_window_is_closed_when_it_is_due() {
    HostWindows windows("H", kHour, 300'000, 5);
    const std::uint64_t start = 1565654400000;
    CHECK(windows.feed(line(start, "H", "b") + line(start + 1, "c", "H") + line(start + 2, "H", "a")).closed.empty());
    const FeedResult fed =
        windows.feed("odd\n" + line(start + kHour + 300'000, "x", "y") + line(start + 3, "H", "late"));
    CHECK(fed.closed.size() == 1);
    const ClosedWindow& window = fed.closed[0];
    CHECK(window.start_ms == start && window.lines == 3 && window.late == 0 && window.connections == 2);
    CHECK(window.outgoing == "a\nb" && window.incoming == "c" && window.busiest == "H");
    CHECK(window.malformed.of[static_cast<std::size_t>(LineKind::not_three_fields)] == 1);
    CHECK(fed.examples.size() == 1 && fed.examples[0].text == "odd");
    CHECK(windows.late() == 1 && windows.has_open());
    CHECK(windows.snapshot().size() == 1 && windows.snapshot()[0].late == 1);
    CHECK(windows.close_all().size() == 1 && !windows.has_open());
}

void saved_bytes_are_restored_or_rejected() {
    HostWindows windows("H", kHour, 300'000, 5);
    std::string log;
    for (std::uint64_t i = 0; i < 1000; ++i) log += line(1565654400000 + i * 1000, "s" + std::to_string(i), "H");
    windows.feed(log);
    const std::string bytes = saved(windows);
    HostWindows again("H", kHour, 300'000, 5);
    CHECK(restore(again, bytes));
    CHECK(saved(again) == bytes);
    const std::string more = line(1565654400000 + 2 * kHour, "s1", "H");
    CHECK(windows.feed(more).closed[0].incoming == again.feed(more).closed[0].incoming);
    reference::Random random(11);
    for (int turn = 0; turn < 400; ++turn) {
        std::string damaged = bytes.substr(0, random.below(bytes.size()));
        HostWindows other("H", kHour, 300'000, 5);
        CHECK(!restore(other, damaged));
        damaged = bytes;
        damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
        HostWindows another("H", kHour, 300'000, 5);
        if (restore(another, damaged)) another.feed(more);
    }
}

}  // namespace

int main() {
    counts_are_those_of_a_map();
    a_window_is_closed_when_it_is_due();
    saved_bytes_are_restored_or_rejected();
}
