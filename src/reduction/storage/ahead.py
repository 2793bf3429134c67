"""Fetches the objects of a share ahead of their reader: many ranges at once, bounded in bytes.

One object after the other would leave both the line and the processor idle most of the time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

from reduction.storage import MOST_AHEAD_BYTES
from reduction.storage.client import Client, Found, patiently

PART_BYTES = 8 << 20  # one request


class _Part(NamedTuple):
    of: int
    size: int
    data: Future[bytes]


class Ahead:
    """The bytes of several objects, each as parts in their order. To be used in a `with` block."""

    def __init__(self, client: Client, objects: Sequence[Found], most_held: int = MOST_AHEAD_BYTES) -> None:
        """Hold `most_held` bytes of parts at a time, or one part if that is larger."""
        self._client = client
        self._most_held = most_held
        self._requests = self._cut(objects)
        self._next = next(self._requests, None)
        self._parts: deque[_Part] = deque()
        self._held = 0
        self._at = 0
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(client.at_once, "ahead")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up what is under way; nobody waits for it."""
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def parts(self, index: int) -> Iterator[bytes]:
        """Give the parts of one object; those of all before it are given up. Raises `StoreFault`."""
        self._at = index
        while self._parts and self._parts[0].of < index:
            self._taken().data.cancel()
        self._fetch()
        while self._parts and self._parts[0].of == index:
            data = self._parts[0].data.result()
            self._taken()
            self._fetch()
            yield data

    def _taken(self) -> _Part:
        part = self._parts.popleft()
        self._held -= part.size
        return part

    def _fetch(self) -> None:
        """Ask for as much as may be held, and for one part in any case."""
        while self._next is not None:
            index, found, start, stop = self._next
            if index >= self._at:
                if self._parts and self._held + stop - start > self._most_held:
                    return
                data = self._threads.submit(self._read, found, start, stop)
                self._parts.append(_Part(index, stop - start, data))
                self._held += stop - start
            self._next = next(self._requests, None)

    def _read(self, found: Found, start: int, stop: int) -> bytes:
        return patiently(lambda: self._client.read(found, start, stop), self._stop)

    @staticmethod
    def _cut(objects: Sequence[Found]) -> Iterator[tuple[int, Found, int, int]]:
        """Give each request; an empty object is one, too, since it may be empty no more."""
        for index, found in enumerate(objects):
            for start in range(0, max(found.size, 1), PART_BYTES):
                yield index, found, start, min(start + PART_BYTES, found.size)
