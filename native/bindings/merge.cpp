// Merging of partials.
#include "reduction/merge/merge.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "bindings.hpp"
#include "written.hpp"

#include "reduction/io/file_output.hpp"

using namespace nb::literals;

namespace {

constexpr const char* kMergeDoc =
    R"(Merge partials and append the lines of their distinct rows to an open file.

`partials` are (path, size, CRC-32) from their manifests; each begins with one of `headers`. `row_suffixes` are all
texts that may follow the first comma of a row, in the order in which rows of one address are sorted. Each has the
index of the text in `outputs` that replaces it, or None: such rows are checked and dropped. These indexes must not
decrease. `crc32` is that of the bytes that are already in the file. `threads`, and `block_bytes` that each of them
works on at a time, do not change the result.

Returns the number of rows of each output. Raises `DamagedPartial`, `OSError` if the file cannot be written,
`ValueError` for wrong indexes, and whatever the handler of a signal raises.)";

Written merge(const std::vector<std::tuple<nb::bytes, std::uint64_t, std::uint32_t>>& partials,
              const std::vector<nb::bytes>& headers,
              const std::vector<std::tuple<std::string, std::optional<std::size_t>>>& row_suffixes,
              std::vector<std::string> outputs, int descriptor, std::uint32_t crc32, std::size_t threads,
              std::size_t block_bytes) {
    reduction::MergeInput input;
    for (const auto& [path, size, crc32_of_partial] : partials) {
        input.partials.push_back({std::string(path.c_str(), path.size()), size, crc32_of_partial});
    }
    for (const nb::bytes& header : headers) input.headers.emplace_back(header.c_str(), header.size());
    for (const auto& [text, output] : row_suffixes) input.suffixes.push_back({text, output});
    input.outputs = std::move(outputs);
    nb::gil_scoped_release release;
    reduction::FileOutput file(descriptor, crc32);
    auto rows =
        reduction::merge_partials(input, [&](std::string_view lines) { file.write(lines); },
                                  {.threads = threads, .block_bytes = block_bytes, .check_interrupt = check_signals});
    return {std::move(rows), file.bytes(), file.crc32()};
}

}  // namespace

void bind_merge(nb::module_& module) {
    module.def("merge", &merge, "partials"_a, "headers"_a, "row_suffixes"_a, "outputs"_a, "descriptor"_a, "crc32"_a,
               "threads"_a = 1, "block_bytes"_a = reduction::MergeOptions{}.block_bytes, kMergeDoc);
}
