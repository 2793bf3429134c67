"""The scanner in Python: every line is parsed, one after the other.

It replaces native/include/reduction/hosts/host_search.hpp where the kernel is not built, and is the simple
reference implementation that its tests compare with.
"""

from __future__ import annotations

from collections import Counter

from reduction.hosts.batch.scan import NO_TIME, LateLine, Query, ScanStats
from reduction.hosts.malformed import SHOWN_OF_A_REASON, MalformedLine
from reduction.hosts.records import Connection, LocatedLine, Malformed, scan

_SHOWN_BYTES = 320  # of a malformed line: 80 characters of any kind


class PythonScanner:
    """Implements `scan.Scanner` one line after the other."""

    def __init__(self, query: Query, newest_ms: int) -> None:
        self._question = query
        self._fed = 0  # lines
        self._connections = 0
        self._malformed = Counter(dict.fromkeys(map(str, Malformed), 0))
        self._examples: list[MalformedLine] = []
        self._oldest_ms = NO_TIME
        self._newest_ms = newest_ms
        self._late: LateLine | None = None
        self._outgoing: dict[bytes, tuple[int, int]] = {}
        self._incoming: dict[bytes, tuple[int, int]] = {}

    def feed(self, block: memoryview, offset: int) -> None:
        text = bytes(block)
        for located in scan(text):
            if isinstance(located.meaning, Connection):
                self._take(located.meaning, self._fed + located.line, offset + located.offset)
            else:
                self._reject(str(located.meaning), located, offset)
        self._fed += text.count(b"\n") + bool(text.rpartition(b"\n")[2])

    def stats(self) -> ScanStats:
        blank = self._fed - self._connections - self._malformed.total()
        return ScanStats(
            {"connection": self._connections, "blank": blank} | self._malformed,
            self._examples,
            self._oldest_ms,
            self._newest_ms,
            self._late,
            self._outgoing,
            self._incoming,
        )

    def _take(self, connection: Connection, line: int, offset: int) -> None:
        time_ms, source, target = connection
        query = self._question
        if self._late is None and time_ms + query.lateness_ms < self._newest_ms:
            self._late = LateLine(line, offset, time_ms, self._newest_ms)
        self._connections += 1
        self._oldest_ms = min(self._oldest_ms, time_ms)
        self._newest_ms = max(self._newest_ms, time_ms)
        if query.start_ms <= time_ms <= query.end_ms:
            here = (time_ms, offset)
            if source == query.host:
                self._outgoing[target] = min(here, self._outgoing.get(target, here))
            if target == query.host:
                self._incoming[source] = min(here, self._incoming.get(source, here))

    def _reject(self, reason: str, located: LocatedLine, block_offset: int) -> None:
        if self._malformed[reason] < SHOWN_OF_A_REASON:
            where = (self._fed + located.line, block_offset + located.offset)
            self._examples.append(MalformedLine(reason, *where, located.text[:_SHOWN_BYTES]))
        self._malformed[reason] += 1
