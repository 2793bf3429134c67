"""The compiled kernel (native/python_bindings.cpp): plain values in, plain values out."""

from collections.abc import Callable, Sequence

# verdict, line, raw header, rows read, rows valid, rejected by reason,
# examples: (reason, line, fields, limit, raw text)
_Books = tuple[int, int, bytes, int, int, tuple[int, int, int], list[tuple[int, int, int, int, bytes]]]

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

def version() -> str:
    """Return the version of the package that the kernel was built from."""

def instruction_set() -> str:
    """Return the instruction set that this processor runs: avx512, avx2 or portable."""

def canonical(field: bytes) -> str | None:
    """Return the one spelling of the address in a raw CSV field, or None if it holds none."""

def parse_log_line(line: bytes) -> tuple[int, bytes, bytes] | str | None:
    """Return time, source and target of a log line, why it is malformed, or None for a blank one."""

def merge(
    partials: Sequence[tuple[bytes, int, int]], environments: Sequence[str], out: Callable[[bytes], object]
) -> dict[str, int]:
    """Merge partials (path, bytes, CRC-32), hand out the lines of distinct rows; returns rows by environment.

    `environments` are all that may occur, in byte order. Raises `DamagedPartial`.
    """

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

    def books(self) -> _SearchBooks:
        """Return the books of all that was fed."""

class Share:
    """The distinct addresses of the files of a share."""

    def __init__(self, compact_at_rows: int, examples_a_file: int, instruction_set: str = "") -> None:
        """Show up to `examples_a_file` rejected rows of each reason; choose the instruction set."""

    def read_file(
        self, path: bytes, environment: str, size: int, modified_ns: int, progress: Callable[[int], object]
    ) -> tuple[int, int, _Books]:
        """Read a file as it was listed; returns opening, its number, and the books (native.py has both)."""

    def begin(self, environment: str) -> None:
        """Begin a file whose decompressed bytes will be fed."""

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; returns False when no more are wanted."""

    def settle(self) -> bool:
        """Return whether the verdict stands, if no further byte can be had."""

    def end(self) -> _Books:
        """End the file; its rows count if the verdict is that it is taken."""

    def abandon(self) -> None:
        """Give up the file; none of its rows count."""

    def write(self, out: Callable[[bytes], object]) -> dict[str, int]:
        """Hand out the lines of all distinct rows, sorted; returns rows by environment."""

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
        """Hand out everything as bytes, in pieces."""

    def restore(self, read: Callable[[int], bytes]) -> None:
        """Take back what `save` gave; `read` returns the next so many bytes. Raises ValueError."""
