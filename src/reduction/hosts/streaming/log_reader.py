"""Reads a log in batches of whole lines, and says at each how far it has come.

A `Place` is what must be known to go on there: which file it is, and what of it has been read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from reduction.errors import InputError

HEAD_BYTES = 1024  # of a file, by which it is known again
_LEAST_READ = 1 << 12  # bytes
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # not to wait for the writer of a pipe


@dataclass(frozen=True, slots=True)
class Place:
    """How far the file `name` has been read: `offset` bytes, which are `lines` lines.

    It is known again by device, inode and a digest of its first `head_bytes` bytes.
    `is_whole`: nothing more is to come.
    """

    name: str
    device: int
    inode: int
    head_bytes: int = 0
    head: str = ""
    offset: int = 0
    lines: int = 0
    is_whole: bool = False

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells this file from all others that are being read."""
        return (self.name, self.device, self.inode)


class Batch(NamedTuple):
    """Whole lines of a file, and the place behind them."""

    block: bytes
    place: Place

    @property
    def offset(self) -> int:
        """Where the block begins in its file."""
        return self.place.offset - len(self.block)

    @property
    def lines_before(self) -> int:
        """The lines of the file before the block."""
        return self.place.lines - self.block.count(b"\n")


class OpenLog:
    """A log that is being read, in batches of up to `batch_bytes` bytes, or of one longer line; close it."""

    def __init__(self, descriptor: int, place: Place, batch_bytes: int) -> None:
        self.descriptor = descriptor
        self.place = place
        self._batch_bytes = batch_bytes
        self._held = bytearray()
        self._searched = 0  # of the bytes held: there is no line end in them

    @property
    def read_to(self) -> int:
        """The bytes that were read, also of a line that is not finished yet."""
        return self.place.offset + len(self._held)

    def next_batch(self) -> Batch | None:
        """Return the next lines, None if no whole line is there now. Raises `InputError`."""
        is_at_end = False
        while True:
            if is_at_end or len(self._held) >= self._batch_bytes:
                cut = self._cut()
                if cut or is_at_end:
                    return self._take(cut) if cut else None
            piece = self._read()
            self._held += piece
            is_at_end = not piece

    def rest(self) -> Batch | None:
        """Return the line that was not finished: the file is, and nothing more comes."""
        return self._take(len(self._held)) if self._held else None

    def begin_again(self) -> None:
        """Go back to the beginning of the file: it was emptied and is written anew."""
        self._held.clear()
        self._searched = 0
        self.place = Place(self.place.name, self.place.device, self.place.inode)

    def is_what_was_read(self) -> bool:
        """Return whether the file still holds what was read of it, as far as size and head tell."""
        return is_continued(self.descriptor, self.place) and os.fstat(self.descriptor).st_size >= self.read_to

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)

    def _read(self) -> bytes:
        try:
            wanted = max(self._batch_bytes - len(self._held), _LEAST_READ)
            return os.pread(self.descriptor, wanted, self.read_to)
        except OSError as error:
            raise InputError(f"'{self.place.name}' can't be read: {error.strerror}") from error

    def _cut(self) -> int:
        """Return where a batch ends: behind the last line that fits in, or else behind the first one."""
        fitting = self._held.rfind(b"\n", 0, self._batch_bytes) + 1
        if fitting:
            return fitting
        cut = self._held.find(b"\n", self._searched) + 1
        self._searched = len(self._held)
        return cut

    def _take(self, cut: int) -> Batch:
        with memoryview(self._held) as held:
            block = bytes(held[:cut])
        del self._held[:cut]
        self._searched = 0
        lines = block.count(b"\n")
        place = replace(self.place, offset=self.place.offset + cut, lines=self.place.lines + lines)
        if place.head_bytes < HEAD_BYTES:
            size = min(place.offset, HEAD_BYTES)
            place = replace(place, head_bytes=size, head=_digest(self.descriptor, size))
        self.place = place
        return Batch(block, place)


def open_log(
    path: Path, name: str, known: Place | None, batch_bytes: int, *, follow_links: bool = False
) -> OpenLog:
    """Open a log, at the place that is `known` if it is that very file still, else at its beginning.

    Raises OSError, also for a link that is not to be followed.
    """
    descriptor = os.open(path, _FLAGS if follow_links else _FLAGS | os.O_NOFOLLOW)
    status = os.fstat(descriptor)
    fresh = Place(name, status.st_dev, status.st_ino)
    if known is not None and known.key == fresh.key and is_continued(descriptor, known):
        fresh = replace(known, is_whole=False)
    return OpenLog(descriptor, fresh, batch_bytes)


def first_place(path: Path) -> Place:
    """Return the place at the beginning of a file. Raises OSError."""
    descriptor = os.open(path, _FLAGS)
    try:
        status = os.fstat(descriptor)
        size = min(status.st_size, HEAD_BYTES)
        return Place(path.name, status.st_dev, status.st_ino, size, _digest(descriptor, size))
    finally:
        os.close(descriptor)


def is_continued(descriptor: int, place: Place) -> bool:
    """Return whether an open file begins with what was read at `place`, whatever its name and inode."""
    if os.fstat(descriptor).st_size < place.offset:
        return False
    return _digest(descriptor, place.head_bytes) == place.head


def is_read_whole(path: Path, place: Place) -> bool:
    """Return whether `path` is the file of `place`, and nothing more is in it than what was read."""
    try:
        descriptor = os.open(path, _FLAGS | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        status = os.fstat(descriptor)
        is_same = (status.st_dev, status.st_ino, status.st_size) == (place.device, place.inode, place.offset)
        return is_same and is_continued(descriptor, place)
    finally:
        os.close(descriptor)


def has_writer(descriptor: int) -> bool | None:
    """Return whether any process has the file open for writing; None where that can't be known.

    Linux grants a read lease on a file only if nobody has it open for writing. It is given back at once; if
    somebody opens the file just then, the kernel tells by SIGURG, which is ignored unless asked for, instead
    of SIGIO, which would end the process.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return None
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def _digest(descriptor: int, size: int) -> str:
    return hashlib.blake2b(os.pread(descriptor, size, 0), digest_size=16).hexdigest() if size else ""
