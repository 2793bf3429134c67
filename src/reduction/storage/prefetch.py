"""Fetches ranges of objects ahead of their reader: many parts at once, bounded in bytes.

One object after the other would leave both the line and the processor idle most of the time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

from reduction.storage.base import ObjectMeta, Store, with_retries
from reduction.storage.constants import MAX_PREFETCH_BYTES

CHUNK_BYTES = 8 << 20  # one request
_REST_BYTES = 1 << 20  # not worth a request of its own


class ObjectRange(NamedTuple):
    """The bytes `start` to `stop` (exclusive) of an object."""

    meta: ObjectMeta
    start: int
    stop: int


class Chunk(NamedTuple):
    """The bytes of an object from `start` on."""

    start: int
    data: bytes

    @property
    def stop(self) -> int:
        """Where they end."""
        return self.start + len(self.data)


class _Asked(NamedTuple):
    of: int
    start: int
    size: int
    data: Future[bytes]


class Prefetcher:
    """The bytes of several ranges, each as parts in their order. To be used in a `with` block."""

    def __init__(
        self,
        store: Store,
        ranges: int,
        range_of: Callable[[int], ObjectRange | None],
        max_held_bytes: int = MAX_PREFETCH_BYTES,
    ) -> None:
        """Hold `max_held_bytes` bytes of parts at a time, or one part if that is larger.

        `range_of` tells each of so many ranges, or None as long as it is not known; it must be known when its
        parts are asked for.
        """
        self._store = store
        self._ranges = ranges
        self._range_of = range_of
        self._most_held = max_held_bytes
        self._next = 0  # the range that is to be asked for when those before are
        self._requests: deque[ObjectRange] = deque()  # those of the one before that are still to be made
        self._parts: deque[_Asked] = deque()
        self._held = 0
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(store.max_concurrency, "ahead")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up what is under way; nobody waits for it."""
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def chunks(self, index: int) -> Iterator[Chunk]:
        """Give the parts of one range; those of all before it are given up. Raises `StoreError`."""
        while self._parts and self._parts[0].of < index:
            self._taken().data.cancel()
        if self._next <= index:
            self._requests.clear()
            self._next = index
        self._fetch()
        assert self._next > index  # noqa: S101 - or bytes would be missing
        while self._parts and self._parts[0].of == index:
            part = Chunk(self._parts[0].start, self._parts[0].data.result())
            self._taken()
            self._fetch()
            yield part

    def ask(self, wanted: ObjectRange) -> Future[bytes]:
        """Ask for one range beside the others, whole; the result raises `StoreError`."""
        return self._threads.submit(self._read, wanted)

    def _taken(self) -> _Asked:
        part = self._parts.popleft()
        self._held -= part.size
        return part

    def _fetch(self) -> None:
        """Ask for as much as may be held, and for one part in any case."""
        while self._has_requests():
            request = self._requests[0]
            size = request.stop - request.start
            if self._parts and self._held + size > self._most_held:
                return
            self._requests.popleft()
            self._parts.append(_Asked(self._next - 1, request.start, size, self.ask(request)))
            self._held += size

    def _has_requests(self) -> bool:
        """Tell whether there is one to be made, taking the next ranges until there is."""
        while not self._requests:
            if self._next == self._ranges or (wanted := self._range_of(self._next)) is None:
                return False
            self._requests.extend(_cut(wanted))
            self._next += 1
        return True

    def _read(self, wanted: ObjectRange) -> bytes:
        return with_retries(lambda: self._store.read(*wanted), self._stop)


def prefetch_all(store: Store, objects: Sequence[ObjectMeta]) -> Prefetcher:
    """Return what fetches whole objects."""
    return Prefetcher(store, len(objects), lambda index: whole(objects[index]))


def whole(meta: ObjectMeta) -> ObjectRange:
    """Return the range that is the object."""
    return ObjectRange(meta, 0, meta.size)


def _cut(wanted: ObjectRange) -> Iterator[ObjectRange]:
    """Give the range of each request; an empty object is one, too, since it may be empty no more."""
    meta, start, stop = wanted
    if not meta.size:
        yield wanted
    while start < stop:
        end = stop if stop - start <= CHUNK_BYTES + _REST_BYTES else start + CHUNK_BYTES
        yield ObjectRange(meta, start, end)
        start = end
