"""One scan through lines of a log: the query, the stats, and the interface of a scanner."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from reduction.hosts.malformed import MalformedLine

NO_TIME = 2**64 - 1  # the oldest time of no connections


class Query(NamedTuple):
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


class ScanStats(NamedTuple):
    """The result of a scan.

    `lines` are counted by kind: "connection", "blank" or a reason of `records.Malformed`. `oldest_ms` is
    `NO_TIME` without any connection; `newest_ms` includes the lines before. `late` is the first line that is
    too late. `outgoing` and `incoming` have time and offset of the first connection with each partner: the
    earliest by time, then by offset.
    """

    lines: dict[str, int]
    examples: list[MalformedLine]
    oldest_ms: int
    newest_ms: int
    late: LateLine | None
    outgoing: dict[bytes, tuple[int, int]]
    incoming: dict[bytes, tuple[int, int]]


class Scanner(Protocol):
    """Scans a part of a log."""

    def feed(self, block: memoryview, offset: int) -> None:
        """Scan complete lines, the first one at `offset`; the last line of a file needs no line end."""

    def stats(self) -> ScanStats:
        """Return the stats of everything that was fed."""


# Starts a scan; the number is the newest time of the lines before it, 0 if there are no such lines.
NewScanner = Callable[[Query, int], Scanner]
