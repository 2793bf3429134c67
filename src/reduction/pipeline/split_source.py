"""The bytes of a split of a large object: the object's head, the split itself, and what follows it.

The kernel requests them by offset (native/include/reduction/csv/split_reader.hpp). A runner fetches the head
of an object once for all its splits and prefetches each split; other bytes are rarely needed and are fetched
on demand.
"""

from __future__ import annotations

from concurrent.futures import Future

from reduction.pipeline.splits import Split
from reduction.runtime import compression
from reduction.storage.base import ObjectMeta
from reduction.storage.prefetch import CHUNK_BYTES, Chunk, ObjectRange, Prefetcher

# The kernel examines 64 KiB at a time: after a byte-order mark, from two bytes before a split, and after the
# split, where its last row usually ends. It goes back by less than twice as much.
_LOOK_BYTES = 64 << 10
HEAD_BYTES = _LOOK_BYTES + compression.HEAD_BYTES
_BEFORE_BYTES = 2
_BACK_BYTES = 2 * _LOOK_BYTES


class ObjectHead:
    """The beginning of a split object, and the ranges of its splits that are worth prefetching."""

    def __init__(self, meta: ObjectMeta, split_file_id: int, prefetcher: Prefetcher) -> None:
        """Start to fetch the head, without waiting for it."""
        self.meta = meta
        self.split_file_id = split_file_id
        self._prefetcher = prefetcher
        self._first: Future[bytes] = prefetcher.fetch(ObjectRange(meta, 0, min(HEAD_BYTES, meta.size)))
        self._extended = b""
        self.is_read_further = True
        """Whether the kernel reads more than the head, as far as known; it only affects prefetching."""

    def data(self) -> bytes:
        """Return the head as far as fetched, at least `HEAD_BYTES`. Raises `StoreError`."""
        return self._extended or self._first.result()

    def extend(self) -> bytes:
        """Fetch and return the head up to `CHUNK_BYTES`, for a longer header. Raises `StoreError`."""
        data = self.data()
        end = min(CHUNK_BYTES, self.meta.size)
        if len(data) < end:
            self._extended = data + self._prefetcher.fetch(ObjectRange(self.meta, len(data), end)).result()
        return self.data()

    def range_of(self, split: Split) -> ObjectRange | None:
        """Return the range to prefetch for a split, without the head; None until the head has arrived.

        The first split of a compressed object reads all of it, and the others nothing.
        """
        if not self._first.done():
            return None
        nothing = ObjectRange(self.meta, split.stop, split.stop)
        if self._first.exception() is not None:
            return nothing
        head = self.data()
        if compression.is_archive(head[: compression.HEAD_BYTES]):
            return nothing if split.start else ObjectRange(self.meta, len(head), max(len(head), split.size))
        start = max(len(head), split.start - _BEFORE_BYTES)
        stop = min(split.stop + _LOOK_BYTES, split.size)
        return ObjectRange(self.meta, start, stop) if self.is_read_further and start < stop else nothing


class SplitReader:
    """A small chunk cache over a split object, for the requests of one split."""

    def __init__(self, head: ObjectHead, prefetcher: Prefetcher, index: int) -> None:
        """Read the range number `index` of `prefetcher`."""
        self._head = head
        self._prefetcher = prefetcher
        self._prefetched = prefetcher.chunks(index)
        self._upcoming: Chunk | None = None  # the next prefetched chunk, if it was looked at already
        self._prefetch_end = 0  # the offset after the last prefetched chunk that was used
        self._last = self._previous = Chunk(0, b"")
        self.has_read_beyond_head = False

    def chunk_at(self, offset: int) -> Chunk:
        """Return a chunk with the byte at `offset`, or an empty one at the object's end. Raises `StoreError`.

        It comes from the first of these that has it: the head, the last two chunks, the prefetched chunks, an
        extension of the head (for a very long header), a request of its own.
        """
        head = self._head
        data = head.data()
        if offset < len(data):
            return Chunk(0, data)
        for chunk in (self._last, self._previous):
            if chunk.start <= offset < chunk.stop:
                return chunk
        if offset >= head.meta.size:
            return Chunk(offset, b"")
        self.has_read_beyond_head = True
        if (prefetched := self._next_prefetched(offset)) is not None:
            return prefetched
        if offset == len(data) < CHUNK_BYTES:
            return Chunk(0, head.extend())
        stop = min(offset + CHUNK_BYTES, head.meta.size)
        return self._keep(
            Chunk(offset, self._prefetcher.fetch(ObjectRange(head.meta, offset, stop)).result())
        )

    def _next_prefetched(self, offset: int) -> Chunk | None:
        """Return the prefetched chunk with the byte at `offset`, unless it is not prefetched or was used."""
        while offset >= self._prefetch_end:
            if self._upcoming is None:
                self._upcoming = next(self._prefetched, None)
            if self._upcoming is None or offset < self._upcoming.start:
                return None
            chunk = self._keep(self._upcoming)
            self._upcoming, self._prefetch_end = None, chunk.stop
            if offset < chunk.stop:
                return chunk
        return None

    def _keep(self, chunk: Chunk) -> Chunk:
        """Keep this chunk, and the end of the one before, as far as the kernel goes back."""
        start, data = self._last
        dropped = max(0, len(data) - _BACK_BYTES)
        self._previous = Chunk(start + dropped, data[dropped:])
        self._last = chunk
        return chunk
