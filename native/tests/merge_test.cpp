// The merge has the result of a set, for any number of threads and any size of blocks, and reports every failure.
#include "reduction/merge/merge.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>

#include "check.hpp"
#include "reference.hpp"

#include "reduction/io/crc32.hpp"
#include "reduction/merge/row_writer.hpp"
#include "reduction/net/ip_address.hpp"

using namespace reduction;

namespace {

using Rows = std::set<std::pair<Address, std::size_t>>;

std::string text_of(const Address& address) {
    char text[kLongestLine];
    char* const end = address.kind == Kind::ipv4 ? write_ipv4(text, address.ipv4) : write_ipv6(text, address.ipv6);
    return {text, end};
}

// A temporary folder of partials.
class Folder {
public:
    Folder() { CHECK(::mkdtemp(name_) != nullptr); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        for (const Partial& partial : partials_) ::unlink(partial.path.c_str());
        ::rmdir(name_);
    }

    void add(const std::string& text) {
        const std::string path = std::string(name_) + "/" + std::to_string(partials_.size());
        std::ofstream(path, std::ios::binary) << text;
        partials_.push_back({path, text.size(), crc32(0, text.data(), text.size())});
    }
    void damage(std::size_t index, std::size_t at) {
        std::fstream file(partials_[index].path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(at));
        const char byte = static_cast<char>(file.get() ^ 1);
        file.seekp(static_cast<std::streamoff>(at));
        file.put(byte);
    }
    const std::vector<Partial>& partials() const { return partials_; }

private:
    char name_[32] = "/tmp/reducer-merge-XXXXXX";
    std::vector<Partial> partials_;
};

const std::vector<std::string> kHeaders = {"Source IP,Environment\n", "Source IP,Environment,Split File\n"};
const std::vector<std::string> kOutputs = {"Asia Prod", "Asia Stage of a very long name", "\"a,b \"\"c\""};

std::vector<RowSuffix> some_suffixes(reference::Random& random) {
    std::vector<RowSuffix> suffixes;
    for (std::size_t output = 0; output < kOutputs.size(); ++output) {
        for (std::size_t file = 0; file <= random.below(3); ++file) {
            const std::string text = kOutputs[output] + (file == 0 ? "" : "," + std::to_string(file));
            suffixes.push_back({text, random.below(4) == 0 ? std::nullopt : std::optional<std::size_t>(output)});
        }
    }
    return suffixes;
}

Rows some_rows(reference::Random& random, std::size_t suffixes) {
    Rows rows;
    const std::size_t count = random.below(400);
    const std::size_t addresses = 1 + random.below(1000);
    for (std::size_t i = 0; i < count; ++i) {
        const auto number = static_cast<std::uint32_t>(random.below(addresses) * 12345);
        const Address address =
            random.below(5) == 0 ? Address{Kind::ipv6, 0, {number % 3, number}} : Address{Kind::ipv4, number, {}};
        rows.insert({address, random.below(suffixes)});
    }
    return rows;
}

struct Outcome {
    std::string lines;
    std::vector<std::uint64_t> counts = std::vector<std::uint64_t>(kOutputs.size());
};

Outcome expected_of(const std::vector<Rows>& partials, const std::vector<RowSuffix>& suffixes) {
    std::set<std::pair<Address, std::size_t>> distinct;
    for (const Rows& rows : partials) {
        for (const auto& [address, suffix] : rows) {
            if (suffixes[suffix].output) distinct.insert({address, *suffixes[suffix].output});
        }
    }
    Outcome outcome;
    for (const auto& [address, output] : distinct) {
        outcome.lines += text_of(address) + "," + kOutputs[output] + "\n";
        ++outcome.counts[output];
    }
    return outcome;
}

Outcome merged(const Folder& folder, const std::vector<RowSuffix>& suffixes, const MergeOptions& options) {
    Outcome outcome;
    outcome.counts = merge_partials(
        {folder.partials(), kHeaders, suffixes, kOutputs}, [&](std::string_view lines) { outcome.lines += lines; },
        options);
    return outcome;
}

void same_as_a_set(reference::Random& random) {
    const std::vector<RowSuffix> suffixes = some_suffixes(random);
    Folder folder;
    std::vector<Rows> partials;
    for (std::size_t i = random.below(6); i > 0; --i) {
        partials.push_back(some_rows(random, suffixes.size()));
        std::string text = kHeaders[random.below(kHeaders.size())];
        for (const auto& [address, suffix] : partials.back())
            text += text_of(address) + "," + suffixes[suffix].text + "\n";
        folder.add(text);
    }
    const Outcome expected = expected_of(partials, suffixes);
    for (const std::size_t threads : {1U, 2U, 5U}) {
        for (const std::size_t block : {1U, 300U, 3000U, 1U << 19}) {
            const Outcome outcome =
                merged(folder, suffixes, {.threads = threads, .block_bytes = block, .check_interrupt = {}});
            CHECK(outcome.lines == expected.lines && outcome.counts == expected.counts);
        }
    }
}

Folder& with_two_long_partials(Folder& folder) {
    for (int partial = 0; partial < 2; ++partial) {
        std::string text = kHeaders[0];
        for (std::uint32_t n = 0; n < 20000; ++n) text += text_of({Kind::ipv4, 3 * n, {}}) + ",a b\n";
        folder.add(text);
    }
    return folder;
}

// Runs a merge that must fail; returns the message.
template <typename Failure>
std::string failure_of(const Folder& folder, const std::function<void(std::string_view)>& out,
                       const std::function<void()>& check_interrupt) {
    try {
        merge_partials({folder.partials(), kHeaders, {{"a b", 0}}, {"a b"}}, out,
                       {.threads = 4, .block_bytes = 2000, .check_interrupt = check_interrupt});
    } catch (const Failure& failure) {
        return failure.what();
    }
    return "nothing was thrown";
}

void failures_come_out(reference::Random& random) {
    Folder folder;
    with_two_long_partials(folder);
    const auto ignore = [](std::string_view) {};
    std::size_t calls = 0;
    const std::size_t last_call = random.below(50);
    const auto full = [&](std::string_view) {
        if (calls++ == last_call) throw std::length_error("disk full");
    };
    CHECK(failure_of<std::length_error>(folder, full, {}) == "disk full");
    CHECK(calls == last_call + 1);  // nobody writes after a failure
    std::size_t checks = 0;
    const auto interrupted = [&] {
        if (checks++ == 3) throw std::domain_error("interrupted");
    };
    // The calling thread may have had fewer than four turns, so it alone works here.
    try {
        merge_partials({folder.partials(), kHeaders, {{"a b", 0}}, {"a b"}}, ignore,
                       {.threads = 1, .block_bytes = 2000, .check_interrupt = interrupted});
        CHECK(false);
    } catch (const std::domain_error&) {
        CHECK(checks == 4);
    }
    folder.damage(1, random.below(folder.partials()[1].bytes));
    CHECK(failure_of<DamagedPartial>(folder, ignore, {}) != "nothing was thrown");
}

}  // namespace

int main() {
    reference::Random random(3);
    for (int turn = 0; turn < 60; ++turn) same_as_a_set(random);
    for (int turn = 0; turn < 20; ++turn) failures_come_out(random);
}
