// A file on the disk that is cut into units, and the comparison of their pieces with the file read whole.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "check.hpp"
#include "reduction/csv/file_reader.hpp"
#include "reduction/csv/split_reader.hpp"

namespace cut_file {

using namespace reduction;

constexpr std::size_t kExamples = 1000000;  // all that are there
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

    Listed listed() const {
        const std::int64_t modified = std::int64_t{status_.st_mtim.tv_sec} * 1'000'000'000 + status_.st_mtim.tv_nsec;
        return {path_, "Asia Prod", size(), modified};
    }
    std::uint64_t size() const { return static_cast<std::uint64_t>(status_.st_size); }

    const std::string content;

private:
    std::string path_;
    struct stat status_ {};
};

// Bytes that are no file, and from `end` on cannot be read.
class InMemory final : public ListedBytes {
public:
    InMemory(const std::string& content, std::uint64_t end) : content_(content), end_(end) {}
    std::optional<std::uint64_t> changed_size() const override { return std::nullopt; }
    std::size_t read_at(std::uint64_t at, std::uint8_t* to, std::size_t count) const override {
        const std::size_t got = at < content_.size() ? content_.copy(reinterpret_cast<char*>(to), count, at) : 0;
        if (at + got > end_) throw NotReadable{kFault};
        return got;
    }
    static constexpr int kFault = 5;

private:
    const std::string& content_;
    std::uint64_t end_;
};

// The lines that a share writes, without what tells of which cut file they are.
inline std::set<std::string> lines_of(Share& share) {
    std::string text;
    share.write([&](std::string_view lines) { text += lines; });
    std::set<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        lines.insert(text.substr(at, std::min(end, text.find(",3", at)) - at));
        at = end + 1;
    }
    return lines;
}

inline bool same_examples(const std::vector<Example>& a, const std::vector<Example>& b) {
    const auto before = [](const Example& one, const Example& other) { return one.line < other.line; };
    std::vector<Example> ours = a, theirs = b;
    std::stable_sort(ours.begin(), ours.end(), before);
    std::stable_sort(theirs.begin(), theirs.end(), before);
    return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(), [](const Example& one, const Example& other) {
        return one.reason == other.reason && one.line == other.line && one.fields == other.fields &&
               one.limit == other.limit && one.text == other.text;
    });
}

// What a unit of bytes in memory is must be what the same unit of the file is.
inline void is_the_same(const Piece& piece, const Piece& of_file) {
    CHECK(piece.opening == of_file.opening && piece.number == of_file.number && piece.has_rows == of_file.has_rows);
    CHECK(piece.first == of_file.first && piece.end == of_file.end);
    CHECK(piece.books.verdict == of_file.books.verdict && piece.books.line == of_file.books.line);
    CHECK(piece.books.header == of_file.books.header && piece.books.line_ends == of_file.books.line_ends);
    CHECK(piece.books.read == of_file.books.read && piece.books.valid == of_file.books.valid);
    CHECK(std::equal(piece.books.rejected, piece.books.rejected + kReasons, of_file.books.rejected));
    CHECK(same_examples(piece.books.examples, of_file.books.examples));
}

// Returns whether all guesses were right; then everything must be as it is in the whole.
inline bool agrees(const TemporaryFile& file, std::uint64_t unit_size, const Routines& routines) {
    const Listed listed = file.listed();
    Share of_whole(4, kExamples, *routines_named("portable"), 6);
    const FileOutcome expected = read_file(of_whole, listed, kNobody);
    Share share(4, kExamples, routines, 6);
    const bool with_memory = unit_size % 4 == 1;  // some of the times, for sanitizers make it slow
    Share of_memory(4, kExamples, routines, 6);
    const InMemory memory(file.content, file.size());
    std::uint64_t frontier = 0;
    std::uint64_t line_ends = 0;
    FileBooks sum;
    for (std::uint64_t start = 0; start < file.size(); start += unit_size) {
        const Cut unit{3, start, std::min(start + unit_size, file.size())};
        const Piece piece = read_piece(share, listed, unit, kNobody);
        if (with_memory) is_the_same(read_piece(of_memory, memory, listed.environment, unit, kNobody), piece);
        if (start == 0) CHECK(piece.opening == expected.opening && piece.number == expected.number);
        if (piece.opening != Opening::read) return true;
        if (!piece.has_rows) {
            if (frontier < unit.stop) return false;
            continue;
        }
        CHECK(piece.first >= start && piece.first < unit.stop);
        if (piece.first != frontier) return false;
        if (piece.books.verdict != Verdict::taken) {
            CHECK(piece.books.verdict == expected.books.verdict && piece.books.header == expected.books.header);
            CHECK(piece.books.line + line_ends == expected.books.line);
            return true;
        }
        for (Example example : piece.books.examples) {
            example.line += line_ends;
            sum.examples.push_back(std::move(example));
        }
        frontier = piece.end;
        line_ends += piece.books.line_ends;
        sum.read += piece.books.read;
        sum.valid += piece.books.valid;
        for (std::size_t i = 0; i < kReasons; ++i) sum.rejected[i] += piece.books.rejected[i];
    }
    CHECK(expected.books.verdict == Verdict::taken);
    CHECK(frontier == file.size() && line_ends == expected.books.line_ends);
    CHECK(sum.read == expected.books.read && sum.valid == expected.books.valid);
    CHECK(std::equal(sum.rejected, sum.rejected + kReasons, expected.books.rejected));
    CHECK(same_examples(sum.examples, expected.books.examples));
    const std::set<std::string> lines = lines_of(share);
    CHECK(lines == lines_of(of_whole));
    if (with_memory) CHECK(lines == lines_of(of_memory));
    return true;
}

}  // namespace cut_file
