# Written by native/make_stub.py: change native/bindings/ and run it again.
# ruff: noqa
"""
The compiled kernel: CSV scanning, distinct addresses, merging, and logs of connections.
"""

from collections.abc import Callable, Sequence
import enum

class DamagedPartial(Exception):
    """
    A partial differs from its manifest. `args`: its index in the list, what is wrong.
    """

class SpillFailed(Exception):
    """
    A temporary file cannot be written or read. `args`: the errno and its text.
    """

def version() -> str:
    """Return the version of the package that the kernel was built from."""

def instruction_set() -> str:
    """
    Return the name of the instruction set chosen for this processor (native/README.md lists them).
    """

def canonical(field: bytes) -> str | None:
    """
    Return the canonical form of the address in a raw CSV field, or None if the field holds no address.
    """

class Reason(enum.Enum):
    """Why a row is rejected."""

    TOO_MANY_FIELDS = 0

    NO_KEY = 1

    NOT_AN_ADDRESS = 2

class FileStatus(enum.Enum):
    """Whether a file is accepted, or why it is not."""

    ACCEPTED = 0

    NO_KEY_COLUMN = 1
    """`FileStats.header` is the raw header"""

    NUL_BYTE = 2
    """in line `FileStats.line`"""

    OPEN_QUOTE = 3
    """in the row that starts on line `FileStats.line`"""

class OpenStatus(enum.Enum):
    """What opening and reading a file's bytes came to."""

    READ = 0
    """the bytes were scanned"""

    COMPRESSED = 1
    """an archive: feed its decompressed bytes"""

    CHANGED = 2
    """not what was listed; `number` is its size now"""

    NOT_OPENED = 3
    """`number` is the errno"""

    NOT_READABLE = 4
    """`number` is the errno"""

    WIDE = 5
    """UTF-16 or UTF-32; `number` is 16 or 32"""

class RejectedExample:
    """A rejected row: the line on which it starts, and what is wrong."""

    @property
    def reason(self) -> Reason: ...
    @property
    def line(self) -> int: ...
    @property
    def fields(self) -> int:
        """The number of its fields, if that is the reason."""

    @property
    def limit(self) -> int:
        """The columns of the header, or the index of the key."""

    @property
    def text(self) -> bytes:
        """The beginning of the key, if that is the reason."""

class FileStats:
    """The result of scanning one file, or one split of a file."""

    @property
    def status(self) -> FileStatus: ...
    @property
    def line(self) -> int:
        """Where the reason of the status is, 0 if nowhere."""

    @property
    def header(self) -> bytes: ...
    @property
    def read(self) -> int:
        """Rows read."""

    @property
    def valid(self) -> int:
        """Rows with an address."""

    @property
    def rejected(self) -> dict[Reason, int]:
        """Rejected rows by reason, without zeros."""

    @property
    def examples(self) -> list[RejectedExample]: ...
    @property
    def line_ends(self) -> int:
        """Line ends in all bytes fed, in quotes too."""

class FileOutcome:
    """What became of one file."""

    @property
    def open_status(self) -> OpenStatus: ...
    @property
    def number(self) -> int:
        """What `open_status` says it is."""

    @property
    def stats(self) -> FileStats:
        """Empty unless the status is `READ`."""

class CleanFiles:
    """Accepted files without rejected rows, one after the other."""

    @property
    def files(self) -> int:
        """The number of these files."""

    @property
    def size(self) -> int:
        """Their bytes."""

    @property
    def rows(self) -> int:
        """Their rows."""

    @property
    def other(self) -> FileOutcome | None:
        """The outcome of the next file, if it is not such a file."""

class SplitResult:
    """What was read from one split of a file."""

    @property
    def open_status(self) -> OpenStatus: ...
    @property
    def number(self) -> int:
        """What `open_status` says it is."""

    @property
    def has_rows(self) -> bool:
        """Whether a row starts in the split."""

    @property
    def first(self) -> int:
        """Where the first of its rows starts in the file."""

    @property
    def end(self) -> int:
        """Where the row after its last one starts."""

    @property
    def stats(self) -> FileStats:
        """Lines are counted from `first` on."""

