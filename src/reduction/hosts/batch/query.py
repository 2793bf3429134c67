"""Answers a question about finished logs: of each only the part is searched that the interval can be in."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import NamedTuple

from reduction.errors import ReducerError
from reduction.hosts.batch import chunks
from reduction.hosts.batch.chunks import Pace, Piece
from reduction.hosts.batch.log_files import LogFile
from reduction.hosts.batch.scan import Books, NewSearch, Question
from reduction.hosts.batch.time_range import Probe
from reduction.hosts.malformed import SHOWN_OF_A_REASON, shown_text
from reduction.runtime.text import display_path

_NOT_MALFORMED = {"connection", "blank"}

Progress = Callable[[int, int], object]

# By partner: time, number of the log and offset of the first connection.
_Firsts = dict[bytes, tuple[int, int, int]]


class NotInOrder(ReducerError):
    """A line is later than it may be: what was not read could hold connections of the interval, too."""

    exit_code = 5

    def __init__(self, log: LogFile, place: str, time_ms: int, newest_ms: int) -> None:
        seconds = (newest_ms - time_ms + 999) // 1000
        super().__init__(
            f"'{display_path(log.path)}', {place}: the time {time_ms} is {seconds} s older than one before it,"
            " more than --lateness allows. The log was not read whole, so the answer could lack something:"
            f" ask again with --lateness {seconds} or with --full-scan"
        )


class ShownLine(NamedTuple):
    """A malformed line to show; `place` is "line 7" or, in a log not read from its beginning, "byte 800"."""

    path: str
    place: str
    reason: str
    text: str


class Answer(NamedTuple):
    """Partners in the order of their first connection, and the stats of what was read.

    `lines_scanned` and `malformed` (by reason) speak of the lines that are not blank in the parts searched.
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
    question: Question,
    paths: Sequence[str],
    new_search: NewSearch,
    pace: Pace,
    *,
    full_scan: bool = False,
    progress: Progress | None = None,
) -> Answer:
    """Search the logs, whole if `full_scan` is true; `progress` is told how many logs and bytes are done.

    Of connections in the same millisecond the one in the earlier log comes first, then the one that stands
    before the other. Raises `InputError` if a log cannot be read; `NotInOrder` if a line of a log that was
    not read whole is later than the question says lines are.
    """
    made = _Making(question, new_search, pace)
    with ExitStack() as logs:
        cut = chunks.cut(paths, question, pace, logs, full_scan=full_scan)
        with closing(chunks.done_in_order(made.search, cut, pace.threads)) as done:
            for piece, stats in done:
                made.add(piece, stats)
                if progress is not None:
                    progress(made.logs, made.passed_bytes)
    return made.finished()


class _Making:
    """An answer while pieces of it come in, in their order."""

    def __init__(self, question: Question, new_search: NewSearch, pace: Pace) -> None:
        self.logs = 0  # done
        self.passed_bytes = 0  # of them, and of the one at hand
        self._question = question
        self._new_search = new_search
        self._block_bytes = pace.block_bytes
        self._outgoing: _Firsts = {}
        self._incoming: _Firsts = {}
        self._lines_scanned = 0
        self._malformed: Counter[str] = Counter()
        self._examples: list[ShownLine] = []
        self._bytes_read = self._bytes_total = 0
        self._lines = 0  # of the log at hand, before the next piece
        self._newest_ms = 0  # of those lines, and of what was seen of the log before its part

    def search(self, piece: Piece, stopping: threading.Event, newest_ms: int = 0) -> Books:
        """Search one piece, in any thread; `newest_ms` is that of the lines before it, if it matters."""
        search = self._new_search(self._question, newest_ms)
        for offset, block in piece.blocks(self._block_bytes):
            if stopping.is_set():
                break
            search.feed(block, offset)
        return search.stats()

    def add(self, piece: Piece, stats: Books) -> None:
        """Take over what was found in the next piece; raises `NotInOrder`."""
        if piece.is_first:
            self._lines = self._newest_ms = 0
            self._check_probes(piece, piece.part.before)
        self._check_order(piece, stats)
        self._add_lines(piece, stats)
        _add_firsts(self._outgoing, stats.outgoing, piece.number)
        _add_firsts(self._incoming, stats.incoming, piece.number)
        if piece.is_last:
            self._check_probes(piece, piece.part.behind)
            self._bytes_read += piece.log.bytes_read
            self._bytes_total += piece.log.bytes_total
            self.logs += 1
            piece.log.close()
        self.passed_bytes = self._bytes_total + (0 if piece.is_last else piece.stop)

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

    def _check_order(self, piece: Piece, stats: Books) -> None:
        """The search of a piece knew nothing of the lines before it; if they matter, it is done again."""
        if piece.is_whole_log_read:
            return
        if stats.late or stats.oldest_ms + self._question.lateness_ms < self._newest_ms:
            late = self.search(piece, threading.Event(), self._newest_ms).late
            if late is not None:
                raise NotInOrder(
                    piece.log, self._place(piece, late.line, late.offset), late.time_ms, late.newest_ms
                )
        self._newest_ms = max(self._newest_ms, stats.newest_ms)

    def _check_probes(self, piece: Piece, probes: Sequence[Probe]) -> None:
        if piece.is_whole_log_read:
            return
        for probe in probes:
            if probe.time_ms + self._question.lateness_ms < self._newest_ms:
                raise NotInOrder(piece.log, f"byte {probe.offset}", probe.time_ms, self._newest_ms)
            self._newest_ms = max(self._newest_ms, probe.time_ms)

    def _add_lines(self, piece: Piece, stats: Books) -> None:
        malformed = Counter({kind: n for kind, n in stats.lines.items() if n and kind not in _NOT_MALFORMED})
        for example in stats.examples:
            if sum(other.reason == example.reason for other in self._examples) < SHOWN_OF_A_REASON:
                place = self._place(piece, example.line, example.offset)
                self._examples.append(
                    ShownLine(display_path(piece.log.path), place, example.reason, shown_text(example.text))
                )
        self._malformed += malformed
        self._lines_scanned += stats.lines["connection"] + malformed.total()
        self._lines += sum(stats.lines.values())

    def _place(self, piece: Piece, line: int, offset: int) -> str:
        """Return where a line of the piece stands, in words."""
        return f"line {self._lines + line + 1}" if piece.part.start == 0 else f"byte {offset}"


def _add_firsts(firsts: _Firsts, found: dict[bytes, tuple[int, int]], number: int) -> None:
    for name, (time_ms, offset) in found.items():
        here = (time_ms, number, offset)
        firsts[name] = min(here, firsts.get(name, here))


def _in_order(firsts: _Firsts) -> list[str]:
    return [name.decode() for name in sorted(firsts, key=firsts.__getitem__)]
