"""Between the thread that reads and the one that counts: batches, which must not be many, and news."""

from __future__ import annotations

import queue
import threading
from typing import NamedTuple, Protocol

from reduction.hosts.streaming.log_reader import Batch, Place


class Begun(NamedTuple):
    """A log is followed from here on: it is to be known again, even if no line comes before it is renamed."""

    place: Place


class Finished(NamedTuple):
    """A file of the folder has been read to its end, all of which was handed over before."""

    place: Place


class Gone(NamedTuple):
    """Nothing more is to come of a file that was followed."""

    place: Place


class Drained(NamedTuple):
    """What was there has been handed over, and the reader has ended."""


class Failed(NamedTuple):
    """The reader has ended with an error."""

    error: Exception


class Stop(NamedTuple):
    """A signal asks the process to end."""

    signal_number: int


Item = Batch | Begun | Finished | Gone | Drained | Failed | Stop


class Taker(Protocol):
    """What a reader hands things to."""

    def put(self, item: Item) -> bool:
        """Hand over an item; returns False if nobody takes any more."""


class Channel:
    """Holds up to `batches` batches: who puts one more waits, and so a slow counter slows the reader."""

    def __init__(self, batches: int) -> None:
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._room = threading.Semaphore(batches)
        self.is_closed = False

    def put(self, item: Item) -> bool:
        """Hand over an item, a batch as soon as there is room; returns False if nobody takes any more."""
        if isinstance(item, Batch):
            self._room.acquire()
            if self.is_closed:
                self._room.release()  # nobody is to wait any more
        self._items.put(item)
        return not self.is_closed

    def tell(self, item: Item) -> None:
        """Hand over news at once; may be called by the handler of a signal."""
        self._items.put(item)

    def take(self, seconds: float | None) -> Item | None:
        """Return the next item; None if none has come for so long."""
        try:
            item = self._items.get(timeout=None if seconds is None else max(0.0, seconds))
        except queue.Empty:
            return None
        if isinstance(item, Batch):
            self._room.release()
        return item

    def close(self) -> None:
        """Let nobody wait for room, and tell who puts something that it is in vain."""
        self.is_closed = True
        self._room.release()
