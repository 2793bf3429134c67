"""One search through lines of a log: what is asked, what is noted on the way, and who does it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple, Protocol

from reduction.hosts.malformed import SHOWN_OF_A_REASON, MalformedLine

NO_TIME = 2**64 - 1  # the oldest time of no connections


class Question(NamedTuple):
    """Which hosts did `host` connect with from `start_ms` to `end_ms`, both inclusive (Unix time in ms)?

    A line is at most `lateness_ms` older than any line before it.
    """

    host: bytes
    start_ms: int
    end_ms: int
    lateness_ms: int


class LateLine(NamedTuple):
    """A line that is older than it may be; `newest_ms` is the newest time of the lines before it."""

    line: int
    offset: int
    time_ms: int
    newest_ms: int


class Books(NamedTuple):
    """What a search noted.

    `lines` are counted by kind: "connection", "blank" or a reason of `lines.Malformed`. `oldest_ms` is
    `NO_TIME` without any connection; `newest_ms` knows the lines before, too. `late` is the first line that
    is too late. `outgoing` and `incoming` have time and offset of the first connection with each partner:
    the one with the earliest time, of several with that time the one that stands first.
    """

    lines: dict[str, int]
    examples: list[MalformedLine]
    oldest_ms: int
    newest_ms: int
    late: LateLine | None
    outgoing: dict[bytes, tuple[int, int]]
    incoming: dict[bytes, tuple[int, int]]


class Search(Protocol):
    """A search that is fed a part of a log."""

    def feed(self, block: memoryview, offset: int) -> None:
        """Take whole lines, the first of which stands at `offset`; a file's last one needs no line end."""

    def books(self) -> Books:
        """Return what was noted of all that was fed."""


# Begins a search; the number is the newest time of the lines before those that it will be fed, 0 without any.
NewSearch = Callable[[Question, int], Search]


class NativeSearch:
    """The search of the compiled kernel, which lets other threads run meanwhile."""

    def __init__(self, question: Question, newest_ms: int, instruction_set: str = "") -> None:
        from reduction import _kernel

        self._search = _kernel.HostSearch(
            question.host,
            question.start_ms,
            question.end_ms,
            question.lateness_ms,
            newest_ms,
            SHOWN_OF_A_REASON,
            instruction_set,
        )

    def feed(self, block: memoryview, offset: int) -> None:
        """See `Search`."""
        self._search.feed(block, offset)

    def books(self) -> Books:
        """See `Search`."""
        lines, examples, oldest, newest, late, outgoing, incoming = self._search.books()
        kept = [MalformedLine(*example) for example in examples]
        return Books(lines, kept, oldest, newest, late and LateLine(*late), outgoing, incoming)


def has_kernel() -> bool:
    """Tell whether the compiled kernel is there."""
    return find_spec("reduction._kernel") is not None


def choose() -> NewSearch:
    """Return the quickest search there is."""
    if has_kernel():
        return NativeSearch
    from reduction.hosts.plain_search import PlainSearch

    return PlainSearch
