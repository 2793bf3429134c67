"""The queue between the thread that reads and the one that counts: batches, limited in number, and events."""

from __future__ import annotations

import queue
import threading
from typing import NamedTuple, Protocol

from reduction.hosts.streaming.log_reader import Batch, FilePosition


class Begun(NamedTuple):
    """A log is followed from now on: it must be recognized, even if it is renamed before a line arrives."""

    position: FilePosition


class Finished(NamedTuple):
    """A file of the folder was read to its end; all of its batches were queued before."""

    position: FilePosition


class Gone(NamedTuple):
    """A file that was followed is finished."""

    position: FilePosition


class Drained(NamedTuple):
    """Everything was queued, and the reader has ended."""


class Failed(NamedTuple):
    """The reader has ended with an error."""

    error: Exception


class Stop(NamedTuple):
    """A signal stops the process."""

    signal_number: int


Item = Batch | Begun | Finished | Gone | Drained | Failed | Stop


class EventConsumer(Protocol):
    """Where a reader puts batches and events."""

    def put(self, item: Item) -> bool:
        """Queue an item; returns False if the queue is closed."""


class EventQueue:
    """Holds up to `batches` batches: a reader that is ahead blocks (back-pressure)."""

    def __init__(self, batches: int) -> None:
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._room = threading.Semaphore(batches)
        self.is_closed = False

    def put(self, item: Item) -> bool:
        """Queue an item, a batch as soon as there is room; returns False if the queue is closed."""
        if isinstance(item, Batch):
            self._room.acquire()
            if self.is_closed:
                self._room.release()  # no reader waits any more
        self._items.put(item)
        return not self.is_closed

    def notify(self, item: Item) -> None:
        """Queue an event at once; may be called by a signal handler."""
        self._items.put(item)

    def take(self, seconds: float | None) -> Item | None:
        """Return the next item; None if there is none within `seconds`."""
        try:
            item = self._items.get(timeout=None if seconds is None else max(0.0, seconds))
        except queue.Empty:
            return None
        if isinstance(item, Batch):
            self._room.release()
        return item

    def close(self) -> None:
        """Unblock waiting readers; `put` returns False from now on."""
        self.is_closed = True
        self._room.release()
