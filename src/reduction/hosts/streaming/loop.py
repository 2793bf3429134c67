"""The two threads of streaming, and how they end: one reads, the main one counts and tells."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Protocol

from reduction.errors import Interrupted
from reduction.hosts.streaming.event_queue import Channel, Drained, Failed, Stop, Taker
from reduction.hosts.streaming.log_reader import Place
from reduction.hosts.streaming.processor import Stream
from reduction.hosts.streaming.watcher import Notices

if TYPE_CHECKING:
    from reduction.hosts.streaming.live_table import LiveTable

_SECONDS_UNTIL_WHOLE = 0.5  # between looks at a file that may be whole soon
_SECONDS_BETWEEN_TABLES = 0.5
_SHARE_OF_TABLES = 0.1  # of the time, when windows are large


class Source(Protocol):
    """What is read: a folder, or a log that grows."""

    def look(self, taker: Taker) -> bool:
        """Hand over what is there; returns whether nothing is left that may come soon."""

    def end(self, taker: Taker) -> None:
        """Hand over what would have waited, because there is no further look."""

    def put_away(self, place: Place) -> bool:
        """Move away a file that was counted to its end, if it is to be; called by the thread that counts."""

    def close(self) -> None:
        """Give back what is open."""


def steady_clock() -> Callable[[], int]:
    """Return what tells Unix milliseconds and never goes back, whatever is done to the computer's clock."""
    began = time.time_ns() - time.monotonic_ns()
    return lambda: (began + time.monotonic_ns()) // 1_000_000


def read_on(source: Source, channel: Channel, notices: Notices, *, once: bool) -> None:
    """Read until nobody takes any more, or `once` until nothing is left; what goes wrong is news."""
    try:
        while not channel.is_closed:
            is_settled = source.look(channel)
            if once and is_settled:
                source.end(channel)
                channel.tell(Drained())
                return
            if is_settled:
                notices.wait()
            else:
                notices.wait(_SECONDS_UNTIL_WHOLE)
    except Exception as error:  # of any kind: the main thread has to know
        channel.tell(Failed(error))
    finally:
        source.close()


def count(
    stream: Stream, channel: Channel, now_ms: Callable[[], int], table: LiveTable | None, *, keeps: bool
) -> int | None:
    """Count and tell until the reader or a signal ends it; returns the signal, or None.

    At the end the open windows are told of, unless somebody `keeps` them to go on from there. An error of the
    reader is raised after that.
    """
    end = stream.suspend if keeps else stream.end
    next_table_ms = 0
    while True:
        item = channel.take(0)
        if item is None:
            stream.pause(now_ms)
            item = channel.take(_patience(stream, now_ms(), next_table_ms if table else None))
        if item is None:
            stream.tick(now_ms)
        elif isinstance(item, Drained):
            stream.end(now_ms)
            return None
        elif isinstance(item, Stop):
            end(now_ms)
            return item.signal_number
        elif isinstance(item, Failed):
            end(now_ms)
            raise item.error
        else:
            stream.take(item, now_ms)
        if table is not None and now_ms() >= next_table_ms:
            began = now_ms()
            table.update(stream.clock.standing(began))
            pause_ms = max(_SECONDS_BETWEEN_TABLES * 1000, (now_ms() - began) / _SHARE_OF_TABLES)
            next_table_ms = now_ms() + int(pause_ms)


@contextmanager
def reading(source: Source, channel: Channel, notices: Notices, *, once: bool) -> Iterator[None]:
    """Let a thread read for as long as this lasts."""
    reader = threading.Thread(
        target=read_on, args=(source, channel, notices), kwargs={"once": once}, name="reader", daemon=True
    )
    reader.start()
    try:
        yield
    finally:
        channel.close()
        notices.wake()
        reader.join()


@contextmanager
def signals_to(channel: Channel) -> Iterator[None]:
    """Make news of the first SIGINT or SIGTERM, to come between two steps; the next one interrupts."""

    def handle(number: int, _: FrameType | None) -> None:
        for other in before:
            signal.signal(other, interrupt)
        channel.tell(Stop(number))

    def interrupt(number: int, _: FrameType | None) -> None:
        raise Interrupted(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _patience(stream: Stream, now: int, next_table_ms: int | None) -> float | None:
    """Return for how many seconds nothing is to be done unless something comes."""
    moments = [moment for moment in (stream.clock.due_ms(), next_table_ms) if moment is not None]
    return (min(moments) - now) / 1000 if moments else None
