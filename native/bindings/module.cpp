// The module, and what reduces and merges in it. The types are written down in src/reduction/_kernel.pyi.
#include "bindings.hpp"

#include <nanobind/stl/function.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "reduction/net/ip_address.hpp"
#include "reduction/io/file_output.hpp"
#include "reduction/csv/file_reader.hpp"
#include "reduction/merge/merge.hpp"
#include "reduction/csv/split_reader.hpp"
#include "reduction/simd/kernels.hpp"
#include "reduction/csv/scanner.hpp"
#include "reduction/io/version.hpp"

using namespace nb::literals;

namespace {

nb::tuple books_as_tuple(const reduction::FileStats& stats) {
    nb::list examples;
    for (const reduction::Example& example : stats.examples) {
        examples.append(nb::make_tuple(static_cast<int>(example.reason), example.line, example.fields, example.limit,
                                       nb::bytes(example.text.data(), example.text.size())));
    }
    return nb::make_tuple(static_cast<int>(stats.status), stats.line,
                          nb::bytes(stats.header.data(), stats.header.size()), stats.read, stats.valid,
                          nb::make_tuple(stats.rejected[0], stats.rejected[1], stats.rejected[2]), examples);
}

// The files of a scanner, in their order.
struct Files {
    std::vector<reduction::FileEntry> all;

