"""Cuts logs into pieces of work, and has several threads do them at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from reduction.hosts.batch import blocks
from reduction.hosts.batch.log_files import LogFile
from reduction.hosts.batch.scan import Question
from reduction.hosts.batch.time_range import Part, part_of

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_T = TypeVar("_T")


class Pace(NamedTuple):
    """How many bytes are read at a time, and by how many threads; no answer depends on it.

    Bisecting looks at `probe_bytes` and leaves what is no longer than `enough_bytes`. What it finds is cut
    into pieces of `piece_bytes`, which are read in blocks of `block_bytes`.
    """

    threads: int = 1
    block_bytes: int = 1 << 20
    piece_bytes: int = 1 << 25
    probe_bytes: int = 1 << 12
    enough_bytes: int = 1 << 16


class Piece(NamedTuple):
    """The lines of a log that start from `start` or later, up to `stop` (exclusive).

    `part` is what all pieces of the log make up together; `number` is the log's, counted from 0.
    """

    log: LogFile
    number: int
    part: Part
    start: int
    stop: int

    def blocks(self, block_bytes: int) -> Iterator[tuple[int, memoryview]]:
        """Give the lines in blocks of about so many bytes; raises `InputError`."""
        if self.log.has_parts:
            start = blocks.line_start(self.log, self.start, self.stop)
            yield from blocks.of_part(self.log, start, self.stop, block_bytes)
        else:
            with self.log.text() as stream:
                yield from blocks.of_stream(stream, block_bytes)

    @property
    def is_first(self) -> bool:
        """Whether it is the first of its part, which begins where a line does."""
        return self.start == self.part.start

    @property
    def is_whole_log_read(self) -> bool:
        """Whether its part is all of the log."""
        return self.part.start == 0 and self.part.stop == self.log.size

    @property
    def is_last(self) -> bool:
        """Whether it is the last of its part."""
        return self.stop == self.part.stop


def cut(
    paths: Sequence[str], question: Question, pace: Pace, logs: ExitStack, *, full_scan: bool
) -> Iterator[Piece]:
    """Open each log and give its pieces, at least one; `logs` closes what is still open at the end.

    A log is taken whole if `full_scan` is true, or if no part of it can be had alone. Raises `InputError`.
    """
    for number, path in enumerate(paths):
        log = LogFile(path)
        logs.callback(log.close)
        if full_scan or not log.has_parts:
            part = Part(0, log.size, [], [])
        else:
            part = part_of(log, question, pace.probe_bytes, pace.enough_bytes)
        step = pace.piece_bytes if log.has_parts else max(1, log.size)
        starts = range(part.start, part.stop, step) or range(part.start, part.start + 1)
        for start in starts:
            yield Piece(log, number, part, start, min(start + step, part.stop))


def done_in_order(
    work: Callable[[Piece, threading.Event], _T], pieces: Iterator[Piece], threads: int
) -> Generator[tuple[Piece, _T]]:
    """Give each piece with what `work` made of it, in order; `work` may stop early once the event is set.

    What `work` raises is raised here, when all threads have stopped. A single piece needs no thread; a pipe
    gets none, since a thread that waits for its writer could not be stopped.
    """
    stopping = threading.Event()
    first = list(islice(pieces, 2))
    if threads == 1 or len(first) < 2:
        for piece in chain(first, pieces):
            yield piece, work(piece, stopping)
        return
    from concurrent.futures import ThreadPoolExecutor

    waiting: deque[tuple[Piece, Future[_T]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for piece in chain(first, pieces):
                waiting.append((piece, _begun(pool, work, piece, stopping)))
                if len(waiting) > 2 * threads:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _begun(
    pool: ThreadPoolExecutor,
    work: Callable[[Piece, threading.Event], _T],
    piece: Piece,
    stopping: threading.Event,
) -> Future[_T]:
    if piece.log.is_regular:
        return pool.submit(work, piece, stopping)
    from concurrent.futures import Future

    done: Future[_T] = Future()
    done.set_result(work(piece, stopping))
    return done
