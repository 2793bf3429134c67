"""The search in Python: every line is parsed, one after the other.

It stands in for native/include/reduction/host_search.hpp where there is no kernel; dull on purpose, it is
also the oracle of that one's tests.
"""

from __future__ import annotations

from collections import Counter

from reduction.hosts.batch.scan import NO_TIME, Books, LateLine, Question
from reduction.hosts.malformed import SHOWN_OF_A_REASON, MalformedLine
from reduction.hosts.records import Connection, Malformed, Placed, scan

_SHOWN_BYTES = 320  # of a malformed line: 80 characters of any kind


class PlainSearch:
    """See `search.Search`."""

    def __init__(self, question: Question, newest_ms: int) -> None:
        self._question = question
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
        """See `Search`."""
        text = bytes(block)
        for placed in scan(text):
            if isinstance(placed.meaning, Connection):
                self._take(placed.meaning, self._fed + placed.line, offset + placed.offset)
            else:
                self._reject(str(placed.meaning), placed, offset)
        self._fed += text.count(b"\n") + bool(text.rpartition(b"\n")[2])

    def stats(self) -> Books:
        """See `Search`."""
        blank = self._fed - self._connections - self._malformed.total()
        return Books(
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
        question = self._question
        if self._late is None and time_ms + question.lateness_ms < self._newest_ms:
            self._late = LateLine(line, offset, time_ms, self._newest_ms)
        self._connections += 1
        self._oldest_ms = min(self._oldest_ms, time_ms)
        self._newest_ms = max(self._newest_ms, time_ms)
        if question.start_ms <= time_ms <= question.end_ms:
            here = (time_ms, offset)
            if source == question.host:
                self._outgoing[target] = min(here, self._outgoing.get(target, here))
            if target == question.host:
                self._incoming[source] = min(here, self._incoming.get(source, here))

    def _reject(self, reason: str, placed: Placed, block_offset: int) -> None:
        if self._malformed[reason] < SHOWN_OF_A_REASON:
            place = (self._fed + placed.line, block_offset + placed.offset)
            self._examples.append(MalformedLine(reason, *place, placed.text[:_SHOWN_BYTES]))
        self._malformed[reason] += 1
