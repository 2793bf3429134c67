"""The two threads of streaming, and how they end: one reads, the main one counts and reports."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Protocol

from reduction.errors import Interrupted
from reduction.hosts.streaming.event_queue import Drained, EventConsumer, EventQueue, Failed, Stop
from reduction.hosts.streaming.log_reader import FilePosition
from reduction.hosts.streaming.processor import StreamProcessor
from reduction.hosts.streaming.watcher import DirectoryWatcher

if TYPE_CHECKING:
    from reduction.hosts.streaming.live_table import LiveTable

_SECONDS_UNTIL_WHOLE = 0.5  # between polls of a file that may be complete soon
_SECONDS_BETWEEN_TABLES = 0.5
_SHARE_OF_TABLES = 0.1  # of the time, when windows are large


class Source(Protocol):
    """The input: a folder, or a log that grows."""

    def poll(self, consumer: EventConsumer) -> bool:
        """Queue what is available; return whether nothing more is expected soon."""

    def end(self, consumer: EventConsumer) -> None:
        """Queue what would have waited, at the last poll."""

    def archive(self, position: FilePosition) -> bool:
        """Archive a file that was counted to its end, if the source does that; for the counting thread."""

    def close(self) -> None:
        """Close open files."""


def steady_clock() -> Callable[[], int]:
    """Return a clock in Unix milliseconds that never goes back, even if the system clock does."""
    began = time.time_ns() - time.monotonic_ns()
    return lambda: (began + time.monotonic_ns()) // 1_000_000


def read_on(source: Source, event_queue: EventQueue, notices: DirectoryWatcher, *, once: bool) -> None:
    """Read until the queue is closed, or with `once` until nothing is left; an error becomes an event."""
    try:
        while not event_queue.is_closed:
            is_settled = source.poll(event_queue)
            if once and is_settled:
                source.end(event_queue)
                event_queue.notify(Drained())
                return
            if is_settled:
                notices.wait()
            else:
                notices.wait(_SECONDS_UNTIL_WHOLE)
    except Exception as error:  # of any kind: the main thread reports it
        event_queue.notify(Failed(error))
    finally:
        source.close()


def count(
    processor: StreamProcessor,
    event_queue: EventQueue,
    now_ms: Callable[[], int],
    table: LiveTable | None,
    *,
    keeps: bool,
) -> int | None:
    """Count and report until the reader or a signal ends it; return the signal, or None.

    At the end the open windows are reported, unless a checkpoint `keeps` them. An error of the reader is
    raised after that.
    """
    end = processor.checkpoint if keeps else processor.end
    next_table_ms = 0
    while True:
        item = event_queue.take(0)
        if item is None:
            processor.pause(now_ms)
            item = event_queue.take(_patience(processor, now_ms(), next_table_ms if table else None))
        if item is None:
            processor.tick(now_ms)
        elif isinstance(item, Drained):
            processor.end(now_ms)
            return None
        elif isinstance(item, Stop):
            end(now_ms)
            return item.signal_number
        elif isinstance(item, Failed):
            end(now_ms)
            raise item.error
        else:
            processor.take(item, now_ms)
        if table is not None and now_ms() >= next_table_ms:
            began = now_ms()
            table.update(processor.clock.snapshot(began))
            pause_ms = max(_SECONDS_BETWEEN_TABLES * 1000, (now_ms() - began) / _SHARE_OF_TABLES)
            next_table_ms = now_ms() + int(pause_ms)


@contextmanager
def reading(
    source: Source, event_queue: EventQueue, notices: DirectoryWatcher, *, once: bool
) -> Iterator[None]:
    """Run the reader thread during the block."""
    reader = threading.Thread(
        target=read_on, args=(source, event_queue, notices), kwargs={"once": once}, name="reader", daemon=True
    )
    reader.start()
    try:
        yield
    finally:
        event_queue.close()
        notices.wake()
        reader.join()


@contextmanager
def signals_to(event_queue: EventQueue) -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into an event, handled between two steps; the next one interrupts."""

    def handle(number: int, _: FrameType | None) -> None:
        for other in before:
            signal.signal(other, interrupt)
        event_queue.notify(Stop(number))

    def interrupt(number: int, _: FrameType | None) -> None:
        raise Interrupted(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _patience(processor: StreamProcessor, now: int, next_table_ms: int | None) -> float | None:
    """Return the seconds until something must be done without input."""
    times = [moment for moment in (processor.clock.due_ms(), next_table_ms) if moment is not None]
    return (min(times) - now) / 1000 if times else None
