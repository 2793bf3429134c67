"""The bytes that a split of a cut object needs: the object's beginning, its own, and what follows them.

The kernel asks for them by place (native/include/reduction/piece_reader.hpp). The beginning is fetched once
for all splits of an object that a runner has, the split's own bytes ahead, and whatever else, which is rare,
when it is asked for.
"""

from __future__ import annotations

from concurrent.futures import Future

from reduction.pipeline.splits import Split
from reduction.runtime import compression
from reduction.storage.base import ObjectMeta
from reduction.storage.prefetch import CHUNK_BYTES, Chunk, ObjectRange, Prefetcher

# What the kernel looks at together is 64 KiB: behind a byte-order mark, from two bytes before a split on, and
# behind the split, where its last row mostly ends. It goes back by less than twice as much.
_LOOK_BYTES = 64 << 10
HEAD_BYTES = _LOOK_BYTES + compression.HEAD_BYTES
_BEFORE_BYTES = 2
_BACK_BYTES = 2 * _LOOK_BYTES


class ObjectHead:
    """The beginning of a cut object, and what it says about which bytes of its splits are worth fetching."""

    def __init__(self, meta: ObjectMeta, number: int, prefetcher: Prefetcher) -> None:
        """Ask for it, without waiting; `number` is that of the object among those that are cut."""
        self.meta = meta
        self.number = number
        self._prefetcher = prefetcher
        self._first: Future[bytes] = prefetcher.ask(ObjectRange(meta, 0, min(HEAD_BYTES, meta.size)))
        self._more = b""
        self.is_read = True
        """Whether the kernel reads on behind it, as far as is known; only what is fetched depends on it."""

    def data(self) -> bytes:
        """Return what is there of it, at least `HEAD_BYTES`; raises `StoreError`."""
        return self._more or self._first.result()

    def extend(self) -> bytes:
        """Return more of it, up to `CHUNK_BYTES`: the header is longer. Raises `StoreError`."""
        data = self.data()
        end = min(CHUNK_BYTES, self.meta.size)
        if len(data) < end:
            self._more = data + self._prefetcher.ask(ObjectRange(self.meta, len(data), end)).result()
        return self.data()

    def range_of(self, split: Split) -> ObjectRange | None:
        """Return what is to be fetched ahead for a split, without the head; None if that is not there yet.

        The first split of an archive reads all of it and the others nothing.
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
        return ObjectRange(self.meta, start, stop) if self.is_read and start < stop else nothing


class SplitReader:
    """The bytes of a cut object as one split of it asks for them, by place."""

    def __init__(self, head: ObjectHead, prefetcher: Prefetcher, index: int) -> None:
        """Take what `prefetcher` fetches as range number `index`."""
        self._head = head
        self._prefetcher = prefetcher
        self._parts = prefetcher.chunks(index)
        self._coming: Chunk | None = None  # taken from them, and not yet given
        self._end = 0  # of those that were given
        self.is_asked = False
        """Whether anything behind the head was asked for."""
        self._part = self._before = Chunk(0, b"")

    def part(self, at: int) -> Chunk:
        """Return a part with the byte at `at`, an empty one behind the object's end; raises `StoreError`."""
        head = self._head
        data = head.data()
        if at < len(data):
            return Chunk(0, data)
        for held in (self._part, self._before):
            if held.start <= at < held.stop:
                return held
        if at >= head.meta.size:
            return Chunk(at, b"")
        self.is_asked = True
        if (part := self._from_ahead(at)) is not None:
            return part
        if at == len(data) < CHUNK_BYTES:
            return Chunk(0, head.extend())
        stop = min(at + CHUNK_BYTES, head.meta.size)
        return self._keep(Chunk(at, self._prefetcher.ask(ObjectRange(head.meta, at, stop)).result()))

    def _from_ahead(self, at: int) -> Chunk | None:
        """Return the part with the byte at `at` if it is still to come."""
        while at >= self._end:
            if self._coming is None and (part := next(self._parts, None)) is not None:
                self._coming = part
            if self._coming is None or at < self._coming.start:
                return None
            part = self._keep(self._coming)
            self._coming, self._end = None, part.stop
            if at < part.stop:
                return part
        return None

    def _keep(self, part: Chunk) -> Chunk:
        """Hold this part, and of the one before as much as may be asked for once more."""
        start, data = self._part
        given_up = max(0, len(data) - _BACK_BYTES)
        self._before = Chunk(start + given_up, data[given_up:])
        self._part = part
        return part
