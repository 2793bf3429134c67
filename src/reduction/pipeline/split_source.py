"""The bytes that a unit of a cut object needs: the object's beginning, its own, and what follows them.

The kernel asks for them by place (native/include/reduction/piece_reader.hpp). The beginning is fetched once
for all units of an object that a runner has, the unit's own bytes ahead, and whatever else, which is rare,
when it is asked for.
"""

from __future__ import annotations

from concurrent.futures import Future

from reduction.pipeline.splits import Unit
from reduction.runtime import compression
from reduction.storage.base import Found
from reduction.storage.prefetch import PART_BYTES, Ahead, Part, Range

# What the kernel looks at together is 64 KiB: behind a byte-order mark, from two bytes before a unit on, and
# behind the unit, where its last row mostly ends. It goes back by less than twice as much.
_LOOK_BYTES = 64 << 10
HEAD_BYTES = _LOOK_BYTES + compression.HEAD_BYTES
_BEFORE_BYTES = 2
_BACK_BYTES = 2 * _LOOK_BYTES


class Head:
    """The beginning of a cut object, and what it says about which bytes of its units are worth fetching."""

    def __init__(self, found: Found, number: int, ahead: Ahead) -> None:
        """Ask for it, without waiting; `number` is that of the object among those that are cut."""
        self.found = found
        self.number = number
        self._ahead = ahead
        self._first: Future[bytes] = ahead.ask(Range(found, 0, min(HEAD_BYTES, found.size)))
        self._more = b""
        self.is_read = True
        """Whether the kernel reads on behind it, as far as is known; only what is fetched depends on it."""

    def data(self) -> bytes:
        """Return what is there of it, at least `HEAD_BYTES`; raises `StoreFault`."""
        return self._more or self._first.result()

    def extend(self) -> bytes:
        """Return more of it, up to `PART_BYTES`: the header is longer. Raises `StoreFault`."""
        data = self.data()
        end = min(PART_BYTES, self.found.size)
        if len(data) < end:
            self._more = data + self._ahead.ask(Range(self.found, len(data), end)).result()
        return self.data()

    def range_of(self, unit: Unit) -> Range | None:
        """Return what is to be fetched ahead for a unit, without the head; None if that is not there yet.

        The first unit of an archive reads all of it and the others nothing.
        """
        if not self._first.done():
            return None
        nothing = Range(self.found, unit.stop, unit.stop)
        if self._first.exception() is not None:
            return nothing
        head = self.data()
        if compression.is_archive(head[: compression.HEAD_BYTES]):
            return nothing if unit.start else Range(self.found, len(head), max(len(head), unit.size))
        start = max(len(head), unit.start - _BEFORE_BYTES)
        stop = min(unit.stop + _LOOK_BYTES, unit.size)
        return Range(self.found, start, stop) if self.is_read and start < stop else nothing


class UnitBytes:
    """The bytes of a cut object as one unit of it asks for them, by place."""

    def __init__(self, head: Head, ahead: Ahead, index: int) -> None:
        """Take what `ahead` fetches as range number `index`."""
        self._head = head
        self._ahead = ahead
        self._parts = ahead.parts(index)
        self._coming: Part | None = None  # taken from them, and not yet given
        self._end = 0  # of those that were given
        self.is_asked = False
        """Whether anything behind the head was asked for."""
        self._part = self._before = Part(0, b"")

    def part(self, at: int) -> Part:
        """Return a part with the byte at `at`, an empty one behind the object's end; raises `StoreFault`."""
        head = self._head
        data = head.data()
        if at < len(data):
            return Part(0, data)
        for held in (self._part, self._before):
            if held.start <= at < held.stop:
                return held
        if at >= head.found.size:
            return Part(at, b"")
        self.is_asked = True
        if (part := self._from_ahead(at)) is not None:
            return part
        if at == len(data) < PART_BYTES:
            return Part(0, head.extend())
        stop = min(at + PART_BYTES, head.found.size)
        return self._keep(Part(at, self._ahead.ask(Range(head.found, at, stop)).result()))

    def _from_ahead(self, at: int) -> Part | None:
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

    def _keep(self, part: Part) -> Part:
        """Hold this part, and of the one before as much as may be asked for once more."""
        start, data = self._part
        given_up = max(0, len(data) - _BACK_BYTES)
        self._before = Part(start + given_up, data[given_up:])
        self._part = part
        return part
