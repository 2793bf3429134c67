"""How far a runner is: numbers in memory that outlives it, so a killed runner still tells where it was."""

from __future__ import annotations

import mmap
from typing import NamedTuple, Protocol

_NUMBERS = 4  # of eight bytes each, for every runner
_NONE = -1


class Progress(Protocol):
    """What an engine reports to while it works."""

    def starts(self, index: int) -> None:
        """Begin with the unit at `index` of the share."""

    def read_bytes(self, count: int) -> None:
        """Count bytes read from the current unit."""

    def finishes(self, size: int, *, ends_file: bool) -> None:
        """Be done with the current unit, whatever became of it."""


class Standing(NamedTuple):
    """Where a runner is: index of its current unit (None between units), bytes and files done."""

    unit: int | None
    bytes: int
    files: int


class Silent:
    """A `Progress` that nobody looks at."""

    def starts(self, index: int) -> None:
        """Ignore it."""

    def read_bytes(self, count: int) -> None:
        """Ignore it."""

    def finishes(self, size: int, *, ends_file: bool) -> None:
        """Ignore it."""


class Board:
    """Shared memory with one slot a runner: written by runners, read by the controller, without locks.

    Each number has one writer and is one aligned machine word. Children must be forked, not spawned, to
    share it (docs/adr/0003).
    """

    def __init__(self, slots: int) -> None:
        self._numbers = memoryview(mmap.mmap(-1, 8 * _NUMBERS * slots)).cast("q")
        for slot in range(slots):
            self._numbers[slot * _NUMBERS] = _NONE

    def slot(self, index: int) -> Slot:
        """Return the writing end of slot `index`."""
        return Slot(self._numbers[index * _NUMBERS : (index + 1) * _NUMBERS])

    def standing(self, index: int) -> Standing:
        """Return what slot `index` says now."""
        unit, before, current, files = self._numbers[index * _NUMBERS : (index + 1) * _NUMBERS].tolist()
        return Standing(None if unit == _NONE else unit, before + current, files)


class Slot:
    """One runner's line on the board."""

    def __init__(self, numbers: memoryview[int]) -> None:
        self._numbers = numbers

    def starts(self, index: int) -> None:
        """Begin with the unit at `index` of the share."""
        self._numbers[0] = index

    def read_bytes(self, count: int) -> None:
        """Count bytes read from the current unit."""
        self._numbers[2] += count

    def finishes(self, size: int, *, ends_file: bool) -> None:
        """Be done with the current unit: all its bytes count as done, also if it was left half-way.

        A cut file counts as done with its last unit.
        """
        self._numbers[1] += size
        self._numbers[2] = 0
        self._numbers[3] += ends_file
        self._numbers[0] = _NONE
