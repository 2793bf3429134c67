// A share says of its files what its naive twin says, on every instruction set and however the bytes are cut.
#include "reduction/csv/scanner.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "check.hpp"
#include "reference.hpp"
#include "reference_scanner.hpp"

using namespace reduction;

namespace {

constexpr std::size_t kExamples = 5;
const std::string kEnvironments[] = {"Asia Prod", "Europe Test"};

std::string some_file(naive::Random& random, std::size_t length) {
    std::string text = random.below(10) == 0 ? "Count, \"Source IP\"\r\n" : "Count,Source IP\n";
    while (text.size() < length) {
        switch (random.below(8)) {
            case 0: text += random.text(",\"\n\r1.a", random.below(20)); break;
            case 1: text += "\"a\n,b\",::" + std::to_string(random.below(9)) + "\n"; break;
            case 2: text += std::string(random.below(300), 'x') + ",\"1.1.1.1\"\r\n"; break;
            default: text += "7,10.0.0." + std::to_string(random.below(256)) + "\n"; break;
        }
    }
    if (random.below(10) == 0) text += '\0';
    return text;
}

void compare(const Routines& routines, const std::vector<std::string>& files, naive::Random& random,
             std::size_t slice_bytes) {
    Share share(2, kExamples, routines, 6, slice_bytes);  // so few that addresses displace each other
    naive::Found expected;
    for (std::size_t i = 0; i < files.size(); ++i) {
        const std::string& environment = kEnvironments[i % 2];
        share.begin(environment);
        for (std::size_t at = 0; at < files[i].size();) {
            const std::size_t size = std::min(files[i].size() - at, 1 + random.below(2 * slice_bytes));
            if (!share.feed(reinterpret_cast<const std::uint8_t*>(files[i].data()) + at, size)) break;
            at += size;
        }
        naive::File file(environment, kExamples);
        const FileBooks books = share.end();
        const FileBooks expected_books = file.read(files[i]);
        CHECK(naive::told(books) == naive::told(expected_books));
        if (books.verdict != Verdict::taken) continue;
        CHECK(books.read == books.valid + books.rejected[0] + books.rejected[1] + books.rejected[2]);
        expected.insert(file.found().begin(), file.found().end());
    }
    std::string lines;
    share.write([&](std::string_view some) { lines += some; });
    CHECK(lines == naive::lines_of(expected));
}

}  // namespace

int main() {
    naive::Random random(11);
    for (int turn = 0; turn < 300; ++turn) {
        std::vector<std::string> files;
        for (std::size_t left = 1 + random.below(4); left > 0; --left) {
            files.push_back(some_file(random, random.below(turn % 50 == 0 ? 200000 : 4000)));
        }
        for (const Routines* const routines : runnable_routines()) {
            compare(*routines, files, random, kWord * (1 + random.below(5)));
            compare(*routines, files, random, Share::kSliceBytes);
        }
    }
}
