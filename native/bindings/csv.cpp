// Scanning of CSV files into an aggregator of distinct addresses.
#include <cctype>
#include <cerrno>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "bindings.hpp"
#include "written.hpp"

#include "reduction/csv/file_reader.hpp"
#include "reduction/csv/scanner.hpp"
#include "reduction/csv/split_reader.hpp"
#include "reduction/distinct/aggregator.hpp"
#include "reduction/io/file_output.hpp"

using namespace nb::literals;
using reduction::CsvScanner;
using reduction::DistinctAggregator;

namespace {

// ---- values ---------------------------------------------------------------------------------------------------

std::string upper_case(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

nb::dict rejected_by_reason(const reduction::FileStats& stats) {
    nb::dict rows;
    for (std::size_t i = 0; i < reduction::kReasons; ++i) {
        if (stats.rejected[i] > 0) rows[nb::cast(static_cast<reduction::Reason>(i))] = stats.rejected[i];
    }
    return rows;
}

void bind_stats(nb::module_& module) {
    nb::enum_<reduction::Reason> reasons(module, "Reason", "Why a row is rejected.");
    for (std::size_t i = 0; i < reduction::kReasons; ++i) {
        reasons.value(upper_case(reduction::kReasonNames[i]).c_str(), static_cast<reduction::Reason>(i));
    }
    nb::enum_<reduction::FileStatus>(module, "FileStatus", "Whether a file is accepted, or why it is not.")
        .value("ACCEPTED", reduction::FileStatus::accepted)
        .value("NO_KEY_COLUMN", reduction::FileStatus::no_key_column, "`FileStats.header` is the raw header")
        .value("NUL_BYTE", reduction::FileStatus::nul_byte, "in line `FileStats.line`")
        .value("OPEN_QUOTE", reduction::FileStatus::open_quote, "in the row that starts on line `FileStats.line`");
    nb::enum_<reduction::OpenStatus>(module, "OpenStatus", "What opening and reading a file's bytes came to.")
        .value("READ", reduction::OpenStatus::read, "the bytes were scanned")
        .value("COMPRESSED", reduction::OpenStatus::compressed, "an archive: feed its decompressed bytes")
        .value("CHANGED", reduction::OpenStatus::changed, "not what was listed; `number` is its size now")
        .value("NOT_OPENED", reduction::OpenStatus::not_opened, "`number` is the errno")
        .value("NOT_READABLE", reduction::OpenStatus::not_readable, "`number` is the errno")
        .value("WIDE", reduction::OpenStatus::wide, "UTF-16 or UTF-32; `number` is 16 or 32");
    nb::class_<reduction::RejectedExample>(module, "RejectedExample",
                                           "A rejected row: the line on which it starts, and what is wrong.")
        .def_ro("reason", &reduction::RejectedExample::reason)
        .def_ro("line", &reduction::RejectedExample::line)
        .def_ro("fields", &reduction::RejectedExample::fields, "The number of its fields, if that is the reason.")
        .def_ro("limit", &reduction::RejectedExample::limit, "The columns of the header, or the index of the key.")
        .def_prop_ro(
            "text", [](const reduction::RejectedExample& self) { return to_bytes(self.text); },
            "The beginning of the key, if that is the reason.");
    nb::class_<reduction::FileStats>(module, "FileStats", "The result of scanning one file, or one split of a file.")
        .def_ro("status", &reduction::FileStats::status)
        .def_ro("line", &reduction::FileStats::line, "Where the reason of the status is, 0 if nowhere.")
        .def_prop_ro("header", [](const reduction::FileStats& self) { return to_bytes(self.header); })
        .def_ro("read", &reduction::FileStats::read, "Rows read.")
        .def_ro("valid", &reduction::FileStats::valid, "Rows with an address.")
        .def_prop_ro("rejected", &rejected_by_reason, nb::sig("def rejected(self) -> dict[Reason, int]"),
                     "Rejected rows by reason, without zeros.")
        .def_ro("examples", &reduction::FileStats::examples)
        .def_ro("line_ends", &reduction::FileStats::line_ends, "Line ends in all bytes fed, in quotes too.");
}

void bind_results(nb::module_& module) {
    nb::class_<reduction::FileOutcome>(module, "FileOutcome", "What became of one file.")
        .def_ro("open_status", &reduction::FileOutcome::open_status)
        .def_ro("number", &reduction::FileOutcome::number, "What `open_status` says it is.")
        .def_ro("stats", &reduction::FileOutcome::stats, "Empty unless the status is `READ`.");
    nb::class_<reduction::CleanFiles>(module, "CleanFiles",
                                      "Accepted files without rejected rows, one after the other.")
        .def_ro("files", &reduction::CleanFiles::files, "The number of these files.")
        .def_ro("size", &reduction::CleanFiles::bytes, "Their bytes.")
        .def_ro("rows", &reduction::CleanFiles::rows, "Their rows.")
        .def_ro("other", &reduction::CleanFiles::other, "The outcome of the next file, if it is not such a file.");
    nb::class_<reduction::SplitResult>(module, "SplitResult", "What was read from one split of a file.")
        .def_ro("open_status", &reduction::SplitResult::open_status)
        .def_ro("number", &reduction::SplitResult::number, "What `open_status` says it is.")
        .def_ro("has_rows", &reduction::SplitResult::has_rows, "Whether a row starts in the split.")
        .def_ro("first", &reduction::SplitResult::first, "Where the first of its rows starts in the file.")
        .def_ro("end", &reduction::SplitResult::end, "Where the row after its last one starts.")
        .def_ro("stats", &reduction::SplitResult::stats, "Lines are counted from `first` on.");
    nb::class_<Written>(module, "Written", "The result of appending rows to a file.")
        .def_ro("rows", &Written::rows, "The number of rows, by group or output.")
        .def_ro("size", &Written::size, "The number of bytes.")
        .def_ro("crc32", &Written::crc32, "The CRC-32 of the file with these bytes.");
}

// ---- input ----------------------------------------------------------------------------------------------------

struct FileList {
    std::vector<reduction::FileEntry> entries;

    void add(const nb::bytes& path, std::size_t group, std::uint64_t size, std::int64_t modified_ns) {
        entries.push_back({{path.c_str(), path.size()}, group, size, modified_ns});
    }
};

// Bytes that a Python function returns in chunks. It is created and destroyed with the interpreter held.
class PythonSource final : public reduction::RandomAccessSource {
public:
    explicit PythonSource(const nb::callable& chunk_at) : chunk_at_(chunk_at) {}

    // The function only returns bytes of the listed version.
    std::optional<std::uint64_t> changed_size() const override { return std::nullopt; }

    std::size_t read_at(std::uint64_t at, std::uint8_t* to, std::size_t count) const override {
        std::size_t done = 0;
        while (done < count) {
            const std::uint64_t position = at + done;
            if (!holds(position)) fetch(position);
            if (!holds(position)) break;  // the end of the bytes
            const auto from = static_cast<std::size_t>(position - first_);
            const std::size_t copied = std::min(count - done, text_.size() - from);
            std::memcpy(to + done, text_.data() + from, copied);
            done += copied;
        }
        return done;
    }

private:
    bool holds(std::uint64_t at) const { return at >= first_ && at - first_ < text_.size(); }

    void fetch(std::uint64_t at) const {
        nb::gil_scoped_acquire acquire;
        const nb::object chunk = chunk_at_(at);
        if (chunk.is_none()) throw reduction::ReadError{EIO};
        std::tie(first_, data_) = nb::cast<std::tuple<std::uint64_t, nb::bytes>>(chunk);
        text_ = {data_.c_str(), data_.size()};
        if (!text_.empty() && !holds(at)) throw nb::value_error("the chunk does not hold the requested position");
    }

    nb::callable chunk_at_;
    mutable nb::bytes data_{"", 0};
    mutable std::uint64_t first_ = 0;
    mutable std::string_view text_;
};

// ---- the scanner ----------------------------------------------------------------------------------------------

// Calls a Python function from a thread that released the interpreter.
template <typename Number>
auto call_with(const nb::callable& function) {
    return [&function](Number number) {
        nb::gil_scoped_acquire acquire;
        function(number);
    };
}

const reduction::FileEntry& entry_at(const FileList& files, std::size_t index) {
    if (index >= files.entries.size()) throw nb::index_error("no such file");
    return files.entries[index];
}

reduction::CleanFiles read_clean_files(CsvScanner& scanner, const FileList& files, std::size_t first, std::size_t stop,
                                       const nb::callable& on_file, const nb::callable& progress) {
    if (first > stop || stop > files.entries.size()) throw nb::index_error("no such files");
    nb::gil_scoped_release release;
    return reduction::read_clean_files(scanner, files.entries, first, stop, call_with<std::size_t>(on_file),
                                       call_with<std::uint64_t>(progress));
}

reduction::SplitResult read_split(CsvScanner& scanner, const FileList& files, std::size_t index, std::uint64_t start,
                                  std::uint64_t stop, const nb::callable& progress) {
    const reduction::FileEntry& entry = entry_at(files, index);
    nb::gil_scoped_release release;
    return reduction::read_split(scanner, entry, {start, stop}, call_with<std::uint64_t>(progress));
}

reduction::SplitResult read_split_from(CsvScanner& scanner, const nb::callable& chunk_at, std::size_t group,
                                       std::uint64_t start, std::uint64_t stop, const nb::callable& progress) {
    const PythonSource bytes(chunk_at);
    nb::gil_scoped_release release;
    return reduction::read_split(scanner, bytes, group, {start, stop}, call_with<std::uint64_t>(progress));
}

bool feed(CsvScanner& scanner, const nb::bytes& data) {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(data.c_str());
    const std::size_t size = data.size();
    nb::gil_scoped_release release;
    return scanner.feed(bytes, size);
}

void bind_scanner(nb::module_& module) {
    nb::class_<FileList>(module, "FileList", "Files to read, in their order.")
        .def(nb::init<>())
        .def("add", &FileList::add, "path"_a, "group"_a, "size"_a, "modified_ns"_a,
             "Append a file as it was listed; its rows belong to `group` of the aggregator.");
    nb::class_<CsvScanner>(module, "CsvScanner", "Scans CSV files and adds their addresses to an aggregator.")
        .def(
            "__init__",
            [](CsvScanner* self, DistinctAggregator& aggregator, std::string key_column, std::size_t max_examples,
               const std::string& instruction_set) {
                new (self) CsvScanner(aggregator, std::move(key_column), max_examples, kernels_for(instruction_set));
            },
            "aggregator"_a, "key_column"_a, "max_examples"_a, "instruction_set"_a = "", nb::keep_alive<1, 2>(),
            "Keep up to `max_examples` rejected rows of each reason per file. Without a name, the best instruction\n"
            "set is used. Functions that read rows raise `SpillFailed`, and what `open_temp` of the aggregator raises.")
        .def("read_clean_files", &read_clean_files, "files"_a, "first"_a, "stop"_a, "on_file"_a, "progress"_a,
             nb::sig("def read_clean_files(self, files: FileList, first: int, stop: int,"
                     " on_file: collections.abc.Callable[[int], object],"
                     " progress: collections.abc.Callable[[int], object]) -> CleanFiles"),
             "Read files from `first` to `stop` (exclusive), up to the first that is not accepted or has rejected\n"
             "rows. Calls `on_file` with the index of each, and `progress` with the bytes read since its last call.")
        .def("read_split", &read_split, "files"_a, "index"_a, "start"_a, "stop"_a, "progress"_a,
             nb::sig("def read_split(self, files: FileList, index: int, start: int, stop: int,"
                     " progress: collections.abc.Callable[[int], object]) -> SplitResult"),
             "Read the rows that start between the bytes `start` and `stop` (exclusive) of the file at `index`.")
        .def(
            "read_split_from", &read_split_from, "chunk_at"_a, "group"_a, "start"_a, "stop"_a, "progress"_a,
            nb::sig("def read_split_from(self, chunk_at: collections.abc.Callable[[int], tuple[int, bytes] | None],"
                    " group: int, start: int, stop: int,"
                    " progress: collections.abc.Callable[[int], object]) -> SplitResult"),
            "Read a split as `read_split` does, from bytes that `chunk_at` returns.\n\n"
            "`chunk_at` gets a position and returns where a chunk that holds it starts, and the chunk; an empty chunk\n"
            "at the end and after it; None if it cannot be read. native/include/reduction/csv/split_reader.hpp\n"
            "documents the order of the positions.")
        .def("begin", &CsvScanner::begin, "group"_a,
             "Begin a file whose decompressed bytes will be fed; its rows belong to `group`.")
        .def("feed", &feed, "data"_a, "Scan the next bytes; return False if no more are wanted.")
        .def("settle", &CsvScanner::settle,
             "Return whether the file's status is already decided, if no further bytes can be read.")
        .def("end", &CsvScanner::end, "End the file and return its stats; its rows count if it is accepted.")
        .def("abandon", &CsvScanner::abandon, "End the file without a result; none of its rows count.");
}

// ---- the aggregator -------------------------------------------------------------------------------------------

Written write(DistinctAggregator& aggregator, int descriptor, std::uint32_t crc32) {
    nb::gil_scoped_release release;
    reduction::FileOutput file(descriptor, crc32);
    std::vector<std::uint64_t> rows = aggregator.write([&](std::string_view lines) {
        file.write(lines);
        check_signals();
    });
    return {std::move(rows), file.bytes(), file.crc32()};
}

void bind_aggregator(nb::module_& module) {
    nb::class_<DistinctAggregator>(module, "DistinctAggregator", "Distinct addresses by group, in limited memory.")
        .def(
            "__init__",
            [](DistinctAggregator* self, std::vector<std::string> row_suffixes, std::size_t compact_at_rows,
               const std::optional<std::size_t>& memory, const nb::object& open_temp) {
                reduction::MemoryLimit limit;
                if (memory) {
                    limit.bytes = *memory;
                    limit.open_temp = [open_temp] {
                        nb::gil_scoped_acquire acquire;
                        return nb::cast<int>(open_temp());
                    };
                }
                new (self) DistinctAggregator(std::move(row_suffixes), compact_at_rows, limit);
            },
            "row_suffixes"_a, "compact_at_rows"_a, "memory"_a = nb::none(), "open_temp"_a = nb::none(),
            nb::sig("def __init__(self, row_suffixes: collections.abc.Sequence[str], compact_at_rows: int,"
                    " memory: int | None = None,"
                    " open_temp: collections.abc.Callable[[], int] | None = None) -> None"),
            "Rows of a group end with the same suffix, which follows the address and its comma. Rows of one address\n"
            "are sorted by the index of their group.\n\n"
            "Rows need at most `memory` bytes, including what sorting needs. What does not fit goes to temporary\n"
            "files, whose descriptors `open_temp` returns and which the aggregator closes.")
        .def("write", &write, "descriptor"_a, "crc32"_a,
             "Append the lines of all distinct rows, sorted, to an open file whose CRC-32 is `crc32`.\n\n"
             "Raises `OSError` if it cannot be written, `SpillFailed`, and whatever the handler of a signal raises.");
}

}  // namespace

void bind_csv(nb::module_& module) {
    bind_stats(module);
    bind_results(module);
    bind_aggregator(module);
    bind_scanner(module);
}
