"""Divides logs into chunks of work, and processes them with several threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from reduction.hosts.batch import blocks
from reduction.hosts.batch.log_files import LogFile
from reduction.hosts.batch.scan import Query
from reduction.hosts.batch.time_range import Part, part_of

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_T = TypeVar("_T")


class ScanConfig(NamedTuple):
    """How many bytes are read at a time, by how many threads; no answer depends on it.

    The binary search reads `probe_bytes` at a time and stops at `enough_bytes`. The part it finds is divided
    into chunks of `chunk_bytes`, which are read in blocks of `block_bytes`.
    """

    threads: int = 1
    block_bytes: int = 1 << 20
    chunk_bytes: int = 1 << 25
    probe_bytes: int = 1 << 12
    enough_bytes: int = 1 << 16


class Chunk(NamedTuple):
    """The lines of a log that start from `start` or later, up to `stop` (exclusive).

    `part` is what all chunks of the log cover together; `number` is that of the log, counted from 0.
    """

    log: LogFile
    number: int
    part: Part
    start: int
    stop: int

    def blocks(self, block_bytes: int) -> Iterator[tuple[int, memoryview]]:
        """Yield the lines in blocks of about `block_bytes`; raises `InputError`."""
        if self.log.has_parts:
            start = blocks.line_start(self.log, self.start, self.stop)
            yield from blocks.of_part(self.log, start, self.stop, block_bytes)
        else:
            with self.log.text() as stream:
                yield from blocks.of_stream(stream, block_bytes)

    @property
    def is_first(self) -> bool:
        """Whether it is the first of its part, which begins at the start of a line."""
        return self.start == self.part.start

    @property
    def is_whole_log_read(self) -> bool:
        """Whether its part is the complete log."""
        return self.part.start == 0 and self.part.stop == self.log.size

    @property
    def is_last(self) -> bool:
        """Whether it is the last of its part."""
        return self.stop == self.part.stop


def cut(
    paths: Sequence[str], query: Query, config: ScanConfig, logs: ExitStack, *, full_scan: bool
) -> Iterator[Chunk]:
    """Open each log and yield its chunks, at least one; `logs` closes those still open at the end.

    A log is read completely if `full_scan` is true, or if it cannot be read in parts. Raises `InputError`.
    """
    for number, path in enumerate(paths):
        log = LogFile(path)
        logs.callback(log.close)
        if full_scan or not log.has_parts:
            part = Part(0, log.size, [], [])
        else:
            part = part_of(log, query, config.probe_bytes, config.enough_bytes)
        step = config.chunk_bytes if log.has_parts else max(1, log.size)
        starts = range(part.start, part.stop, step) or range(part.start, part.start + 1)
        for start in starts:
            yield Chunk(log, number, part, start, min(start + step, part.stop))


def done_in_order(
    work: Callable[[Chunk, threading.Event], _T], chunks: Iterator[Chunk], threads: int
) -> Generator[tuple[Chunk, _T]]:
    """Yield each chunk with the result of `work`, in order; `work` may stop early once the event is set.

    What `work` raises is raised here, after all threads have stopped. A single chunk needs no thread; a pipe
    gets none, because a thread that waits for its writer could not be stopped.
    """
    stopping = threading.Event()
    first = list(islice(chunks, 2))
    if threads == 1 or len(first) < 2:
        for chunk in chain(first, chunks):
            yield chunk, work(chunk, stopping)
        return
    from concurrent.futures import ThreadPoolExecutor

    waiting: deque[tuple[Chunk, Future[_T]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for chunk in chain(first, chunks):
                waiting.append((chunk, _begun(pool, work, chunk, stopping)))
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
    work: Callable[[Chunk, threading.Event], _T],
    chunk: Chunk,
    stopping: threading.Event,
) -> Future[_T]:
    if chunk.log.is_regular:
        return pool.submit(work, chunk, stopping)
    from concurrent.futures import Future

    done: Future[_T] = Future()
    done.set_result(work(chunk, stopping))
    return done
