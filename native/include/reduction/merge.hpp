// Merges sorted partials, in memory that does not grow with them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
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

// What may stand behind the first comma of a partial's lines, and the environment that such a row is of. Rows
// without one are checked like all others and then dropped.
struct Ending {
    std::string text;
    std::optional<std::string> environment;
};

// A partial is not what its manifest says; `index` is its place in the list.
struct DamagedPartial : std::runtime_error {
    DamagedPartial(std::size_t of, const std::string& what) : std::runtime_error(what), index(of) {}
    std::size_t index;
};

// Writes the distinct rows of all partials, sorted, without a header. A partial has the header of a result, or that
// and a column `Cut File`; its rows are sorted by address, then by the place of their ending in `endings`, which are
// all that may occur. Those of one environment stand together there, and the environments in byte order.
// Returns the number of rows of each environment. Throws DamagedPartial, or std::invalid_argument for `endings`.
std::map<std::string, std::uint64_t> merge_partials(const std::vector<Partial>& partials,
                                                    const std::vector<Ending>& endings,
                                                    const std::function<void(std::string_view)>& out);

}  // namespace reduction