    void add(const nb::bytes& path, std::string environment, std::uint64_t size, std::int64_t modified_ns) {
        all.push_back({{path.c_str(), path.size()}, std::move(environment), size, modified_ns});
    }
};

// Lets Python handle a signal that came while the kernel worked; what its handler raises is thrown. For the main
// thread: in any other this does nothing.
void check_signals() {
    nb::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

// Rows by environment, the bytes that were written and the CRC-32 of the file up to there.
using Written = std::tuple<std::map<std::string, std::uint64_t>, std::uint64_t, std::uint32_t>;

// Bytes that Python hands out in parts, all of them of the entry version: that is its affair. Made and destroyed with the
// interpreter held; what is in a part is copied without.
class PythonSource final : public reduction::RandomAccessSource {
public:
    explicit PythonSource(const nb::callable& part) : part_(part) {}

    std::optional<std::uint64_t> changed_size() const override { return std::nullopt; }

    std::size_t read_at(std::uint64_t at, std::uint8_t* to, std::size_t count) const override {
        std::size_t got = 0;
        while (got < count) {
            const std::uint64_t place = at + got;
            if (!holds(place)) ask_for(place);
            if (!holds(place)) break;  // there are no more
            const auto from = static_cast<std::size_t>(place - first_);
            const std::size_t some = std::min(count - got, text_.size() - from);
            std::memcpy(to + got, text_.data() + from, some);
            got += some;
        }
        return got;
    }

private:
    bool holds(std::uint64_t at) const { return at >= first_ && at - first_ < text_.size(); }

    void ask_for(std::uint64_t at) const {
        nb::gil_scoped_acquire acquire;
        const nb::object told = part_(at);
        if (told.is_none()) throw reduction::ReadError{EIO};
        const auto [first, data] = nb::cast<std::tuple<std::uint64_t, nb::bytes>>(told);
        data_ = data;
        first_ = first;
        text_ = {data_.c_str(), data_.size()};
        if (!text_.empty() && !holds(at)) throw nb::value_error("the part does not hold the place that was asked for");
    }

    nb::callable part_;
    mutable nb::bytes data_{"", 0};
    mutable std::uint64_t first_ = 0;
    mutable std::string_view text_;
};

// Long work lets other threads run; Python is only called back with the interpreter held.
class PyCsvScanner {
public:
    PyCsvScanner(std::size_t compact_at_rows, std::size_t examples_a_file, const std::string& instruction_set,
            const std::optional<std::size_t>& memory, const nb::object& open_temp)
        : scanner_(compact_at_rows, examples_a_file, kernels_for(instruction_set), reduction::RecentFilter::kMaxBits,
                 reduction::CsvScanner::kSliceBytes, memory_of(memory, open_temp)) {}
    PyCsvScanner(const PyCsvScanner&) = delete;
    PyCsvScanner& operator=(const PyCsvScanner&) = delete;

    nb::tuple read_clean_files(const Files& files, std::size_t first, std::size_t stop, const nb::callable& begins,
                           const nb::callable& progress) {
        if (first > stop || stop > files.all.size()) throw nb::index_error("no such files");
        reduction::CleanFiles run;
        {
            nb::gil_scoped_release release;
            run = reduction::read_clean_files(
                scanner_, files.all, first, stop,
                [&](std::size_t index) {
                    nb::gil_scoped_acquire acquire;
                    begins(index);
                },
                [&](std::uint64_t bytes) {
                    nb::gil_scoped_acquire acquire;
                    progress(bytes);
                });
        }
        nb::object told = nb::none();
        if (run.told) {
            told = nb::make_tuple(static_cast<int>(run.told->open_status), run.told->number,
                                  books_as_tuple(run.told->stats));
        }
        return nb::make_tuple(run.files, run.bytes, run.rows, told);
    }

    nb::tuple read_split(const Files& files, std::size_t index, std::int64_t split_file_id, std::uint64_t start,
                         std::uint64_t stop, const nb::callable& progress) {
        if (index >= files.all.size()) throw nb::index_error("no such file");
        return read_in_background(progress, [&](const auto& report) {
            return reduction::read_split(scanner_, files.all[index], {split_file_id, start, stop}, report);
        });
    }

    nb::tuple read_split_from(const nb::callable& part, const std::string& environment, std::int64_t split_file_id,
                                  std::uint64_t start, std::uint64_t stop, const nb::callable& progress) {
        const PythonSource bytes(part);
        return read_in_background(progress, [&](const auto& report) {
            return reduction::read_split(scanner_, bytes, environment, {split_file_id, start, stop}, report);
        });
    }

    void begin(const std::string& environment, std::int64_t split_file_id) { scanner_.begin(environment, split_file_id); }

    bool feed(const nb::bytes& data) {
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(data.c_str());
        const std::size_t size = data.size();
        nb::gil_scoped_release release;
        return scanner_.feed(bytes, size);
    }

    bool settle() { return scanner_.settle(); }

    nb::tuple end() { return books_as_tuple(scanner_.end()); }

    void abandon() { scanner_.abandon(); }

    // Rows by environment and split file, the bytes that were written and the CRC-32 of the file up to there.
    nb::tuple write(int descriptor, std::uint32_t crc32) {
        std::map<reduction::Source, std::uint64_t> rows;
        reduction::FileOutput file(descriptor, crc32);
        {
            nb::gil_scoped_release release;
            rows = scanner_.write([&](std::string_view lines) {
                file.write(lines);
                check_signals();
            });
        }
        nb::list told;
        for (const auto& [source, count] : rows) {
            told.append(nb::make_tuple(source.environment, source.split_file_id, count));
        }
        return nb::make_tuple(told, file.bytes(), file.crc32());
    }

private:
    // What `read` returns, which is told how to report Python of bytes read.
    template <typename Read>
    static nb::tuple read_in_background(const nb::callable& progress, const Read& read) {
        reduction::SplitResult result;
        {
            nb::gil_scoped_release release;
            result = read([&](std::uint64_t bytes) {
                nb::gil_scoped_acquire acquire;
                progress(bytes);
            });
        }
        const nb::object rows = result.has_rows
            ? nb::object(nb::make_tuple(result.first, result.end, result.stats.line_ends)) : nb::object(nb::none());
        return nb::make_tuple(static_cast<int>(result.open_status), result.number, rows, books_as_tuple(result.stats));
    }

    static reduction::Memory memory_of(const std::optional<std::size_t>& bytes, const nb::object& open_temp) {
        reduction::Memory memory;
        if (!bytes) return memory;
        memory.bytes = *bytes;
        memory.open_temp = [open_temp] {
            nb::gil_scoped_acquire acquire;
            return nb::cast<int>(open_temp());
        };
        return memory;
    }

    reduction::CsvScanner scanner_;
};

Written merge(const std::vector<std::tuple<nb::bytes, std::uint64_t, std::uint32_t>>& partials,
              const std::vector<std::tuple<std::string, std::optional<std::string>>>& suffixes, int descriptor,
              std::uint32_t crc32, std::size_t threads, std::size_t block) {
    std::vector<reduction::RowSuffix> expected;
    for (const auto& [text, environment] : suffixes) expected.push_back({text, environment});
    std::vector<reduction::Partial> known;
    for (const auto& [path, bytes, crc32_of_partial] : partials) {
        known.push_back({std::string(path.c_str(), path.size()), bytes, crc32_of_partial});
    }
    nb::gil_scoped_release release;
    reduction::FileOutput file(descriptor, crc32);
    auto rows = reduction::merge_partials(known, expected, [&](std::string_view lines) { file.write(lines); },
                                          {.threads = threads, .block = block, .check_interrupt = check_signals});
    return {std::move(rows), file.bytes(), file.crc32()};
}

nb::object canonical(const nb::bytes& text) {
    reduction::KeyText key;
    key.feed(reinterpret_cast<const std::uint8_t*>(text.c_str()), text.size());
    const reduction::Address address = key.address();
    char line[reduction::kLongestLine];
    const char* end = line;
    switch (address.kind) {
        case reduction::Kind::none:
            return nb::none();
        case reduction::Kind::ipv4:
            end = reduction::write_ipv4(line, address.ipv4);
            break;
        case reduction::Kind::ipv6:
            end = reduction::write_ipv6(line, address.ipv6);
            break;
    }
    return nb::str(line, static_cast<std::size_t>(end - line));
}

}  // namespace

const reduction::Kernels& kernels_for(const std::string& instruction_set) {
    if (instruction_set.empty()) return reduction::best_kernels();
    const reduction::Kernels* const found = reduction::kernels_named(instruction_set.c_str());
    if (found == nullptr) throw nb::value_error("this instruction set is not built or cannot run here");
    return *found;
}

NB_MODULE(_kernel, module) {
    static PyObject* const damaged = PyErr_NewException("reduction._kernel.DamagedPartial", PyExc_Exception, nullptr);
    module.attr("DamagedPartial") = nb::handle(damaged);
    static PyObject* const spill_failed = PyErr_NewException("reduction._kernel.SpillFailed", PyExc_Exception, nullptr);
    module.attr("SpillFailed") = nb::handle(spill_failed);
    nb::register_exception_translator(
        [](const std::exception_ptr& thrown, void*) {
            try {
                std::rethrow_exception(thrown);
            } catch (const reduction::DamagedPartial& error) {
                PyErr_SetObject(damaged, nb::make_tuple(error.index, error.what()).ptr());
            } catch (const reduction::SpillFailed& error) {
                PyErr_SetObject(spill_failed, nb::make_tuple(error.code().value(), error.code().message()).ptr());
            } catch (const std::system_error& error) {
                PyErr_SetObject(PyExc_OSError, nb::make_tuple(error.code().value(), error.code().message()).ptr());
            }
        });
    module.doc() = "The native kernel; src/reduction/_kernel.pyi has its types.";
    module.attr("WHOLE_FILE") = reduction::kWholeFile;
    module.def("version", &reduction::version);
    module.def("instruction_set", [] { return reduction::best_kernels().name; });
    module.def("canonical", &canonical, "field"_a);
    module.def("merge", &merge, "partials"_a, "row_suffixes"_a, "descriptor"_a, "crc32"_a, "threads"_a = 1,
               "block"_a = reduction::MergeOptions{}.block);
    nb::class_<Files>(module, "Files")
        .def(nb::init<>())
        .def("add", &Files::add, "path"_a, "environment"_a, "size"_a, "modified_ns"_a);
    nb::class_<PyCsvScanner>(module, "CsvScanner")
        .def(nb::init<std::size_t, std::size_t, const std::string&, const std::optional<std::size_t>&, const nb::object&>(),
             "compact_at_rows"_a, "examples_a_file"_a, "instruction_set"_a = "", "memory"_a = nb::none(),
             "open_temp"_a = nb::none())
        .def("read_clean_files", &PyCsvScanner::read_clean_files, "files"_a, "first"_a, "stop"_a, "on_file"_a, "progress"_a)
        .def("read_split", &PyCsvScanner::read_split, "files"_a, "index"_a, "split_file_id"_a, "start"_a, "stop"_a, "progress"_a)
        .def("read_split_from", &PyCsvScanner::read_split_from, "part"_a, "environment"_a, "split_file_id"_a, "start"_a,
             "stop"_a, "progress"_a)
        .def("begin", &PyCsvScanner::begin, "environment"_a, "split_file_id"_a = reduction::kWholeFile)
        .def("feed", &PyCsvScanner::feed, "data"_a)
        .def("settle", &PyCsvScanner::settle)
        .def("end", &PyCsvScanner::end)
        .def("abandon", &PyCsvScanner::abandon)
        .def("write", &PyCsvScanner::write, "descriptor"_a, "crc32"_a);
    bind_hosts(module);
}
