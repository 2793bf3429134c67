"""One search through lines of a log: what is asked, what is noted on the way, and who does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from reduction.hosts.malformed import MalformedLine

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

    def stats(self) -> Books:
        """Return what was noted of all that was fed."""


# Begins a search; the number is the newest time of the lines before those that it will be fed, 0 without any.
NewSearch = Callable[[Question, int], Search]
