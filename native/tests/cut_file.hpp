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
#include "reduction/file_reader.hpp"
#include "reduction/piece_reader.hpp"

namespace cut_file {

using namespace reduction;

constexpr std::size_t kExamples = 1000000;  // all that are there
inline const std::function<void(std::uint64_t)> kNobody = [](std::uint64_t) {};

class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& content)
        : path_((std::filesystem::temp_directory_path() / "reduction.XXXXXX").string()) {
        ::close(::mkstemp(path_.data()));
        std::ofstream(path_, std::ios::binary) << content;
        CHECK(::stat(path_.c_str(), &status_) == 0);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::filesystem::remove(path_); }

    CutUnit unit(std::uint64_t start, std::uint64_t stop) const {
        const std::int64_t modified = std::int64_t{status_.st_mtim.tv_sec} * 1'000'000'000 + status_.st_mtim.tv_nsec;
        return {{path_, "Asia Prod", size(), modified}, 3, start, std::min(stop, size())};
    }
    std::uint64_t size() const { return static_cast<std::uint64_t>(status_.st_size); }

private:
    std::string path_;
    struct stat status_ {};
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

// Returns whether all guesses were right; then everything must be as it is in the whole.
inline bool agrees(const TemporaryFile& file, std::uint64_t unit_size, const Routines& routines) {
    const CutUnit whole = file.unit(0, file.size());
    Share of_whole(4, kExamples, *routines_named("portable"), 6);
    const FileOutcome expected =
        read_file(of_whole, whole.file, kNobody);
    Share share(4, kExamples, routines, 6);
    std::uint64_t frontier = 0;
    std::uint64_t line_ends = 0;
    FileBooks sum;
    for (std::uint64_t start = 0; start < file.size(); start += unit_size) {
        const CutUnit unit = file.unit(start, start + unit_size);
        const Piece piece = read_piece(share, unit, kNobody);
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
    CHECK(lines_of(share) == lines_of(of_whole));
    return true;
}

}  // namespace cut_file
