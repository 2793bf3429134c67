// The one file that knows both Python and C++. The types are written down in src/reduction/_kernel.pyi.
#include <nanobind/nanobind.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "reduction/addresses.hpp"
#include "reduction/file_output.hpp"
#include "reduction/file_reader.hpp"
#include "reduction/merge.hpp"
#include "reduction/routines.hpp"
#include "reduction/share.hpp"
#include "reduction/version.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

nb::tuple books_as_tuple(const reduction::FileBooks& books) {
    nb::list examples;
    for (const reduction::Example& example : books.examples) {
        examples.append(nb::make_tuple(static_cast<int>(example.reason), example.line, example.fields, example.limit,
                                       nb::bytes(example.text.data(), example.text.size())));
    }
    return nb::make_tuple(static_cast<int>(books.verdict), books.line,
                          nb::bytes(books.header.data(), books.header.size()), books.read, books.valid,
                          nb::make_tuple(books.rejected[0], books.rejected[1], books.rejected[2]), examples);
}

// Lets Python handle a signal that came while the kernel worked; what its handler raises is thrown. For the main
// thread: in any other this does nothing.
void let_signals_in() {
    nb::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

// Rows by environment, the bytes that were written and the CRC-32 of the file up to there.
using Written = std::tuple<std::map<std::string, std::uint64_t>, std::uint64_t, std::uint32_t>;

// Long work lets other threads run; Python is only called back with the
// interpreter held.
class PyShare {
public:
    PyShare(std::size_t compact_at_rows, std::size_t examples_a_file, const std::string& instruction_set)
        : share_(compact_at_rows, examples_a_file, named(instruction_set)) {}
    PyShare(const PyShare&) = delete;
    PyShare& operator=(const PyShare&) = delete;

    nb::tuple read_file(nb::bytes path, std::string environment, std::uint64_t size, std::int64_t modified_ns,
                        const nb::callable& progress) {
        const std::string name(path.c_str(), path.size());
        reduction::FileOutcome outcome;
        {
            nb::gil_scoped_release release;
            outcome = reduction::read_file(share_, name, environment, size, modified_ns, [&](std::uint64_t bytes) {
                nb::gil_scoped_acquire acquire;
                progress(bytes);
            });
        }
        return nb::make_tuple(static_cast<int>(outcome.opening), outcome.number, books_as_tuple(outcome.books));
    }

    void begin(const std::string& environment) { share_.begin(environment); }

    bool feed(const nb::bytes& data) {
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(data.c_str());
        const std::size_t size = data.size();
        nb::gil_scoped_release release;
        return share_.feed(bytes, size);
    }

    bool settle() { return share_.settle(); }

    nb::tuple end() { return books_as_tuple(share_.end()); }

    void abandon() { share_.abandon(); }

    Written write(int descriptor, std::uint32_t crc32) {
        nb::gil_scoped_release release;
        reduction::FileOutput file(descriptor, crc32);
        auto rows = share_.write([&](std::string_view lines) {
            file.write(lines);
            let_signals_in();
        });
        return {std::move(rows), file.bytes(), file.crc32()};
    }

private:
    static const reduction::Routines& named(const std::string& instruction_set) {
        if (instruction_set.empty()) return reduction::routines();
        const reduction::Routines* const found = reduction::routines_named(instruction_set.c_str());
        if (found == nullptr) throw nb::value_error("this instruction set is not built or cannot run here");
        return *found;
    }

    reduction::Share share_;
};

Written merge(const std::vector<std::tuple<nb::bytes, std::uint64_t, std::uint32_t>>& partials,
              const std::vector<std::tuple<std::string, std::optional<std::string>>>& endings, int descriptor,
              std::uint32_t crc32, std::size_t threads, std::size_t block) {
    std::vector<reduction::Ending> expected;
    for (const auto& [text, environment] : endings) expected.push_back({text, environment});
    std::vector<reduction::Partial> known;
    for (const auto& [path, bytes, crc32_of_partial] : partials) {
        known.push_back({std::string(path.c_str(), path.size()), bytes, crc32_of_partial});
    }
    nb::gil_scoped_release release;
    reduction::FileOutput file(descriptor, crc32);
    auto rows = reduction::merge_partials(known, expected, [&](std::string_view lines) { file.write(lines); },
                                          {.threads = threads, .block = block, .check_in = let_signals_in});
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
        case reduction::Kind::four:
            end = reduction::write_four(line, address.four);
            break;
        case reduction::Kind::six:
            end = reduction::write_six(line, address.six);
            break;
    }
    return nb::str(line, static_cast<std::size_t>(end - line));
}

}  // namespace

NB_MODULE(_kernel, module) {
    static PyObject* const damaged = PyErr_NewException("reduction._kernel.DamagedPartial", PyExc_Exception, nullptr);
    module.attr("DamagedPartial") = nb::handle(damaged);
    nb::register_exception_translator(
        [](const std::exception_ptr& error, void*) {
            try {
                std::rethrow_exception(error);
            } catch (const reduction::DamagedPartial& fault) {
                PyErr_SetObject(damaged, nb::make_tuple(fault.index, fault.what()).ptr());
            } catch (const std::system_error& fault) {
                PyErr_SetObject(PyExc_OSError, nb::make_tuple(fault.code().value(), fault.code().message()).ptr());
            }
        });
    module.doc() = "The native kernel; src/reduction/_kernel.pyi has its types.";
    module.def("version", &reduction::version);
    module.def("instruction_set", [] { return reduction::routines().name; });
    module.def("canonical", &canonical, "field"_a);
    module.def("merge", &merge, "partials"_a, "endings"_a, "descriptor"_a, "crc32"_a, "threads"_a = 1,
               "block"_a = reduction::MergeOptions{}.block);
    nb::class_<PyShare>(module, "Share")
        .def(nb::init<std::size_t, std::size_t, const std::string&>(), "compact_at_rows"_a, "examples_a_file"_a,
             "instruction_set"_a = "")
        .def("read_file", &PyShare::read_file, "path"_a, "environment"_a, "size"_a, "modified_ns"_a, "progress"_a)
        .def("begin", &PyShare::begin, "environment"_a)
        .def("feed", &PyShare::feed, "data"_a)
        .def("settle", &PyShare::settle)
        .def("end", &PyShare::end)
        .def("abandon", &PyShare::abandon)
        .def("write", &PyShare::write, "descriptor"_a, "crc32"_a);
}
