// Any bytes may come as a file; the best routines and the portable ones say the same of them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "reduction/share.hpp"

namespace {

std::string outcome_of(const reduction::Routines& routines, const std::uint8_t* data, std::size_t size, std::size_t piece) {
    reduction::Share share(4, 5, routines, 6);
    share.begin("Asia Prod");
    for (std::size_t at = 0; at < size; at += piece) {
        if (!share.feed(data + at, std::min(piece, size - at))) break;
    }
    const reduction::FileBooks books = share.end();
    std::string told = std::to_string(static_cast<int>(books.verdict)) + " " + std::to_string(books.line) + " " +
                       std::to_string(books.read) + " " + std::to_string(books.valid) + books.header;
    for (const auto& example : books.examples) told += " " + std::to_string(example.line) + example.text;
    share.write([&](std::string_view lines) { told += lines; });
    return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t piece = 1 + data[0];
    if (outcome_of(reduction::routines(), data + 1, size - 1, piece) !=
        outcome_of(*reduction::routines_named("portable"), data + 1, size - 1, size)) {
        std::abort();
    }
    return 0;
}
