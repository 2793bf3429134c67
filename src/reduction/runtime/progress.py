"""How far a runner is: numbers in memory that outlives it, so a killed runner still tells where it was."""

from __future__ import annotations

import mmap
from typing import NamedTuple, Protocol

_NUMBERS = 4  # of eight bytes each, for every runner
_NONE = -1


class Progress(Protocol):
    """What an engine reports to while it works."""

    def start_split(self, index: int) -> None:
        """Begin with the split at `index` of the share."""

    def read_bytes(self, count: int) -> None:
        """Count bytes read from the current split."""

    def finish_split(self, size: int, *, ends_file: bool) -> None:
        """Be done with the current split, whatever became of it."""


class ProgressSnapshot(NamedTuple):
    """Where a runner is: index of its current split (None between splits), bytes and files done."""

    split: int | None
    bytes: int
    files: int


class NullProgress:
    """A `Progress` that nobody looks at."""

    def start_split(self, index: int) -> None:
        """Ignore it."""

    def read_bytes(self, count: int) -> None:
        """Ignore it."""

    def finish_split(self, size: int, *, ends_file: bool) -> None:
        """Ignore it."""


class SharedProgress:
    """Shared memory with one slot a runner: written by runners, read by the controller, without locks.

    Each number has one writer and is one aligned machine word. Children must be forked, not spawned, to
    share it (docs/adr/0003).
    """

    def __init__(self, slots: int) -> None:
        self._numbers = memoryview(mmap.mmap(-1, 8 * _NUMBERS * slots)).cast("q")
        for slot in range(slots):
            self._numbers[slot * _NUMBERS] = _NONE

    def slot(self, index: int) -> ProgressSlot:
        """Return the writing end of slot `index`."""
        return ProgressSlot(self._numbers[index * _NUMBERS : (index + 1) * _NUMBERS])

    def snapshot(self, index: int) -> ProgressSnapshot:
        """Return what slot `index` says now."""
        split, before, current, files = self._numbers[index * _NUMBERS : (index + 1) * _NUMBERS].tolist()
        return ProgressSnapshot(None if split == _NONE else split, before + current, files)


class ProgressSlot:
    """One runner's line on the board."""

    def __init__(self, numbers: memoryview[int]) -> None:
        self._numbers = numbers

    def start_split(self, index: int) -> None:
        """Begin with the split at `index` of the share."""
        self._numbers[0] = index

    def read_bytes(self, count: int) -> None:
        """Count bytes read from the current split."""
        self._numbers[2] += count

    def finish_split(self, size: int, *, ends_file: bool) -> None:
        """Be done with the current split: all its bytes count as done, also if it was left half-way.

        A cut file counts as done with its last split.
        """
        self._numbers[1] += size
        self._numbers[2] = 0
        self._numbers[3] += ends_file
        self._numbers[0] = _NONE
