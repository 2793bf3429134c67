// Each instruction set against a reference search that parses every line, on all kinds of logs, divided everywhere.
#include "reduction/hosts/host_search.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <string>

#include "check.hpp"
#include "reference.hpp"

using namespace reduction;

namespace {

constexpr std::uint64_t kStart = 1565647200000, kEnd = 1565647209999, kLateness = 3000;
constexpr std::size_t kExamples = 2;

struct Naive {
    std::map<std::string, FirstConnection> outgoing, incoming;
    std::uint64_t lines[kLineKinds] = {};
    std::uint64_t seen = 0, oldest = kNoTime, newest = 0;
    std::size_t examples = 0;
    std::optional<LateLine> late;

    void record_partner(std::map<std::string, FirstConnection>& partners, std::string_view name, const LogLine& line,
                        std::uint64_t offset) {
        const auto [found, is_new] = partners.try_emplace(std::string(name), FirstConnection{line.time_ms, offset});
        if (!is_new && line.time_ms < found->second.time_ms) found->second = {line.time_ms, offset};
    }

    Naive(std::string_view log, std::string_view host) {
        LineWalk walk(log);
        for (std::string_view text; walk.next(text); ++seen) {
            const LogLine line = parse_log_line(text);
            std::uint64_t& count = lines[static_cast<std::size_t>(line.kind)];
            if (line.kind != LineKind::connection && line.kind != LineKind::blank) examples += count < kExamples;
            ++count;
            if (line.kind != LineKind::connection) continue;
            const std::uint64_t offset = walk.offset_of(text);
            if (line.time_ms + kLateness < newest && !late) late = LateLine{seen, offset, line.time_ms, newest};
            oldest = std::min(oldest, line.time_ms);
            newest = std::max(newest, line.time_ms);
            if (line.time_ms < kStart || line.time_ms > kEnd) continue;
            if (line.source == host) record_partner(outgoing, line.target, line, offset);
            if (line.target == host) record_partner(incoming, line.source, line, offset);
        }
    }
};

void check_partners(const Partners& found, const std::map<std::string, FirstConnection>& expected) {
    CHECK(found.size() == expected.size());
    for (const auto& [name, first] : expected) {
        const auto at = found.find(name);
        CHECK(at != found.end() && at->second.time_ms == first.time_ms && at->second.offset == first.offset);
    }
}

// Feeds the log in blocks of about `size` bytes, each of which ends with a line end.
ScanStats searched(const Kernels& kernels, const std::string& log, std::string_view host, std::size_t size) {
    HostSearch search(host, kStart, kEnd, kLateness, 0, kExamples, kernels);
    for (std::size_t at = 0; at < log.size();) {
        const std::size_t end = std::min(log.find('\n', at + size - 1), log.size() - 1) + 1;
        const std::string block = log.substr(at, end - at);  // a copy, so that a sanitizer notices reads after its end
        search.feed(block, at);
        at = end;
    }
    return search.stats();
}

void compare(const Kernels& kernels, const std::string& log, std::string_view host, std::size_t size) {
    const ScanStats stats = searched(kernels, log, host, size);
    const Naive expected(log, host);
    CHECK(std::equal(stats.lines.begin(), stats.lines.end(), expected.lines));
    CHECK(stats.oldest_ms == expected.oldest && stats.newest_ms == expected.newest);
    CHECK(stats.late.has_value() == expected.late.has_value());
    if (stats.late) {
        CHECK(stats.late->line == expected.late->line);
        CHECK(stats.late->offset == expected.late->offset);
        CHECK(stats.late->time_ms == expected.late->time_ms && stats.late->newest_ms == expected.late->newest_ms);
    }
    check_partners(stats.outgoing, expected.outgoing);
    check_partners(stats.incoming, expected.incoming);
    CHECK(stats.examples.size() == expected.examples);
    for (const MalformedLine& line : stats.examples) {
        CHECK(log.compare(line.offset, line.text.size(), line.text) == 0);
    }
}

std::string any_line(reference::Random& random) {
    static const std::initializer_list<const char*> hosts{"a",           "ab",       "Aadvik", "a-long-name",
                                                          "a-long-namf", "\xc3\xa4", "a\rb"};
    static const std::initializer_list<const char*> errors{"",
                                                           "x",
                                                           "1565647201234 a",
                                                           "1565647201234 a b c",
                                                           "156564720123 a b",
                                                           "15656472012x4 a b",
                                                           "1565647201234 a \xff",
                                                           "\xff",
                                                           " ",
                                                           "\t\r"};
    if (random.below(8) == 0) return errors.begin()[random.below(errors.size())];
    const std::string time = std::to_string(kStart - 2000 + random.below(14000));
    const bool is_in_seconds = random.below(6) == 0;
    const std::string blank = random.below(9) == 0 ? " \t" : random.below(9) == 0 ? "\t" : " ";
    std::string line = (is_in_seconds ? time.substr(0, 10) : time) + blank;
    line += hosts.begin()[random.below(hosts.size())] + blank + hosts.begin()[random.below(hosts.size())];
    if (random.below(40) == 0) line += std::string(random.below(40000), 'y');
    if (random.below(20) == 0) line.push_back('\0');
    return random.below(9) == 0 ? " " + line + " " : line;
}

void random_logs(const Kernels& kernels) {
    reference::Random random(11);
    for (int turn = 0; turn < 3000; ++turn) {
        std::string log;
        const char* const end = random.below(3) == 0 ? "\r\n" : "\n";
        for (std::size_t lines = random.below(60); lines > 0; --lines) log += any_line(random) + end;
        if (random.below(2) == 0) log += any_line(random);
        for (const char* const host : {"a", "Aadvik", "a-long-name", "\xc3\xa4", "a\rb"}) {
            compare(kernels, log, host, 1 + random.below(3000));
        }
    }
}

// Every position of a line in a block, and in the last bytes of a block.
void shifted(const Kernels& kernels) {
    for (std::size_t shift = 0; shift < 3 * kBlockBytes; ++shift) {
        const std::string first = std::string(shift, 'x') + "\n";
        const std::string log = first + "1565647201234 Aadvik b\n1565647201233 b Aadvik\r\n1565647201232 Aadvik b";
        compare(kernels, log, "Aadvik", 1);
        compare(kernels, log, "Aadvik", log.size());
        compare(kernels, log + "\n" + std::string(shift, ' '), "b", log.size());
    }
}

}  // namespace

int main() {
    for (const char* const name : {"portable", "avx2", "avx512"}) {
        const Kernels* const kernels = kernels_named(name);
        if (kernels == nullptr) continue;
        shifted(*kernels);
        random_logs(*kernels);
    }
}
