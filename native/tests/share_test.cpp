// A share gives the same, on every instruction set and however the bytes are cut.
#include "reduction/share.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>

#include "check.hpp"
#include "naive.hpp"

using namespace reduction;

namespace {

struct Outcome {
    FileBooks books;
    std::string lines;
};

Outcome outcome_of(const Routines& routines, const std::string& text, naive::Random& random, bool cut) {
    Share share(2, 5, routines, 6);  // so few that addresses displace each other
    share.begin("Asia Prod");
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = std::min(text.size() - at, cut ? 1 + random.below(100) : text.size());
        if (!share.feed(reinterpret_cast<const std::uint8_t*>(text.data()) + at, size)) break;
        at += size;
    }
    Outcome outcome;
    outcome.books = share.end();
    share.write([&](std::string_view lines) { outcome.lines += lines; });
    return outcome;
}

void same(const Outcome& a, const Outcome& b) {
    CHECK(a.lines == b.lines);
    CHECK(a.books.verdict == b.books.verdict && a.books.line == b.books.line && a.books.header == b.books.header);
    CHECK(a.books.read == b.books.read && a.books.valid == b.books.valid);
    CHECK(std::equal(a.books.rejected, a.books.rejected + kReasons, b.books.rejected));
}

}  // namespace

int main() {
    naive::Random random(11);
    for (int turn = 0; turn < 1000; ++turn) {
        std::string text = "Count,Source IP\n";
        const std::size_t rows = random.below(12000);
        while (text.size() < rows) {
            switch (random.below(8)) {
                case 0: text += random.text(",\"\n\r1.a", random.below(20)); break;
                case 1: text += "\"a\n,b\",::" + std::to_string(random.below(9)) + "\n"; break;
                case 2: text += std::string(random.below(300), 'x') + ",\"1.1.1.1\"\r\n"; break;
                default: text += "7,10.0.0." + std::to_string(random.below(256)) + "\n"; break;
            }
        }
        if (random.below(10) == 0) text += '\0';
        const Outcome expected = outcome_of(*routines_named("portable"), text, random, false);
        if (expected.books.verdict == Verdict::taken) {
            const auto& rejected = expected.books.rejected;
            CHECK(expected.books.read == expected.books.valid + rejected[0] + rejected[1] + rejected[2]);
        }
        for (const Routines* const routines : runnable_routines()) {
            same(outcome_of(*routines, text, random, true), expected);
        }
    }
}
