"""Answers a query about finished logs: of each only the part is searched that the interval can be in."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import NamedTuple

from reduction.errors import ReducerError
from reduction.hosts.batch import chunks
from reduction.hosts.batch.chunks import Chunk, ScanConfig
from reduction.hosts.batch.log_files import LogFile
from reduction.hosts.batch.scan import NewScanner, Query, ScanStats
from reduction.hosts.batch.time_range import Probe
from reduction.hosts.malformed import SHOWN_OF_A_REASON, shown_text
from reduction.runtime.text import display_path

_NOT_MALFORMED = {"connection", "blank"}

Progress = Callable[[int, int], object]

# By partner: time, number of the log and offset of the first connection.
_Firsts = dict[bytes, tuple[int, int, int]]


class NotInOrder(ReducerError):
    """A line is older than lateness allows: parts that were not read may have connections of the interval."""

    exit_code = 5

    def __init__(self, log: LogFile, where: str, time_ms: int, newest_ms: int) -> None:
        seconds = (newest_ms - time_ms + 999) // 1000
        super().__init__(
            f"'{display_path(log.path)}', {where}: the time {time_ms} is {seconds} s older than one before,"
            " more than --lateness allows. The log was not read completely, so connections could be missing:"
            f" repeat with --lateness {seconds} or with --full-scan"
        )


class ShownLine(NamedTuple):
    """A malformed line to show; `where` is "line 7" or, in a log not read from its start, "byte 800"."""

    path: str
    where: str
    reason: str
    text: str


class Answer(NamedTuple):
    """Partners in the order of their first connection, and the stats of the scan.

    `lines_scanned` and `malformed` (by reason) count lines that are not blank in the parts searched.
    `bytes_read` and `bytes_total` are bytes on the disk, each counted once.
    """

    outgoing: list[str]
    incoming: list[str]
    lines_scanned: int
    malformed: Counter[str]
    examples: list[ShownLine]
    bytes_read: int
    bytes_total: int


def answer(
    query: Query,
    paths: Sequence[str],
    new_scanner: NewScanner,
    config: ScanConfig,
    *,
    full_scan: bool = False,
    progress: Progress | None = None,
) -> Answer:
    """Search the logs, completely if `full_scan` is set; `progress` gets the numbers of logs and bytes done.

    Connections in the same millisecond are ordered by log, then by position. Raises `InputError` if a log
    cannot be read; `NotInOrder` if a line of a log that was not read completely violates the lateness.
    """
    made = _AnswerBuilder(query, new_scanner, config)
    with ExitStack() as logs:
        cut = chunks.cut(paths, query, config, logs, full_scan=full_scan)
        with closing(chunks.done_in_order(made.search, cut, config.threads)) as done:
            for chunk, stats in done:
                made.add(chunk, stats)
                if progress is not None:
                    progress(made.logs, made.passed_bytes)
    return made.finished()


class _AnswerBuilder:
    """Builds an answer from the results of chunks, in their order."""

    def __init__(self, query: Query, new_scanner: NewScanner, config: ScanConfig) -> None:
        self.logs = 0  # done
        self.passed_bytes = 0  # of them, and of the one at hand
        self._question = query
        self._new_search = new_scanner
        self._block_bytes = config.block_bytes
        self._outgoing: _Firsts = {}
        self._incoming: _Firsts = {}
        self._lines_scanned = 0
        self._malformed: Counter[str] = Counter()
        self._examples: list[ShownLine] = []
        self._bytes_read = self._bytes_total = 0
        self._lines = 0  # of the log at hand, before the next chunk
        self._newest_ms = 0  # of those lines, and of what was seen of the log before its part

    def search(self, chunk: Chunk, stopping: threading.Event, newest_ms: int = 0) -> ScanStats:
        """Search one chunk, in any thread; `newest_ms` is that of the lines before it, if it matters."""
        search = self._new_search(self._question, newest_ms)
        for offset, block in chunk.blocks(self._block_bytes):
            if stopping.is_set():
                break
            search.feed(block, offset)
        return search.stats()

    def add(self, chunk: Chunk, stats: ScanStats) -> None:
        """Add the result of the next chunk; raises `NotInOrder`."""
        if chunk.is_first:
            self._lines = self._newest_ms = 0
            self._check_probes(chunk, chunk.part.before)
        self._check_order(chunk, stats)
        self._add_lines(chunk, stats)
        _add_firsts(self._outgoing, stats.outgoing, chunk.number)
        _add_firsts(self._incoming, stats.incoming, chunk.number)
        if chunk.is_last:
            self._check_probes(chunk, chunk.part.after)
            self._bytes_read += chunk.log.bytes_read
            self._bytes_total += chunk.log.bytes_total
            self.logs += 1
            chunk.log.close()
        self.passed_bytes = self._bytes_total + (0 if chunk.is_last else chunk.stop)

    def finished(self) -> Answer:
        """Return the answer."""
        return Answer(
            _in_order(self._outgoing),
            _in_order(self._incoming),
            self._lines_scanned,
            self._malformed,
            self._examples,
            self._bytes_read,
            self._bytes_total,
        )

    def _check_order(self, chunk: Chunk, stats: ScanStats) -> None:
        """Check the order across chunks: search a chunk again if the lines before it matter."""
        if chunk.is_whole_log_read:
            return
        if stats.late or stats.oldest_ms + self._question.lateness_ms < self._newest_ms:
            late = self.search(chunk, threading.Event(), self._newest_ms).late
            if late is not None:
                raise NotInOrder(
                    chunk.log, self._where(chunk, late.line, late.offset), late.time_ms, late.newest_ms
                )
        self._newest_ms = max(self._newest_ms, stats.newest_ms)

    def _check_probes(self, chunk: Chunk, probes: Sequence[Probe]) -> None:
        if chunk.is_whole_log_read:
            return
        for probe in probes:
            if probe.time_ms + self._question.lateness_ms < self._newest_ms:
                raise NotInOrder(chunk.log, f"byte {probe.offset}", probe.time_ms, self._newest_ms)
            self._newest_ms = max(self._newest_ms, probe.time_ms)

    def _add_lines(self, chunk: Chunk, stats: ScanStats) -> None:
        malformed = Counter({kind: n for kind, n in stats.lines.items() if n and kind not in _NOT_MALFORMED})
        for example in stats.examples:
            if sum(other.reason == example.reason for other in self._examples) < SHOWN_OF_A_REASON:
                where = self._where(chunk, example.line, example.offset)
                self._examples.append(
                    ShownLine(display_path(chunk.log.path), where, example.reason, shown_text(example.text))
                )
        self._malformed += malformed
        self._lines_scanned += stats.lines["connection"] + malformed.total()
        self._lines += sum(stats.lines.values())

    def _where(self, chunk: Chunk, line: int, offset: int) -> str:
        """Return the position of a line of the chunk, in words."""
        return f"line {self._lines + line + 1}" if chunk.part.start == 0 else f"byte {offset}"


def _add_firsts(firsts: _Firsts, found: dict[bytes, tuple[int, int]], number: int) -> None:
    for name, (time_ms, offset) in found.items():
        here = (time_ms, number, offset)
        firsts[name] = min(here, firsts.get(name, here))


def _in_order(firsts: _Firsts) -> list[str]:
    return [name.decode() for name in sorted(firsts, key=firsts.__getitem__)]
