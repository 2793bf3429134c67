// The Host processor's part of the module: searching logs of connections, and counting them in windows of time.
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.hpp"

#include "reduction/hosts/host_search.hpp"
#include "reduction/hosts/host_windows.hpp"
#include "reduction/hosts/log_lines.hpp"

using namespace nb::literals;
using reduction::HostSearch;
using reduction::HostWindows;

namespace {

std::string_view view_of(const nb::bytes& data) { return {data.c_str(), data.size()}; }

nb::str name_of(reduction::LineKind kind) { return nb::str(reduction::kLineKindNames[static_cast<std::size_t>(kind)]); }

// The bytes of any Python object that has a buffer, as long as this exists.
class Buffer {
public:
    explicit Buffer(nb::handle owner) {
        if (PyObject_GetBuffer(owner.ptr(), &buffer_, PyBUF_SIMPLE) != 0) throw nb::python_error();
    }
    ~Buffer() { PyBuffer_Release(&buffer_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    std::string_view text() const {
        return {static_cast<const char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
    }

private:
    Py_buffer buffer_;
};

// ---- lines ----------------------------------------------------------------------------------------------------

nb::object parse_log_line(const nb::bytes& line) {
    const reduction::LogLine parsed = reduction::parse_log_line(view_of(line));
    if (parsed.kind == reduction::LineKind::blank) return nb::none();
    if (parsed.kind != reduction::LineKind::connection) return name_of(parsed.kind);
    return nb::make_tuple(parsed.time_ms, to_bytes(parsed.source), to_bytes(parsed.target));
}

void bind_lines(nb::module_& module) {
    module.def("parse_log_line", &parse_log_line, "line"_a,
               nb::sig("def parse_log_line(line: bytes) -> tuple[int, bytes, bytes] | str | None"),
               "Return time, source and target of a log line, why it is malformed, or None for a blank line.");
    nb::class_<reduction::MalformedLine>(module, "MalformedLine", "A malformed line; `line` counts from 0.")
        .def_prop_ro("reason", [](const reduction::MalformedLine& self) { return name_of(self.kind); })
        .def_ro("line", &reduction::MalformedLine::line)
        .def_ro("offset", &reduction::MalformedLine::offset, "In bytes.")
        .def_prop_ro(
            "text", [](const reduction::MalformedLine& self) { return to_bytes(self.text); },
            "The beginning of the line.");
}

// ---- search ---------------------------------------------------------------------------------------------------

nb::dict partners_as_dict(const reduction::Partners& partners) {
    nb::dict by_name;
    for (const auto& [name, first] : partners) by_name[to_bytes(name)] = nb::make_tuple(first.time_ms, first.offset);
    return by_name;
}

nb::dict lines_by_kind(const reduction::ScanStats& stats) {
    nb::dict lines;
    for (std::size_t kind = 0; kind < reduction::kLineKinds; ++kind) {
        lines[reduction::kLineKindNames[kind]] = stats.lines[kind];
    }
    return lines;
}

void bind_search(nb::module_& module) {
    using reduction::LateLine;
    using reduction::ScanStats;
    nb::class_<LateLine>(module, "LateLine", "A line that is older than allowed.")
        .def_ro("line", &LateLine::line)
        .def_ro("offset", &LateLine::offset)
        .def_ro("time_ms", &LateLine::time_ms)
        .def_ro("newest_ms", &LateLine::newest_ms, "The newest time of the lines before it.");
    nb::class_<ScanStats>(module, "ScanStats", "The result of a search, so far.")
        .def_prop_ro("lines", &lines_by_kind, nb::sig("def lines(self) -> dict[str, int]"), "Lines by kind.")
        .def_ro("examples", &ScanStats::examples, "The first malformed lines of each reason.")
        .def_ro("oldest_ms", &ScanStats::oldest_ms, "2**64 - 1 without connections.")
        .def_ro("newest_ms", &ScanStats::newest_ms)
        .def_ro("late", &ScanStats::late, "The first line that is too late.")
        .def_prop_ro(
            "outgoing", [](const ScanStats& self) { return partners_as_dict(self.outgoing); },
            nb::sig("def outgoing(self) -> dict[bytes, tuple[int, int]]"),
            "Time and offset of the first connection to each host.")
        .def_prop_ro(
            "incoming", [](const ScanStats& self) { return partners_as_dict(self.incoming); },
            nb::sig("def incoming(self) -> dict[bytes, tuple[int, int]]"),
            "Time and offset of the first connection from each host.");
    nb::class_<HostSearch>(module, "HostSearch",
                           "Searches a log for the connections of one host in an interval of time.")
        .def(
            "__init__",
            [](HostSearch* self, const nb::bytes& host, std::uint64_t start_ms, std::uint64_t end_ms,
               std::uint64_t lateness_ms, std::uint64_t newest_ms, std::size_t examples,
               const std::string& instruction_set) {
                new (self) HostSearch(view_of(host), start_ms, end_ms, lateness_ms, newest_ms, examples,
                                      kernels_for(instruction_set));
            },
            "host"_a, "start_ms"_a, "end_ms"_a, "lateness_ms"_a, "newest_ms"_a, "examples"_a, "instruction_set"_a = "",
            "`newest_ms` is the newest time of the lines before the first one that will be fed, 0 if there are none.")
        .def(
            "feed",
            [](HostSearch& self, nb::handle block, std::uint64_t offset) {
                const Buffer bytes(block);
                nb::gil_scoped_release release;
                self.feed(bytes.text(), offset);
            },
            "block"_a, "offset"_a,
            nb::sig("def feed(self, block: bytes | bytearray | memoryview, offset: int) -> None"),
            "Search whole lines, the first of which is at `offset`. The last line of a file needs no line end.")
        .def("stats", &HostSearch::stats, nb::rv_policy::reference_internal);
}

// ---- windows --------------------------------------------------------------------------------------------------

nb::dict malformed_by_reason(const reduction::MalformedCounts& malformed) {
    nb::dict counts;
    for (std::size_t kind = 0; kind < reduction::kLineKinds; ++kind) {
        if (malformed.of[kind] > 0) counts[reduction::kLineKindNames[kind]] = malformed.of[kind];
    }
    return counts;
}

void restore(HostWindows& windows, const nb::callable& read) {
    const bool is_complete = windows.restore([&](char* to, std::size_t size) {
        const auto chunk = nb::cast<nb::bytes>(read(size));
        if (chunk.size() != size) return false;
        std::memcpy(to, chunk.c_str(), size);
        return true;
    });
    if (!is_complete) throw nb::value_error("these are not the bytes of saved windows");
}

void bind_windows(nb::module_& module) {
    using reduction::ClosedWindow;
    nb::class_<ClosedWindow>(module, "ClosedWindow", "A window of time; names are sorted and separated by LF.")
        .def_ro("start_ms", &ClosedWindow::start_ms)
        .def_ro("lines", &ClosedWindow::lines)
        .def_ro("late", &ClosedWindow::late, "Late lines since the previous window was closed.")
        .def_prop_ro(
            "malformed", [](const ClosedWindow& self) { return malformed_by_reason(self.malformed); },
            nb::sig("def malformed(self) -> dict[str, int]"),
            "Malformed lines by reason, since the previous window was closed.")
        .def_prop_ro("outgoing", [](const ClosedWindow& self) { return to_bytes(self.outgoing); })
        .def_prop_ro("incoming", [](const ClosedWindow& self) { return to_bytes(self.incoming); })
        .def_prop_ro("busiest", [](const ClosedWindow& self) { return to_bytes(self.busiest); })
        .def_ro("connections", &ClosedWindow::connections, "Of each of the busiest hosts.");
    nb::class_<reduction::FeedResult>(module, "FeedResult", "The result of feeding a block of lines.")
        .def_ro("closed", &reduction::FeedResult::closed)
        .def_ro("examples", &reduction::FeedResult::examples, "The first malformed lines of each reason.");
    nb::class_<HostWindows>(module, "HostWindows", "Counts connections in windows of time.")
        .def(
            "__init__",
            [](HostWindows* self, const nb::bytes& host, std::uint64_t window_ms, std::uint64_t lateness_ms,
               std::size_t examples) {
                new (self) HostWindows(std::string(view_of(host)), window_ms, lateness_ms, examples);
            },
            "host"_a, "window_ms"_a, "lateness_ms"_a, "examples"_a,
            "Keep up to `examples` malformed lines of each reason per block.")
        .def(
            "feed",
            [](HostWindows& self, const nb::bytes& block) {
                const std::string_view text = view_of(block);
                nb::gil_scoped_release release;
                return self.feed(text);
            },
            "block"_a, "Count whole lines; the last line of a file needs no line end.")
        .def("close_all", &HostWindows::close_all, nb::call_guard<nb::gil_scoped_release>(), "Close every open window.")
        .def("snapshot", &HostWindows::snapshot, "Return the open windows as if they were closed now.")
        .def(
            "unreported",
            [](const HostWindows& self) { return nb::make_tuple(self.late(), malformed_by_reason(self.malformed())); },
            nb::sig("def unreported(self) -> tuple[int, dict[str, int]]"),
            "Return the late and malformed lines that the next closed window will have.")
        .def("has_open", &HostWindows::has_open, "Return whether a window is open.")
        .def(
            "save",
            [](const HostWindows& self, const nb::callable& out) {
                self.save([&](std::string_view chunk) { out(to_bytes(chunk)); });
            },
            "out"_a, nb::sig("def save(self, out: collections.abc.Callable[[bytes], object]) -> None"),
            "Write everything as bytes, in chunks.")
        .def("restore", &restore, "read"_a,
             nb::sig("def restore(self, read: collections.abc.Callable[[int], bytes]) -> None"),
             "Restore what `save` wrote; `read` returns the next bytes, as many as requested. Raises ValueError.");
}

}  // namespace

void bind_hosts(nb::module_& module) {
    bind_lines(module);
    bind_search(module);
    bind_windows(module);
}
