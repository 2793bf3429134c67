// However a file is split, its results make up the file whenever each begins where the previous one ended.
#include "reduction/csv/split_reader.hpp"

#include <array>
#include <string>

#include "check.hpp"
#include "reference.hpp"
#include "split_file.hpp"

using namespace split_file;

namespace {

std::string random_csv(reference::Random& random, bool with_quotes) {
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

// How many guesses were right, and wrong.
struct Tally {
    int right = 0;
    int wrong = 0;
};

void every_size(reference::Random& random, bool with_quotes, Tally& tally) {
    const TemporaryFile file(random_csv(random, with_quotes));
    const bool is_small = file.size() < 1000;
    for (std::uint64_t size = 1; size <= file.size(); size += is_small ? 1 + size / 8 : 1 + file.size() / 3) {
        for (const char* name : {"portable", "avx2", "avx512"}) {
            if (kernels_named(name) == nullptr || (is_small && random.below(3) != 0)) continue;
            ++(agrees(file, is_small ? size : size + 1000, *kernels_named(name)) ? tally.right : tally.wrong);
        }
    }
}

// Rows inside quotes that look better than the real ones: the guess is wrong, and this is noticed.
void a_wrong_guess_is_seen() {
    std::string text = "Count,Source IP\n1,1.1.1.1\n2,\"";
    for (int i = 0; i < 20; ++i) text += "\n7,7.7.7.7";
    text += "\"\n3,3.3.3.3\n";
    const TemporaryFile file(text);
    CHECK(!agrees(file, 60, best_kernels()));
    CHECK(agrees(file, text.size(), best_kernels()));
}

void only_the_first_split_reports_other_formats() {
    for (const std::string& head : {std::string("\x1f\x8b\x08", 3), std::string("\xff\xfe", 2)}) {
        const TemporaryFile file(head + std::string(100, 'x'));
        Scan scan(best_kernels());
        CHECK(read_split(scan.scanner, file.entry(), {0, 10}, kNobody).open_status != OpenStatus::read);
        const SplitResult other = read_split(scan.scanner, file.entry(), {10, 20}, kNobody);
        CHECK(other.open_status == OpenStatus::read && !other.has_rows);
    }
}

void changed_and_missing_files_are_reported() {
    const TemporaryFile file("Source IP\n1.1.1.1\n");
    Scan scan(best_kernels());
    FileEntry entry = file.entry();
    entry.modified_ns += 1;
    CHECK(read_split(scan.scanner, entry, {0, 9}, kNobody).open_status == OpenStatus::changed);
    entry.path += ".gone";
    CHECK(read_split(scan.scanner, entry, {0, 9}, kNobody).open_status == OpenStatus::not_opened);
    CHECK(scan.lines().empty());
}

// Bytes that end in an error: the status is known only if the bytes before the error decide it.
void read_errors_are_reported() {
    const std::string rows = "Count,Source IP\n" + std::string(100, '\n') + "1,1.1.1.1\n2,2.2.2.2\n";
    const std::string no_key = "Count\n" + std::string(200, '\n');
    Scan scan(best_kernels());
    for (const std::string& text : {rows, no_key}) {
        for (std::uint64_t end = 0; end < text.size(); end += 9) {
            for (const std::uint64_t start : {0U, 50U, 120U}) {
                const InMemory memory(text, end);
                const SplitResult result = read_split(scan.scanner, memory, 0, {start, text.size()}, kNobody);
                CHECK(result.open_status == OpenStatus::not_readable && result.number == InMemory::kErrno &&
                      !result.has_rows);
            }
        }
    }
    CHECK(scan.lines().empty());
}

}  // namespace

int main() {
    reference::Random random(5);
    Tally quoted, plain;
    for (int turn = 0; turn < 80; ++turn) {
        every_size(random, true, quoted);
        every_size(random, false, plain);
    }
    CHECK(plain.right > 500 && plain.wrong == 0);
    CHECK(quoted.right > 500 && quoted.wrong > 0);
    a_wrong_guess_is_seen();
    only_the_first_split_reports_other_formats();
    changed_and_missing_files_are_reported();
    read_errors_are_reported();
}
