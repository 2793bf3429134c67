// A temporary file that is read in splits, and the comparison of their results with the file read as a whole.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "check.hpp"

#include "reduction/csv/file_reader.hpp"
#include "reduction/csv/split_reader.hpp"

namespace split_file {

using namespace reduction;

constexpr std::size_t kExamples = 1000000;  // all of them
inline const std::function<void(std::uint64_t)> kNobody = [](std::uint64_t) {};

class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& text)
        : content(text), path_((std::filesystem::temp_directory_path() / "reduction.XXXXXX").string()) {
        ::close(::mkstemp(path_.data()));
        std::ofstream(path_, std::ios::binary) << text;
        CHECK(::stat(path_.c_str(), &status_) == 0);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::filesystem::remove(path_); }

    FileEntry entry() const {
        const std::int64_t modified = std::int64_t{status_.st_mtim.tv_sec} * 1'000'000'000 + status_.st_mtim.tv_nsec;
        return {path_, 0, size(), modified};
    }
    std::uint64_t size() const { return static_cast<std::uint64_t>(status_.st_size); }

    const std::string content;

private:
    std::string path_;
    struct stat status_{};
};

// Bytes in memory that cannot be read from `end` on.
class InMemory final : public RandomAccessSource {
public:
    InMemory(const std::string& content, std::uint64_t end) : content_(content), end_(end) {}
    std::optional<std::uint64_t> changed_size() const override { return std::nullopt; }
    std::size_t read_at(std::uint64_t at, std::uint8_t* to, std::size_t count) const override {
        const std::size_t got = at < content_.size() ? content_.copy(reinterpret_cast<char*>(to), count, at) : 0;
        if (at + got > end_) throw ReadError{kErrno};
        return got;
    }
    static constexpr int kErrno = 5;

private:
    const std::string& content_;
    std::uint64_t end_;
};

// A scanner with its aggregator, whose group 0 is for whole files and splits.
struct Scan {
    explicit Scan(const Kernels& kernels)
        : aggregator({"Asia Prod"}, 4, {}, 6), scanner(aggregator, "Source IP", kExamples, kernels) {}

    std::string lines() {
        std::string text;
        aggregator.write([&](std::string_view some) { text += some; });
        return text;
    }

    DistinctAggregator aggregator;
    CsvScanner scanner;
};

inline bool same_examples(const std::vector<RejectedExample>& a, const std::vector<RejectedExample>& b) {
    const auto before = [](const RejectedExample& one, const RejectedExample& other) { return one.line < other.line; };
    std::vector<RejectedExample> ours = a, theirs = b;
    std::stable_sort(ours.begin(), ours.end(), before);
    std::stable_sort(theirs.begin(), theirs.end(), before);
    return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                      [](const RejectedExample& one, const RejectedExample& other) {
                          return one.reason == other.reason && one.line == other.line && one.fields == other.fields &&
                                 one.limit == other.limit && one.text == other.text;
                      });
}

// Checks that a split of bytes in memory has the same result as that split of a file.
inline void check_same(const SplitResult& result, const SplitResult& of_file) {
    CHECK(result.open_status == of_file.open_status && result.number == of_file.number &&
          result.has_rows == of_file.has_rows);
    CHECK(result.first == of_file.first && result.end == of_file.end);
    CHECK(result.stats.status == of_file.stats.status && result.stats.line == of_file.stats.line);
    CHECK(result.stats.header == of_file.stats.header && result.stats.line_ends == of_file.stats.line_ends);
    CHECK(result.stats.read == of_file.stats.read && result.stats.valid == of_file.stats.valid);
    CHECK(result.stats.rejected == of_file.stats.rejected);
    CHECK(same_examples(result.stats.examples, of_file.stats.examples));
}

// Returns whether all guesses were right; then all results must be the same as without splits.
inline bool agrees(const TemporaryFile& file, std::uint64_t split_size, const Kernels& kernels) {
    const FileEntry entry = file.entry();
    Scan whole(*kernels_named("portable"));
    const FileOutcome expected = read_file(whole.scanner, entry, kNobody);
    Scan splits(kernels);
    const bool with_memory = split_size % 4 == 1;  // sometimes: it is slow with sanitizers
    Scan from_memory(kernels);
    const InMemory memory(file.content, file.size());
    std::uint64_t frontier = 0;
    std::uint64_t line_ends = 0;
    FileStats sum;
    for (std::uint64_t start = 0; start < file.size(); start += split_size) {
        const SplitRange split{start, std::min(start + split_size, file.size())};
        const SplitResult result = read_split(splits.scanner, entry, split, kNobody);
        if (with_memory) check_same(read_split(from_memory.scanner, memory, 0, split, kNobody), result);
        if (start == 0) CHECK(result.open_status == expected.open_status && result.number == expected.number);
        if (result.open_status != OpenStatus::read) return true;
        if (!result.has_rows) {
            if (frontier < split.stop) return false;
            continue;
        }
        CHECK(result.first >= start && result.first < split.stop);
        if (result.first != frontier) return false;
        if (result.stats.status != FileStatus::accepted) {
            CHECK(result.stats.status == expected.stats.status && result.stats.header == expected.stats.header);
            CHECK(result.stats.line + line_ends == expected.stats.line);
            return true;
        }
        for (RejectedExample example : result.stats.examples) {
            example.line += line_ends;
            sum.examples.push_back(std::move(example));
        }
        frontier = result.end;
        line_ends += result.stats.line_ends;
        sum.read += result.stats.read;
        sum.valid += result.stats.valid;
        for (std::size_t i = 0; i < kReasons; ++i) sum.rejected[i] += result.stats.rejected[i];
    }
    CHECK(expected.stats.status == FileStatus::accepted);
    CHECK(frontier == file.size() && line_ends == expected.stats.line_ends);
    CHECK(sum.read == expected.stats.read && sum.valid == expected.stats.valid);
    CHECK(sum.rejected == expected.stats.rejected);
    CHECK(same_examples(sum.examples, expected.stats.examples));
    const std::string lines = splits.lines();
    CHECK(lines == whole.lines());
    if (with_memory) CHECK(lines == from_memory.lines());
    return true;
}

}  // namespace split_file
