// Merges sorted partials, in memory that does not grow with them.
#pragma once

#include <cstddef>
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
struct RowSuffix {
    std::string text;
    std::optional<std::string> environment;
};

// A partial is not what its manifest says; `index` is its place in the list.
struct DamagedPartial : std::runtime_error {
    DamagedPartial(std::size_t of, const std::string& what) : std::runtime_error(what), index(of) {}
    std::size_t index;
};

// How a merge works; what comes out does not depend on it.
struct MergeOptions {
    std::size_t threads = 1;         // that work at a time, this one with them
    std::size_t block = 1 << 19;     // bytes of all partials that a thread works on at a time
    std::function<void()> check_interrupt;  // called now and then by this thread; what it throws ends the merge
};

// Writes the distinct rows of all partials, sorted, without a header. A partial has the header of a result, or that
// and a column `Split File`; its rows are sorted by address, then by the place of their suffix in `suffixes`, which are
// all that may occur. Those of one environment stand together there, and the environments in byte order.
//
// `out` is called by one thread at a time, not always by this one. Other threads live only inside the call. A thread
// holds about seven times options.block, and all threads together one block more. A block is larger only if there are
// so many partials that 4 KiB of each are more, or one address has more rows.
// Returns the number of rows of each environment. Throws DamagedPartial, std::invalid_argument for `suffixes`, and what
// `out` and `check_interrupt` throw; all threads have ended then.
std::map<std::string, std::uint64_t> merge_partials(const std::vector<Partial>& partials,
                                                    const std::vector<RowSuffix>& suffixes,
                                                    const std::function<void(std::string_view)>& out,
                                                    const MergeOptions& options = {});

}  // namespace reduction
