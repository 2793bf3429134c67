"""The compiled kernel (native/python_bindings.cpp): plain values in, plain values out."""

from collections.abc import Callable, Sequence

# verdict, line, raw header, rows read, rows valid, rejected by reason,
# examples: (reason, line, fields, limit, raw text)
_Books = tuple[int, int, bytes, int, int, tuple[int, int, int], list[tuple[int, int, int, int, bytes]]]

# opening, its number, span, stats; of a split of a cut file
_Told = tuple[int, int, tuple[int, int, int] | None, _Books]

WHOLE_FILE: int
"""The number of no cut file."""

# rows by environment, bytes that were written, the CRC-32 of the file continued with them
_Written = tuple[dict[str, int], int, int]

# lines by kind, examples of malformed ones: (reason, line, offset, text), oldest and newest time,
# the first line that is too late: (line, offset, time, newest before it),
# outgoing and incoming partners: time and offset of the first connection
_SearchBooks = tuple[
    dict[str, int],
    list[tuple[str, int, int, bytes]],
    int,
    int,
    tuple[int, int, int, int] | None,
    dict[bytes, tuple[int, int]],
    dict[bytes, tuple[int, int]],
]

class DamagedPartial(Exception):
    """A partial is not what its manifest says; `args` are its index in the list and what is wrong."""

class SpillFailed(Exception):
    """A temporary file can't be written, or read back; `args` are the errno and its text."""

def version() -> str:
    """Return the version of the package that the kernel was built from."""

def instruction_set() -> str:
    """Return the name of the instruction set chosen for this processor (native/README.md lists them)."""

def canonical(field: bytes) -> str | None:
    """Return the one spelling of the address in a raw CSV field, or None if it holds none."""

def parse_log_line(line: bytes) -> tuple[int, bytes, bytes] | str | None:
    """Return time, source and target of a log line, why it is malformed, or None for a blank one."""

def merge(
    partials: Sequence[tuple[bytes, int, int]],
    row_suffixes: Sequence[tuple[str, str | None]],
    descriptor: int,
    crc32: int,
    threads: int = 1,
    block: int = ...,
) -> _Written:
    """Merge partials (path, bytes, CRC-32) and append the lines of distinct rows to an open file.

    `crc32` is that of what stands in the file. `threads`, and `block`, the bytes that each of them works on
    at a time, change nothing in what comes out.
    `row_suffixes` are all that may stand behind the first comma of a line, each with the environment of such a
    row, or None: then the row is checked and discarded. In a partial the rows of an address are in the order of
    `row_suffixes`; those of one environment stand together there, environments in byte order.
    Raises `DamagedPartial`, `OSError` if the file can't be written, `ValueError` if `row_suffixes` are in another
    order, and what the handler of a signal raises.
    """

class Files:
    """The files of a share, in their order."""

    def add(self, path: bytes, environment: str, size: int, modified_ns: int) -> None:
        """Append a file as it was listed."""

class HostSearch:
    """The connections of one host in an interval; hosts/plain_search.py is the twin."""

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
        """Expect lines that follow others, the newest of which has the time `newest_ms` (0: there are none);

        choose the instruction set.
        """

    def feed(self, block: bytes | bytearray | memoryview, offset: int) -> None:
        """Take whole lines, the first of which stands at `offset`; a file's last one needs no line end."""

    def stats(self) -> _SearchBooks:
        """Return the stats of all that was fed."""

class CsvScanner:
    """The distinct addresses of the files of a share."""

    def __init__(
        self,
        compact_at_rows: int,
        examples_a_file: int,
        instruction_set: str = "",
        memory: int | None = None,
        open_temp: Callable[[], int] | None = None,
    ) -> None:
        """Show up to `examples_a_file` rejected rows of each reason; choose the instruction set.

        Rows take no more than `memory` bytes, sorting included; what there is no room for goes to files whose
        descriptors `new_file` gives, and which the share closes. All functions that take or write rows raise
        `SpillFailed` then, and what `new_file` raises.
        """

    def read_clean_files(
        self,
        files: Files,
        first: int,
        stop: int,
        on_file: Callable[[int], object],
        progress: Callable[[int], object],
    ) -> tuple[int, int, int, tuple[int, int, _Books] | None]:
        """Read files from `first` up to `stop`, or to the first of which there is something to tell.

        Returns how many were taken with all rows valid, their bytes and rows; and of the one that is not like
        these its opening, number and stats (native_files.py has them). `begins` is told the index of each.
        """

    def read_split(
        self,
        files: Files,
        index: int,
        split_file_id: int,
        start: int,
        stop: int,
        progress: Callable[[int], object],
    ) -> _Told:
        """Read the rows that start in a split, from `start` to `stop`, of the file at `index`.

        Returns opening, its number, span and stats.

        The span is where the first row starts and the last one ends, and how many lines end between; None if
        no row starts in the split. The stats count lines from the first row on.
        """

    def read_split_from(
        self,
        part: Callable[[int], tuple[int, bytes] | None],
        environment: str,
        split_file_id: int,
        start: int,
        stop: int,
        progress: Callable[[int], object],
    ) -> _Told:
        """Read the rows that start in a split of what `part` gives, and return what `read_piece` does.

        `part` is told a place and returns a part with the byte there, and where that part begins; an empty
        one if the place is the end or behind it; None if it can't be had: then it is not readable.
        Places come in the order that native/include/reduction/piece_reader.hpp tells.
        """

    def begin(self, environment: str, split_file_id: int = WHOLE_FILE) -> None:
        """Begin a file whose decompressed bytes will be fed; rows of a cut file are kept apart."""

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; returns False when no more are wanted."""

    def settle(self) -> bool:
        """Return whether the verdict stands, if no further byte can be had."""

    def end(self) -> _Books:
        """End the file; its rows count if the verdict is that it is taken."""

    def abandon(self) -> None:
        """Give up the file; none of its rows count."""

    def write(self, descriptor: int, crc32: int) -> tuple[list[tuple[str, int, int]], int, int]:
        """Append the lines of all distinct rows, sorted, to an open file whose CRC-32 is `crc32`.

        Returns rows by environment and cut file, bytes that were written, and the CRC-32 continued with them.

        Raises `OSError` if it can't be written, and what the handler of a signal raises.
        """

# start_ms, lines, late, malformed by reason, outgoing, incoming, busiest (names parted by LF), connections
_Closed = tuple[int, int, int, dict[str, int], bytes, bytes, bytes, int]

class HostWindows:
    """Windows over a log; hosts/windows.py has the contract."""

    def __init__(self, host: bytes, window_ms: int, lateness_ms: int, examples: int) -> None:
        """Show up to `examples` malformed lines of each reason in a block."""

    def feed(self, block: bytes) -> tuple[list[_Closed], list[tuple[str, int, int, bytes]]]:
        """Take whole lines; returns closed windows, and malformed lines: reason, line, offset, text."""

    def close_all(self) -> list[_Closed]:
        """Close every open window."""

    def standing(self) -> list[_Closed]:
        """Return the open windows as they would be closed now."""

    def unreported(self) -> tuple[int, dict[str, int]]:
        """Return the late and the malformed lines that the next window will tell of."""

    def has_open(self) -> bool:
        """Return whether a window is open."""

    def save(self, out: Callable[[bytes], object]) -> None:
        """Hand out everything as bytes, in split_results."""

    def restore(self, read: Callable[[int], bytes]) -> None:
        """Take back what `save` gave; `read` returns the next so many bytes. Raises ValueError."""
