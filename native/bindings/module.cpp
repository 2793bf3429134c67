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

// The files of a share, in their order.
struct Files {
    std::vector<reduction::Listed> all;

    void add(const nb::bytes& path, std::string environment, std::uint64_t size, std::int64_t modified_ns) {
        all.push_back({{path.c_str(), path.size()}, std::move(environment), size, modified_ns});
    }
};

// Lets Python handle a signal that came while the kernel worked; what its handler raises is thrown. For the main
// thread: in any other this does nothing.
void let_signals_in() {
    nb::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

// Rows by environment, the bytes that were written and the CRC-32 of the file up to there.
using Written = std::tuple<std::map<std::string, std::uint64_t>, std::uint64_t, std::uint32_t>;

// Bytes that Python hands out in parts, all of them of the listed version: that is its affair. Made and destroyed with the
// interpreter held; what is in a part is copied without.
class BytesInParts final : public reduction::ListedBytes {
public:
    explicit BytesInParts(const nb::callable& part) : part_(part) {}

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
        if (told.is_none()) throw reduction::NotReadable{EIO};
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
class PyShare {
public:
    PyShare(std::size_t compact_at_rows, std::size_t examples_a_file, const std::string& instruction_set,
            const std::optional<std::size_t>& memory, const nb::object& new_file)
        : share_(compact_at_rows, examples_a_file, routines_of(instruction_set), reduction::Lately::kMostBits,
                 reduction::Share::kSliceBytes, memory_of(memory, new_file)) {}
    PyShare(const PyShare&) = delete;
    PyShare& operator=(const PyShare&) = delete;

    nb::tuple read_quietly(const Files& files, std::size_t first, std::size_t stop, const nb::callable& begins,
                           const nb::callable& progress) {
        if (first > stop || stop > files.all.size()) throw nb::index_error("no such files");
        reduction::QuietRun run;
        {
            nb::gil_scoped_release release;
            run = reduction::read_quietly(
                share_, files.all, first, stop,
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
            told = nb::make_tuple(static_cast<int>(run.told->opening), run.told->number,
                                  books_as_tuple(run.told->books));
        }
        return nb::make_tuple(run.files, run.bytes, run.rows, told);
    }

    nb::tuple read_piece(const Files& files, std::size_t index, std::int64_t cut_file, std::uint64_t start,
                         std::uint64_t stop, const nb::callable& progress) {
        if (index >= files.all.size()) throw nb::index_error("no such file");
        return told_of_piece(progress, [&](const auto& tell) {
            return reduction::read_piece(share_, files.all[index], {cut_file, start, stop}, tell);
        });
    }

    nb::tuple read_piece_in_parts(const nb::callable& part, const std::string& environment, std::int64_t cut_file,
                                  std::uint64_t start, std::uint64_t stop, const nb::callable& progress) {
        const BytesInParts bytes(part);
        return told_of_piece(progress, [&](const auto& tell) {
            return reduction::read_piece(share_, bytes, environment, {cut_file, start, stop}, tell);
        });
    }

    void begin(const std::string& environment, std::int64_t cut_file) { share_.begin(environment, cut_file); }

    bool feed(const nb::bytes& data) {
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(data.c_str());
        const std::size_t size = data.size();
        nb::gil_scoped_release release;
        return share_.feed(bytes, size);
    }

    bool settle() { return share_.settle(); }

    nb::tuple end() { return books_as_tuple(share_.end()); }

    void abandon() { share_.abandon(); }

    // Rows by environment and cut file, the bytes that were written and the CRC-32 of the file up to there.
    nb::tuple write(int descriptor, std::uint32_t crc32) {
        std::map<reduction::Source, std::uint64_t> rows;
        reduction::FileOutput file(descriptor, crc32);
        {
            nb::gil_scoped_release release;
            rows = share_.write([&](std::string_view lines) {
                file.write(lines);
                let_signals_in();
            });
        }
        nb::list told;
        for (const auto& [source, count] : rows) {
            told.append(nb::make_tuple(source.environment, source.cut_file, count));
        }
        return nb::make_tuple(told, file.bytes(), file.crc32());
    }

private:
    // What `read` returns, which is told how to tell Python of bytes read.
    template <typename Read>
    static nb::tuple told_of_piece(const nb::callable& progress, const Read& read) {
        reduction::Piece piece;
        {
            nb::gil_scoped_release release;
            piece = read([&](std::uint64_t bytes) {
                nb::gil_scoped_acquire acquire;
                progress(bytes);
            });
        }
        const nb::object rows = piece.has_rows
            ? nb::object(nb::make_tuple(piece.first, piece.end, piece.books.line_ends)) : nb::object(nb::none());
        return nb::make_tuple(static_cast<int>(piece.opening), piece.number, rows, books_as_tuple(piece.books));
    }

    static reduction::Memory memory_of(const std::optional<std::size_t>& bytes, const nb::object& new_file) {
        reduction::Memory memory;
        if (!bytes) return memory;
        memory.bytes = *bytes;
        memory.new_file = [new_file] {
            nb::gil_scoped_acquire acquire;
            return nb::cast<int>(new_file());
        };
        return memory;
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

const reduction::Routines& routines_of(const std::string& instruction_set) {
    if (instruction_set.empty()) return reduction::routines();
    const reduction::Routines* const found = reduction::routines_named(instruction_set.c_str());
    if (found == nullptr) throw nb::value_error("this instruction set is not built or cannot run here");
    return *found;
}

NB_MODULE(_kernel, module) {
    static PyObject* const damaged = PyErr_NewException("reduction._kernel.DamagedPartial", PyExc_Exception, nullptr);
    module.attr("DamagedPartial") = nb::handle(damaged);
    static PyObject* const spill_failed = PyErr_NewException("reduction._kernel.SpillFailed", PyExc_Exception, nullptr);
    module.attr("SpillFailed") = nb::handle(spill_failed);
    nb::register_exception_translator(
        [](const std::exception_ptr& error, void*) {
            try {
                std::rethrow_exception(error);
            } catch (const reduction::DamagedPartial& fault) {
                PyErr_SetObject(damaged, nb::make_tuple(fault.index, fault.what()).ptr());
            } catch (const reduction::SpillFailed& fault) {
                PyErr_SetObject(spill_failed, nb::make_tuple(fault.code().value(), fault.code().message()).ptr());
            } catch (const std::system_error& fault) {
                PyErr_SetObject(PyExc_OSError, nb::make_tuple(fault.code().value(), fault.code().message()).ptr());
            }
        });
    module.doc() = "The native kernel; src/reduction/_kernel.pyi has its types.";
    module.attr("NOT_CUT") = reduction::kNotCut;
    module.def("version", &reduction::version);
    module.def("instruction_set", [] { return reduction::routines().name; });
    module.def("canonical", &canonical, "field"_a);
    module.def("merge", &merge, "partials"_a, "endings"_a, "descriptor"_a, "crc32"_a, "threads"_a = 1,
               "block"_a = reduction::MergeOptions{}.block);
    nb::class_<Files>(module, "Files")
        .def(nb::init<>())
        .def("add", &Files::add, "path"_a, "environment"_a, "size"_a, "modified_ns"_a);
    nb::class_<PyShare>(module, "Share")
        .def(nb::init<std::size_t, std::size_t, const std::string&, const std::optional<std::size_t>&, const nb::object&>(),
             "compact_at_rows"_a, "examples_a_file"_a, "instruction_set"_a = "", "memory"_a = nb::none(),
             "new_file"_a = nb::none())
        .def("read_quietly", &PyShare::read_quietly, "files"_a, "first"_a, "stop"_a, "begins"_a, "progress"_a)
        .def("read_piece", &PyShare::read_piece, "files"_a, "index"_a, "split_file_id"_a, "start"_a, "stop"_a, "progress"_a)
        .def("read_piece_in_parts", &PyShare::read_piece_in_parts, "part"_a, "environment"_a, "split_file_id"_a, "start"_a,
             "stop"_a, "progress"_a)
        .def("begin", &PyShare::begin, "environment"_a, "split_file_id"_a = reduction::kNotCut)
        .def("feed", &PyShare::feed, "data"_a)
        .def("settle", &PyShare::settle)
        .def("end", &PyShare::end)
        .def("abandon", &PyShare::abandon)
        .def("write", &PyShare::write, "descriptor"_a, "crc32"_a);
    bind_hosts(module);
}