class Written:
    """The result of appending rows to a file."""

    @property
    def rows(self) -> list[int]:
        """The number of rows, by group or output."""

    @property
    def size(self) -> int:
        """The number of bytes."""

    @property
    def crc32(self) -> int:
        """The CRC-32 of the file with these bytes."""

class DistinctAggregator:
    """Distinct addresses by group, in limited memory."""

    def __init__(
        self,
        row_suffixes: Sequence[str],
        compact_at_rows: int,
        memory: int | None = None,
        open_temp: Callable[[], int] | None = None,
    ) -> None:
        """
        Rows of a group end with the same suffix, which follows the address and its comma. Rows of one address
        are sorted by the index of their group.

        Rows need at most `memory` bytes, including what sorting needs. What does not fit goes to temporary
        files, whose descriptors `open_temp` returns and which the aggregator closes.
        """

    def write(self, descriptor: int, crc32: int) -> Written:
        """
        Append the lines of all distinct rows, sorted, to an open file whose CRC-32 is `crc32`.

        Raises `OSError` if it cannot be written, `SpillFailed`, and whatever the handler of a signal raises.
        """

class FileList:
    """Files to read, in their order."""

    def __init__(self) -> None: ...
    def add(self, path: bytes, group: int, size: int, modified_ns: int) -> None:
        """
        Append a file as it was listed; its rows belong to `group` of the aggregator.
        """

class CsvScanner:
    """Scans CSV files and adds their addresses to an aggregator."""

    def __init__(
        self, aggregator: DistinctAggregator, key_column: str, max_examples: int, instruction_set: str = ""
    ) -> None:
        """
        Keep up to `max_examples` rejected rows of each reason per file. Without a name, the best instruction
        set is used. Functions that read rows raise `SpillFailed`, and what `open_temp` of the aggregator raises.
        """

    def read_clean_files(
        self,
        files: FileList,
        first: int,
        stop: int,
        on_file: Callable[[int], object],
        progress: Callable[[int], object],
    ) -> CleanFiles:
        """
        Read files from `first` to `stop` (exclusive), up to the first that is not accepted or has rejected
        rows. Calls `on_file` with the index of each, and `progress` with the bytes read since its last call.
        """

    def read_split(
        self, files: FileList, index: int, start: int, stop: int, progress: Callable[[int], object]
    ) -> SplitResult:
        """
        Read the rows that start between the bytes `start` and `stop` (exclusive) of the file at `index`.
        """

    def read_split_from(
        self,
        chunk_at: Callable[[int], tuple[int, bytes] | None],
        group: int,
        start: int,
        stop: int,
        progress: Callable[[int], object],
    ) -> SplitResult:
        """
        Read a split as `read_split` does, from bytes that `chunk_at` returns.

        `chunk_at` gets a position and returns where a chunk that holds it starts, and the chunk; an empty chunk
        at the end and after it; None if it cannot be read. native/include/reduction/csv/split_reader.hpp
        documents the order of the positions.
        """

    def begin(self, group: int) -> None:
        """
        Begin a file whose decompressed bytes will be fed; its rows belong to `group`.
        """

    def feed(self, data: bytes) -> bool:
        """Scan the next bytes; return False if no more are wanted."""

    def settle(self) -> bool:
        """
        Return whether the file's status is already decided, if no further bytes can be read.
        """

    def end(self) -> FileStats:
        """End the file and return its stats; its rows count if it is accepted."""

    def abandon(self) -> None:
        """End the file without a result; none of its rows count."""

def merge(
    partials: Sequence[tuple[bytes, int, int]],
    headers: Sequence[bytes],
    row_suffixes: Sequence[tuple[str, int | None]],
    outputs: Sequence[str],
    descriptor: int,
    crc32: int,
    threads: int = 1,
    block_bytes: int = 524288,
) -> Written:
    """
    Merge partials and append the lines of their distinct rows to an open file.

    `partials` are (path, size, CRC-32) from their manifests; each begins with one of `headers`. `row_suffixes` are all
    texts that may follow the first comma of a row, in the order in which rows of one address are sorted. Each has the
    index of the text in `outputs` that replaces it, or None: such rows are checked and dropped. These indexes must not
    decrease. `crc32` is that of the bytes that are already in the file. `threads`, and `block_bytes` that each of them
    works on at a time, do not change the result.

    Returns the number of rows of each output. Raises `DamagedPartial`, `OSError` if the file cannot be written,
    `ValueError` for wrong indexes, and whatever the handler of a signal raises.
    """

