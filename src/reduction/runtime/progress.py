"""Progress of runners in shared memory, so that the last position of a killed runner is still known."""

from __future__ import annotations

import mmap
from typing import NamedTuple, Protocol

_NUMBERS = (
    4  # per runner, of eight bytes each: current split, bytes of done splits, of the current one, files
)
_NO_SPLIT = -1


class Progress(Protocol):
    """The callbacks by which an engine reports its progress."""

    def start_split(self, index: int) -> None:
        """Start the split at `index` of the share."""

    def read_bytes(self, count: int) -> None:
        """Count bytes read from the current split."""

    def finish_split(self, size: int, *, ends_file: bool) -> None:
        """Finish the current split of `size` bytes, whether it was read or skipped."""


class ProgressSnapshot(NamedTuple):
    """Progress of a runner: index of its current split (None between splits), bytes and files done."""

    split: int | None
    bytes: int
    files: int


class NullProgress:
    """A `Progress` that discards everything."""

    def start_split(self, index: int) -> None:
        """Do nothing."""

    def read_bytes(self, count: int) -> None:
        """Do nothing."""

    def finish_split(self, size: int, *, ends_file: bool) -> None:
        """Do nothing."""


class SharedProgress:
    """Shared memory with one slot per runner: written by the runners, read by the controller, without locks.

    Each number has one writer and is one aligned machine word. Runners must be forked, not spawned, to share
    the memory (docs/adr/0003).
    """

    def __init__(self, slots: int) -> None:
        self._numbers = memoryview(mmap.mmap(-1, 8 * _NUMBERS * slots)).cast("q")
        for slot in range(slots):
            self._numbers[slot * _NUMBERS] = _NO_SPLIT

    def slot(self, index: int) -> ProgressSlot:
        """Return the writer of slot `index`."""
        return ProgressSlot(self._numbers[index * _NUMBERS : (index + 1) * _NUMBERS])

    def snapshot(self, index: int) -> ProgressSnapshot:
        """Return the current values of slot `index`."""
        split, before, current, files = self._numbers[index * _NUMBERS : (index + 1) * _NUMBERS].tolist()
        return ProgressSnapshot(None if split == _NO_SPLIT else split, before + current, files)


class ProgressSlot:
    """The `Progress` of one runner: writes to its slot of a `SharedProgress`."""

    def __init__(self, numbers: memoryview[int]) -> None:
        self._numbers = numbers

    def start_split(self, index: int) -> None:
        """Start the split at `index` of the share."""
        self._numbers[0] = index

    def read_bytes(self, count: int) -> None:
        """Count bytes read from the current split."""
        self._numbers[2] += count

    def finish_split(self, size: int, *, ends_file: bool) -> None:
        """Finish the current split: all its bytes count as done, also if it was not read to its end.

        A split file counts as done with its last split.
        """
        self._numbers[1] += size
        self._numbers[2] = 0
        self._numbers[3] += ends_file
        self._numbers[0] = _NO_SPLIT
