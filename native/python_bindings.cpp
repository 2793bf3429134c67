// The one file that knows both Python and C++. The types are written down in src/reduction/_kernel.pyi.
#include <nanobind/nanobind.h>
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

#include "reduction/addresses.hpp"
#include "reduction/file_output.hpp"
#include "reduction/file_reader.hpp"
#include "reduction/host_search.hpp"
#include "reduction/host_windows.hpp"
#include "reduction/log_lines.hpp"
#include "reduction/merge.hpp"
#include "reduction/piece_reader.hpp"
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

const reduction::Routines& routines_of(const std::string& instruction_set) {
    if (instruction_set.empty()) return reduction::routines();
    const reduction::Routines* const found = reduction::routines_named(instruction_set.c_str());
    if (found == nullptr) throw nb::value_error("this instruction set is not built or cannot run here");
    return *found;
}

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

nb::tuple piece_as_tuple(const reduction::Piece& piece) {
    const nb::object rows = piece.has_rows
        ? nb::object(nb::make_tuple(piece.first, piece.end, piece.books.line_ends)) : nb::object(nb::none());
    return nb::make_tuple(static_cast<int>(piece.opening), piece.number, rows, books_as_tuple(piece.books));
}

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
        const reduction::CutUnit unit{files.all[index], cut_file, start, stop};
        reduction::Piece piece;
        {
            nb::gil_scoped_release release;
            piece = reduction::read_piece(share_, unit, [&](std::uint64_t bytes) {
                nb::gil_scoped_acquire acquire;
                progress(bytes);
            });
        }
        return piece_as_tuple(piece);
    }

    nb::tuple read_piece_in_parts(const nb::callable& part, const std::string& environment, std::int64_t cut_file,
                                  std::uint64_t start, std::uint64_t stop, const nb::callable& progress) {
        const BytesInParts bytes(part);
        reduction::Piece piece;
        {
            nb::gil_scoped_release release;
            piece = reduction::read_piece(share_, bytes, {environment, cut_file, start, stop}, [&](std::uint64_t count) {
                nb::gil_scoped_acquire acquire;
                progress(count);
            });
        }
        return piece_as_tuple(piece);
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

// The bytes of any object that lends them, for as long as this lives.
class Bytes {
public:
    explicit Bytes(nb::handle lender) {
        if (PyObject_GetBuffer(lender.ptr(), &buffer_, PyBUF_SIMPLE) != 0) throw nb::python_error();
    }
    ~Bytes() { PyBuffer_Release(&buffer_); }
    Bytes(const Bytes&) = delete;
    Bytes& operator=(const Bytes&) = delete;

    std::string_view text() const {
        return {static_cast<const char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
    }

private:
    Py_buffer buffer_;
};

nb::bytes as_bytes(std::string_view text) { return nb::bytes(text.data(), text.size()); }

nb::dict partners_as_dict(const reduction::Partners& partners) {
    nb::dict found;
    for (const auto& [name, first] : partners) {
        found[as_bytes(name)] = nb::make_tuple(first.time_ms, first.offset);
    }
    return found;
}

// A search whose long work lets other threads run.
class PyHostSearch {
public:
    PyHostSearch(const nb::bytes& host, std::uint64_t start_ms, std::uint64_t end_ms, std::uint64_t lateness_ms,
                 std::uint64_t newest_ms, std::size_t examples, const std::string& instruction_set)
        : search_({host.c_str(), host.size()}, start_ms, end_ms, lateness_ms, newest_ms, examples,
                  routines_of(instruction_set)) {}

    void feed(nb::handle block, std::uint64_t offset) {
        const Bytes bytes(block);
        nb::gil_scoped_release release;
        search_.feed(bytes.text(), offset);
    }

    nb::tuple books() const {
        const reduction::SearchBooks& books = search_.books();
        nb::list examples;
        for (const reduction::MalformedLine& line : books.examples) {
            examples.append(nb::make_tuple(name_of(line.kind), line.line, line.offset,
                                           as_bytes(line.text)));
        }
        nb::dict lines;
        for (std::size_t kind = 0; kind < reduction::kLineKinds; ++kind) {
            lines[nb::str(reduction::kLineKindNames[kind])] = books.lines[kind];
        }
        nb::object late = nb::none();
        if (books.late) {
            late = nb::make_tuple(books.late->line, books.late->offset, books.late->time_ms,
                                  books.late->newest_ms);
        }
        return nb::make_tuple(lines, examples, books.oldest_ms, books.newest_ms, late,
                              partners_as_dict(books.outgoing), partners_as_dict(books.incoming));
    }

private:
    static nb::str name_of(reduction::LineKind kind) {
        return nb::str(reduction::kLineKindNames[static_cast<std::size_t>(kind)]);
    }

    reduction::HostSearch search_;
};

nb::object parse_log_line(const nb::bytes& line) {
    const reduction::LogLine parsed = reduction::parse_log_line({line.c_str(), line.size()});
    if (parsed.kind == reduction::LineKind::blank) return nb::none();
    if (parsed.kind != reduction::LineKind::connection) {
        return nb::str(reduction::kLineKindNames[static_cast<std::size_t>(parsed.kind)]);
    }
    return nb::make_tuple(parsed.time_ms, nb::bytes(parsed.source.data(), parsed.source.size()),
                          nb::bytes(parsed.target.data(), parsed.target.size()));
}

nb::dict by_fault(const reduction::MalformedCounts& malformed) {
    nb::dict counts;
    for (std::size_t kind = 0; kind < reduction::kLineKinds; ++kind) {
        if (malformed.of[kind] > 0) counts[reduction::kLineKindNames[kind]] = malformed.of[kind];
    }
    return counts;
}

nb::list closed_as_tuples(const std::vector<reduction::ClosedWindow>& windows) {
    nb::list closed;
    for (const reduction::ClosedWindow& window : windows) {
        closed.append(nb::make_tuple(window.start_ms, window.lines, window.late, by_fault(window.malformed),
                                     as_bytes(window.outgoing), as_bytes(window.incoming), as_bytes(window.busiest),
                                     window.connections));
    }
    return closed;
}

// Windows over a log. Long work lets other threads run.
class PyHostWindows {
public:
    PyHostWindows(const nb::bytes& host, std::uint64_t window_ms, std::uint64_t lateness_ms, std::size_t examples)
        : windows_(std::string(host.c_str(), host.size()), window_ms, lateness_ms, examples) {}
    PyHostWindows(const PyHostWindows&) = delete;
    PyHostWindows& operator=(const PyHostWindows&) = delete;

    nb::tuple feed(const nb::bytes& block) {
        const std::string_view text(block.c_str(), block.size());
        reduction::Fed fed;
        {
            nb::gil_scoped_release release;
            fed = windows_.feed(text);
        }
        nb::list examples;
        for (const reduction::MalformedLine& example : fed.examples) {
            examples.append(nb::make_tuple(reduction::kLineKindNames[static_cast<std::size_t>(example.kind)],
                                           example.line, example.offset, as_bytes(example.text)));
        }
        return nb::make_tuple(closed_as_tuples(fed.closed), examples);
    }

    nb::list close_all() {
        std::vector<reduction::ClosedWindow> closed;
        {
            nb::gil_scoped_release release;
            closed = windows_.close_all();
        }
        return closed_as_tuples(closed);
    }

    nb::list standing() const { return closed_as_tuples(windows_.standing()); }

    nb::tuple unreported() const { return nb::make_tuple(windows_.late(), by_fault(windows_.malformed())); }

    bool has_open() const { return windows_.has_open(); }

    void save(const nb::callable& out) const {
        windows_.save([&](std::string_view piece) { out(nb::bytes(piece.data(), piece.size())); });
    }

    void restore(const nb::callable& read) {
        const bool is_whole = windows_.restore([&](char* to, std::size_t size) {
            const auto piece = nb::cast<nb::bytes>(read(size));
            if (piece.size() != size) return false;
            std::memcpy(to, piece.c_str(), size);
            return true;
        });
        if (!is_whole) throw nb::value_error("these are not the bytes of saved windows");
    }

private:
    reduction::HostWindows windows_;
};

}  // namespace

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
    module.def("parse_log_line", &parse_log_line, "line"_a);
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
        .def("read_piece", &PyShare::read_piece, "files"_a, "index"_a, "cut_file"_a, "start"_a, "stop"_a, "progress"_a)
        .def("read_piece_in_parts", &PyShare::read_piece_in_parts, "part"_a, "environment"_a, "cut_file"_a, "start"_a,
             "stop"_a, "progress"_a)
        .def("begin", &PyShare::begin, "environment"_a, "cut_file"_a = reduction::kNotCut)
        .def("feed", &PyShare::feed, "data"_a)
        .def("settle", &PyShare::settle)
        .def("end", &PyShare::end)
        .def("abandon", &PyShare::abandon)
        .def("write", &PyShare::write, "descriptor"_a, "crc32"_a);
    nb::class_<PyHostWindows>(module, "HostWindows")
        .def(nb::init<const nb::bytes&, std::uint64_t, std::uint64_t, std::size_t>(), "host"_a, "window_ms"_a,
             "lateness_ms"_a, "examples"_a)
        .def("feed", &PyHostWindows::feed, "block"_a)
        .def("close_all", &PyHostWindows::close_all)
        .def("standing", &PyHostWindows::standing)
        .def("unreported", &PyHostWindows::unreported)
        .def("has_open", &PyHostWindows::has_open)
        .def("save", &PyHostWindows::save, "out"_a)
        .def("restore", &PyHostWindows::restore, "read"_a);
    nb::class_<PyHostSearch>(module, "HostSearch")
        .def(nb::init<const nb::bytes&, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t, std::size_t,
                      const std::string&>(),
             "host"_a, "start_ms"_a, "end_ms"_a, "lateness_ms"_a, "newest_ms"_a, "examples"_a, "instruction_set"_a = "")
        .def("feed", &PyHostSearch::feed, "block"_a, "offset"_a)
        .def("books", &PyHostSearch::books);
}
