// The Host processor's part of the module. The types are written down in src/reduction/_kernel.pyi.
#include "bindings.hpp"

#include <nanobind/stl/string.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "reduction/hosts/host_search.hpp"
#include "reduction/hosts/host_windows.hpp"
#include "reduction/hosts/log_lines.hpp"

using namespace nb::literals;

namespace {

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
                  kernels_for(instruction_set)) {}

    void feed(nb::handle block, std::uint64_t offset) {
        const Bytes bytes(block);
        nb::gil_scoped_release release;
        search_.feed(bytes.text(), offset);
    }

    nb::tuple stats() const {
        const reduction::ScanStats& stats = search_.stats();
        nb::list examples;
        for (const reduction::MalformedLine& line : stats.examples) {
            examples.append(nb::make_tuple(name_of(line.kind), line.line, line.offset,
                                           as_bytes(line.text)));
        }
        nb::dict lines;
        for (std::size_t kind = 0; kind < reduction::kLineKinds; ++kind) {
            lines[nb::str(reduction::kLineKindNames[kind])] = stats.lines[kind];
        }
        nb::object late = nb::none();
        if (stats.late) {
            late = nb::make_tuple(stats.late->line, stats.late->offset, stats.late->time_ms,
                                  stats.late->newest_ms);
        }
        return nb::make_tuple(lines, examples, stats.oldest_ms, stats.newest_ms, late,
                              partners_as_dict(stats.outgoing), partners_as_dict(stats.incoming));
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

nb::dict by_reason(const reduction::MalformedCounts& malformed) {
    nb::dict counts;
    for (std::size_t kind = 0; kind < reduction::kLineKinds; ++kind) {
        if (malformed.of[kind] > 0) counts[reduction::kLineKindNames[kind]] = malformed.of[kind];
    }
    return counts;
}

nb::list closed_as_tuples(const std::vector<reduction::ClosedWindow>& windows) {
    nb::list closed;
    for (const reduction::ClosedWindow& window : windows) {
        closed.append(nb::make_tuple(window.start_ms, window.lines, window.late, by_reason(window.malformed),
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
        reduction::FeedResult fed;
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

    nb::tuple unreported() const { return nb::make_tuple(windows_.late(), by_reason(windows_.malformed())); }

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

void bind_hosts(nb::module_& module) {
    module.def("parse_log_line", &parse_log_line, "line"_a);
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
        .def("stats", &PyHostSearch::stats);
}