def parse_log_line(line: bytes) -> tuple[int, bytes, bytes] | str | None:
    """
    Return time, source and target of a log line, why it is malformed, or None for a blank line.
    """

class MalformedLine:
    """A malformed line; `line` counts from 0."""

    @property
    def reason(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def offset(self) -> int:
        """In bytes."""

    @property
    def text(self) -> bytes:
        """The beginning of the line."""

class LateLine:
    """A line that is older than allowed."""

    @property
    def line(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def time_ms(self) -> int: ...
    @property
    def newest_ms(self) -> int:
        """The newest time of the lines before it."""

class ScanStats:
    """The result of a search, so far."""

    @property
    def lines(self) -> dict[str, int]:
        """Lines by kind."""

    @property
    def examples(self) -> list[MalformedLine]:
        """The first malformed lines of each reason."""

    @property
    def oldest_ms(self) -> int:
        """2**64 - 1 without connections."""

    @property
    def newest_ms(self) -> int: ...
    @property
    def late(self) -> LateLine | None:
        """The first line that is too late."""

    @property
    def outgoing(self) -> dict[bytes, tuple[int, int]]:
        """Time and offset of the first connection to each host."""

    @property
    def incoming(self) -> dict[bytes, tuple[int, int]]:
        """Time and offset of the first connection from each host."""

class HostSearch:
    """Searches a log for the connections of one host in an interval of time."""

    def __init__(
        self,
        host: bytes,
        start_ms: int,
        end_ms: int,
        lateness_ms: int,
        newest_ms: int,
        examples: int,
        instruction_set: str = "",
    ) -> None:
        """
        `newest_ms` is the newest time of the lines before the first one that will be fed, 0 if there are none.
        """

    def feed(self, block: bytes | bytearray | memoryview, offset: int) -> None:
        """
        Search whole lines, the first of which is at `offset`. The last line of a file needs no line end.
        """

    def stats(self) -> ScanStats: ...

class ClosedWindow:
    """A window of time; names are sorted and separated by LF."""

    @property
    def start_ms(self) -> int: ...
    @property
    def lines(self) -> int: ...
    @property
    def late(self) -> int:
        """Late lines since the previous window was closed."""

    @property
    def malformed(self) -> dict[str, int]:
        """Malformed lines by reason, since the previous window was closed."""

    @property
    def outgoing(self) -> bytes: ...
    @property
    def incoming(self) -> bytes: ...
    @property
    def busiest(self) -> bytes: ...
    @property
    def connections(self) -> int:
        """Of each of the busiest hosts."""

class FeedResult:
    """The result of feeding a block of lines."""

    @property
    def closed(self) -> list[ClosedWindow]: ...
    @property
    def examples(self) -> list[MalformedLine]:
        """The first malformed lines of each reason."""

class HostWindows:
    """Counts connections in windows of time."""

    def __init__(self, host: bytes, window_ms: int, lateness_ms: int, examples: int) -> None:
        """Keep up to `examples` malformed lines of each reason per block."""

    def feed(self, block: bytes) -> FeedResult:
        """Count whole lines; the last line of a file needs no line end."""

    def close_all(self) -> list[ClosedWindow]:
        """Close every open window."""

    def snapshot(self) -> list[ClosedWindow]:
        """Return the open windows as if they were closed now."""

    def unreported(self) -> tuple[int, dict[str, int]]:
        """
        Return the late and malformed lines that the next closed window will have.
        """

    def has_open(self) -> bool:
        """Return whether a window is open."""

    def save(self, out: Callable[[bytes], object]) -> None:
        """Write everything as bytes, in chunks."""

    def restore(self, read: Callable[[int], bytes]) -> None:
        """
        Restore what `save` wrote; `read` returns the next bytes, as many as requested. Raises ValueError.
        """
