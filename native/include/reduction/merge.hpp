// Merges sorted partials, in memory that does not grow with them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace reduction {

// A partial as its manifest describes it.
struct Partial {
    std::string path;
    std::uint64_t bytes;
    std::uint32_t crc32;
};

// A partial is not what its manifest says; `index` is its place in the list.
struct DamagedPartial : std::runtime_error {
    DamagedPartial(std::size_t of, const std::string& what) : std::runtime_error(what), index(of) {}
    std::size_t index;
};

// Writes the distinct rows of all partials, sorted, without a header. `environments` are all that may occur,
// in byte order. Returns the number of rows of each. Throws DamagedPartial.
std::map<std::string, std::uint64_t> merge_partials(const std::vector<Partial>& partials,
                                                    const std::vector<std::string>& environments,
                                                    const std::function<void(std::string_view)>& out);

}  // namespace reduction
