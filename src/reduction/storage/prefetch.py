"""Prefetching: fetches ranges of objects ahead of the reader, many requests at once, bounded in bytes.

One request after the other would leave network and processor idle most of the time.
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

CHUNK_BYTES = 8 << 20  # of one request
_MIN_LAST_CHUNK_BYTES = 1 << 20  # a smaller rest is fetched with the chunk before it


class ObjectRange(NamedTuple):
    """The bytes `start` to `stop` (exclusive) of an object."""

    meta: ObjectMeta
    start: int
    stop: int


class Chunk(NamedTuple):
    """Bytes of an object, from offset `start` on."""

    start: int
    data: bytes

    @property
    def stop(self) -> int:
        """The offset after the last byte."""
        return self.start + len(self.data)


class _Request(NamedTuple):
    range_index: int
    start: int
    size: int
    data: Future[bytes]


class Prefetcher:
    """Fetches a sequence of ranges, each in chunks in order. Use it in a `with` block."""

    def __init__(
        self,
        store: Store,
        ranges: int,
        range_of: Callable[[int], ObjectRange | None],
        max_held_bytes: int = MAX_PREFETCH_BYTES,
    ) -> None:
        """Fetch `ranges` ranges; hold up to `max_held_bytes` bytes of chunks, but at least one chunk.

        `range_of` returns the range at an index, or None while it is not known yet; it must be known when
        `chunks` is called for it.
        """
        self._store = store
        self._ranges = ranges
        self._range_of = range_of
        self._max_held_bytes = max_held_bytes
        self._next_range = 0  # the next one to split into requests
        self._pending: deque[ObjectRange] = deque()  # requests of the range before it that are not started
        self._started: deque[_Request] = deque()
        self._held_bytes = 0
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(store.max_concurrency, "prefetch")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel pending requests without waiting for those that are running."""
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def chunks(self, index: int) -> Iterator[Chunk]:
        """Yield the chunks of the range at `index`; earlier ranges are dropped. Raises `StoreError`."""
        while self._started and self._started[0].range_index < index:
            self._pop_request().data.cancel()
        if self._next_range <= index:
            self._pending.clear()
            self._next_range = index
        self._start_requests()
        assert self._next_range > index  # noqa: S101 - or bytes would be missing
        while self._started and self._started[0].range_index == index:
            chunk = Chunk(self._started[0].start, self._started[0].data.result())
            self._pop_request()
            self._start_requests()
            yield chunk

    def fetch(self, wanted: ObjectRange) -> Future[bytes]:
        """Fetch one more range in a single request; the future's result raises `StoreError`."""
        return self._threads.submit(self._read, wanted)

    def _pop_request(self) -> _Request:
        request = self._started.popleft()
        self._held_bytes -= request.size
        return request

    def _start_requests(self) -> None:
        """Start as many requests as may be held, and at least one."""
        while self._has_pending():
            wanted = self._pending[0]
            size = wanted.stop - wanted.start
            if self._started and self._held_bytes + size > self._max_held_bytes:
                return
            self._pending.popleft()
            self._started.append(_Request(self._next_range - 1, wanted.start, size, self.fetch(wanted)))
            self._held_bytes += size

    def _has_pending(self) -> bool:
        """Return whether there is a request to start, splitting the next ranges into requests if needed."""
        while not self._pending:
            if self._next_range == self._ranges or (wanted := self._range_of(self._next_range)) is None:
                return False
            self._pending.extend(_requests_of(wanted))
            self._next_range += 1
        return True

    def _read(self, wanted: ObjectRange) -> bytes:
        return with_retries(lambda: self._store.read(*wanted), self._stop)


def prefetch_all(store: Store, objects: Sequence[ObjectMeta]) -> Prefetcher:
    """Return a prefetcher of whole objects."""
    return Prefetcher(store, len(objects), lambda index: whole(objects[index]))


def whole(meta: ObjectMeta) -> ObjectRange:
    """Return the range of a whole object."""
    return ObjectRange(meta, 0, meta.size)


def _requests_of(wanted: ObjectRange) -> Iterator[ObjectRange]:
    """Yield the range of each request; an empty object has one, too, to check that it is still empty."""
    meta, start, stop = wanted
    if not meta.size:
        yield wanted
    while start < stop:
        end = stop if stop - start <= CHUNK_BYTES + _MIN_LAST_CHUNK_BYTES else start + CHUNK_BYTES
        yield ObjectRange(meta, start, end)
        start = end
