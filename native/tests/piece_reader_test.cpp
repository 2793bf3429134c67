// However a file is cut, its pieces make up the whole whenever each begins where the one before it ended.
#include "reduction/piece_reader.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "check.hpp"
#include "naive.hpp"

using namespace reduction;

namespace {

constexpr std::size_t kExamples = 1000000;  // all that are there
const std::function<void(std::uint64_t)> kNobody = [](std::uint64_t) {};

class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& content)
        : path_((std::filesystem::temp_directory_path() / "piece_reader_test.XXXXXX").string()) {
        ::close(::mkstemp(path_.data()));
        std::ofstream(path_, std::ios::binary) << content;
        CHECK(::stat(path_.c_str(), &status_) == 0);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::filesystem::remove(path_); }

    CutUnit unit(std::uint64_t start, std::uint64_t stop) const {
        const std::int64_t modified = std::int64_t{status_.st_mtim.tv_sec} * 1'000'000'000 + status_.st_mtim.tv_nsec;
        return {path_, "Asia Prod", 3, size(), modified, start, std::min(stop, size())};
    }
    std::uint64_t size() const { return static_cast<std::uint64_t>(status_.st_size); }

private:
    std::string path_;
    struct stat status_ {};
};

std::set<std::string> lines_of(Share& share) {
    std::string text;
    share.write([&](std::string_view lines) { text += lines; });
    std::set<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        lines.insert(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

// The whole file in one piece: no other unit has a say in it.
Piece whole(const TemporaryFile& file, std::set<std::string>& lines) {
    Share share(4, kExamples, *routines_named("portable"), 6);
    Piece piece = read_piece(share, file.unit(0, file.size()), kNobody);
    lines = lines_of(share);
    return piece;
}

bool same_examples(const std::vector<Example>& a, const std::vector<Example>& b) {
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
bool agrees(const TemporaryFile& file, std::uint64_t unit_size, const Routines& routines) {
    std::set<std::string> expected_lines;
    const Piece expected = whole(file, expected_lines);
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
    CHECK(lines_of(share) == expected_lines);
    return true;
}

std::string random_csv(naive::Random& random, bool with_quotes) {
    std::string text = random.below(4) == 0 ? "\xef\xbb\xbf" : "";
    if (random.below(4) == 0) text += random.text("\r\n", random.below(4));
    text += with_quotes && random.below(2) == 0 ? "\"Co\nunt\",Source IP" : "Count,Source IP";
    constexpr std::array<std::string_view, 3> kEnds = {"\n", "\r\n", "\r"};
    const std::string end(kEnds[random.below(3)]);
    text += end;
    const std::size_t size = random.below(random.below(20) == 0 ? 200000 : 300);
    while (text.size() < size) {
        switch (random.below(with_quotes ? 9 : 6)) {
            case 0: text += end + end; break;
            case 1: text += "7,8,9" + end; break;
            case 2: text += "7" + end; break;
            case 6: text += "\"a" + end + "1,1.1.1.1" + end + "\",2.2.2.2" + end; break;
            case 7: text += random.text("a\",\r\n", random.below(9)); break;
            case 8: text += std::string(random.below(size + 1), 'x') + ",\"::\"" + end; break;
            default: text += "7,10.0.0." + std::to_string(random.below(256)) + end; break;
        }
    }
    if (random.below(3) == 0) text.resize(text.size() - std::min(text.size(), random.below(4)));
    if (random.below(8) == 0) text[random.below(text.size())] = '\0';
    return text;
}

// How many of the cuts were guessed right, and wrong.
struct Tally {
    int right = 0;
    int wrong = 0;
};

void every_size(naive::Random& random, bool with_quotes, Tally& tally) {
    const TemporaryFile file(random_csv(random, with_quotes));
    const bool is_small = file.size() < 1000;
    for (std::uint64_t size = 1; size <= file.size(); size += is_small ? 1 + size / 8 : 1 + file.size() / 3) {
        for (const char* name : {"portable", "avx2", "avx512"}) {
            if (routines_named(name) == nullptr || (is_small && random.below(3) != 0)) continue;
            ++(agrees(file, is_small ? size : size + 1000, *routines_named(name)) ? tally.right : tally.wrong);
        }
    }
}

// Rows inside quotes that look better than the real ones: the guess is wrong, and that is seen.
void a_wrong_guess_is_seen() {
    std::string text = "Count,Source IP\n1,1.1.1.1\n2,\"";
    for (int i = 0; i < 20; ++i) text += "\n7,7.7.7.7";
    text += "\"\n3,3.3.3.3\n";
    const TemporaryFile file(text);
    CHECK(!agrees(file, 60, routines()));
    CHECK(agrees(file, text.size(), routines()));
}

void what_is_no_csv_is_told_once() {
    for (const std::string& head : {std::string("\x1f\x8b\x08", 3), std::string("\xff\xfe", 2)}) {
        const TemporaryFile file(head + std::string(100, 'x'));
        Share share(4, kExamples, routines(), 6);
        CHECK(read_piece(share, file.unit(0, 10), kNobody).opening != Opening::read);
        const Piece other = read_piece(share, file.unit(10, 20), kNobody);
        CHECK(other.opening == Opening::read && !other.has_rows);
    }
}

void what_cannot_be_read_is_told() {
    const TemporaryFile file("Source IP\n1.1.1.1\n");
    Share share(4, kExamples, routines(), 6);
    CutUnit unit = file.unit(0, 9);
    unit.modified_ns += 1;
    CHECK(read_piece(share, unit, kNobody).opening == Opening::changed);
    unit.path += ".gone";
    CHECK(read_piece(share, unit, kNobody).opening == Opening::not_opened);
    CHECK(lines_of(share).empty());
}

}  // namespace

int main() {
    naive::Random random(5);
    Tally quoted, plain;
    for (int turn = 0; turn < 80; ++turn) {
        every_size(random, true, quoted);
        every_size(random, false, plain);
    }
    CHECK(plain.right > 500 && plain.wrong == 0);
    CHECK(quoted.right > 500 && quoted.wrong > 0);
    a_wrong_guess_is_seen();
    what_is_no_csv_is_told_once();
    what_cannot_be_read_is_told();
}
