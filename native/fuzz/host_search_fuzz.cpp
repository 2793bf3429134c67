// Any bytes may come as a log; the best routines and the portable ones say the same of them.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "reduction/hosts/host_search.hpp"

namespace {

std::string outcome_of(const reduction::Routines& routines, std::string_view log) {
    reduction::HostSearch search("a", 1565647200000, 1565647209999, 1000, 0, 3, routines);
    search.feed(log, 0);
    const reduction::SearchBooks& books = search.books();
    std::string told = std::to_string(books.oldest_ms) + " " + std::to_string(books.newest_ms);
    for (const std::uint64_t lines : books.lines) told += " " + std::to_string(lines);
    for (const auto& example : books.examples) told += " " + std::to_string(example.offset) + example.text;
    if (books.late) told += " late " + std::to_string(books.late->offset);
    for (const auto* const partners : {&books.outgoing, &books.incoming}) {
        std::map<std::string, std::uint64_t> sorted;
        for (const auto& [name, first] : *partners) sorted[name] = first.offset;
        for (const auto& [name, offset] : sorted) told += " " + name + std::to_string(offset);
    }
    return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view log(reinterpret_cast<const char*>(data), size);
    if (outcome_of(reduction::routines(), log) != outcome_of(*reduction::routines_named("portable"), log)) std::abort();
    return 0;
}
