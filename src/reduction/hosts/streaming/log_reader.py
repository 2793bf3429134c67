"""Reads a log in batches of complete lines, each with its position.

A `FilePosition` is what a restart needs: which file it is, and how much of it was read.
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

HEAD_BYTES = 1024  # of a file, by which it is recognized
_LEAST_READ = 1 << 12  # bytes
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # not to wait for the writer of a pipe


@dataclass(frozen=True, slots=True)
class FilePosition:
    """How far the file `name` was read: `offset` bytes, which are `lines` lines.

    It is recognized by device, inode and a digest of its first `head_bytes` bytes.
    `is_whole`: it is finished.
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
        """What identifies the file among those that are being read."""
        return (self.name, self.device, self.inode)


class Batch(NamedTuple):
    """Complete lines of a file, and the position after them."""

    block: bytes
    position: FilePosition

    @property
    def offset(self) -> int:
        """The offset of the block in its file."""
        return self.position.offset - len(self.block)

    @property
    def lines_before(self) -> int:
        """The lines of the file before the block."""
        return self.position.lines - self.block.count(b"\n")


class OpenLog:
    """A log that is being read, in batches of up to `batch_bytes` bytes, or of one longer line; close it."""

    def __init__(self, descriptor: int, position: FilePosition, batch_bytes: int) -> None:
        self.descriptor = descriptor
        self.position = position
        self._batch_bytes = batch_bytes
        self._held = bytearray()
        self._searched = 0  # bytes held that have no line end

    @property
    def read_to(self) -> int:
        """The number of bytes read, including those of an incomplete line."""
        return self.position.offset + len(self._held)

    def next_batch(self) -> Batch | None:
        """Return the next lines, None if there is no complete line now. Raises `InputError`."""
        is_at_end = False
        while True:
            if is_at_end or len(self._held) >= self._batch_bytes:
                cut = self._cut()
                if cut or is_at_end:
                    return self._take(cut) if cut else None
            piece = self._read()
            self._held += piece
            is_at_end = not piece

    def flush_partial_line(self) -> Batch | None:
        """Return the incomplete last line of a finished file."""
        return self._take(len(self._held)) if self._held else None

    def rewind(self) -> None:
        """Go back to the start of the file: it was truncated."""
        self._held.clear()
        self._searched = 0
        self.position = FilePosition(self.position.name, self.position.device, self.position.inode)

    def is_what_was_read(self) -> bool:
        """Return whether the file still begins with what was read, by size and head."""
        return (
            is_continued(self.descriptor, self.position) and os.fstat(self.descriptor).st_size >= self.read_to
        )

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)

    def _read(self) -> bytes:
        try:
            wanted = max(self._batch_bytes - len(self._held), _LEAST_READ)
            return os.pread(self.descriptor, wanted, self.read_to)
        except OSError as error:
            raise InputError(f"'{self.position.name}' cannot be read: {error.strerror}") from error

    def _cut(self) -> int:
        """Return the end of a batch: after the last line that fits, or else after the first one."""
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
        position = replace(
            self.position, offset=self.position.offset + cut, lines=self.position.lines + lines
        )
        if position.head_bytes < HEAD_BYTES:
            size = min(position.offset, HEAD_BYTES)
            position = replace(position, head_bytes=size, head=_digest(self.descriptor, size))
        self.position = position
        return Batch(block, position)


def open_log(
    path: Path, name: str, known: FilePosition | None, batch_bytes: int, *, follow_links: bool = False
) -> OpenLog:
    """Open a log at the `known` position if it is still the same file, else at its start.

    Raises OSError, also for a link if `follow_links` is false.
    """
    descriptor = os.open(path, _FLAGS if follow_links else _FLAGS | os.O_NOFOLLOW)
    status = os.fstat(descriptor)
    fresh = FilePosition(name, status.st_dev, status.st_ino)
    if known is not None and known.key == fresh.key and is_continued(descriptor, known):
        fresh = replace(known, is_whole=False)
    return OpenLog(descriptor, fresh, batch_bytes)


def first_position(path: Path) -> FilePosition:
    """Return the position at the start of a file. Raises OSError."""
    descriptor = os.open(path, _FLAGS)
    try:
        status = os.fstat(descriptor)
        size = min(status.st_size, HEAD_BYTES)
        return FilePosition(path.name, status.st_dev, status.st_ino, size, _digest(descriptor, size))
    finally:
        os.close(descriptor)


def is_continued(descriptor: int, position: FilePosition) -> bool:
    """Return whether an open file begins with what was read up to `position`, under any name and inode."""
    if os.fstat(descriptor).st_size < position.offset:
        return False
    return _digest(descriptor, position.head_bytes) == position.head


def is_read_whole(path: Path, position: FilePosition) -> bool:
    """Return whether `path` is the file of `position`, and was read to its end."""
    try:
        descriptor = os.open(path, _FLAGS | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        status = os.fstat(descriptor)
        is_same = (status.st_dev, status.st_ino, status.st_size) == (
            position.device,
            position.inode,
            position.offset,
        )
        return is_same and is_continued(descriptor, position)
    finally:
        os.close(descriptor)


def has_writer(descriptor: int) -> bool | None:
    """Return whether any process has the file open for writing; None where that is unknown.

    Linux grants a read lease on a file only if no process has it open for writing. It is released at once; if
    a process opens the file just then, the kernel sends SIGURG, which is ignored by default, instead of
    SIGIO, which would end the process.
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
