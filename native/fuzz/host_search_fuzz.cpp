// For any log, the best kernels and the portable ones have the same result.
#include "reduction/hosts/host_search.hpp"

#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

namespace {

std::string outcome_of(const reduction::Kernels& kernels, std::string_view log) {
    reduction::HostSearch search("a", 1565647200000, 1565647209999, 1000, 0, 3, kernels);
    search.feed(log, 0);
    const reduction::ScanStats& stats = search.stats();
    std::string text = std::to_string(stats.oldest_ms) + " " + std::to_string(stats.newest_ms);
    for (const std::uint64_t lines : stats.lines) text += " " + std::to_string(lines);
    for (const auto& example : stats.examples) text += " " + std::to_string(example.offset) + example.text;
    if (stats.late) text += " late " + std::to_string(stats.late->offset);
    for (const auto* const partners : {&stats.outgoing, &stats.incoming}) {
        std::map<std::string, std::uint64_t> sorted;
        for (const auto& [name, first] : *partners) sorted[name] = first.offset;
        for (const auto& [name, offset] : sorted) text += " " + name + std::to_string(offset);
    }
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view log(reinterpret_cast<const char*>(data), size);
    if (outcome_of(reduction::best_kernels(), log) != outcome_of(*reduction::kernels_named("portable"), log))
        std::abort();
    return 0;
}
