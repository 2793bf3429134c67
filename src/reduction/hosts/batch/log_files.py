"""Finds logs and reads them: any part of a plain file, the complete content of an archive or pipe."""

from __future__ import annotations

import os
import re
import select
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from io import BufferedReader
from typing import BinaryIO

from reduction.errors import InputError
from reduction.runtime import compression
from reduction.runtime.text import display_path

_LOG_NAME = re.compile(r"[^.].*\.(?:txt|log)(?:[.-][0-9]+)*(?:\.(?:gz|bz2|xz|zst))?", re.DOTALL)
_BUFFER = 1 << 18  # bytes
_TICK_MS = 200  # between two polls of a pipe


def find(paths: Sequence[str]) -> list[str]:
    """Return the logs that `paths` name: files, and the logs in and below folders.

    In a folder a log is a file named `*.txt` or `*.log`; numbers and the extension of an archive
    may follow: `connections.log.2.gz`. Names that begin with a dot are left out, and links to folders are
    not followed. Logs are ordered as in `paths`, and by the bytes of their paths below a folder.

    Raises `InputError`: a path that does not exist, a folder that cannot be listed or has no log.
    """
    missing = [path for path in paths if not os.path.exists(path)]  # noqa: PTH110 - shown as it was given
    if missing:
        raise InputError("no such file: " + ", ".join(f"'{display_path(path)}'" for path in missing))
    found: list[str] = []
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112
            found += _logs_below(path)
        else:
            found.append(path)
    return found


def _logs_below(folder: str) -> list[str]:
    logs = []
    folders = [folder]
    while folders:
        here = folders.pop()
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            raise InputError(
                f"the folder '{display_path(here)}' cannot be listed: {error.strerror}"
            ) from error
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                folders.append(entry.path)
            elif _LOG_NAME.fullmatch(entry.name) and entry.is_file():
                logs.append(entry.path)
    if not logs:
        raise InputError(f"no log (*.txt, *.log) in the folder '{display_path(folder)}' or below it")
    return sorted(logs, key=os.fsencode)


def bytes_of(paths: Sequence[str]) -> int:
    """Return the number of bytes on disk, as far as it is known."""
    total = 0
    for path in paths:
        with suppress(OSError):
            total += os.path.getsize(path)  # noqa: PTH202
    return total


class LogFile:
    """An open log: its `size` on disk when it was opened, and the number of bytes read so far."""

    def __init__(self, path: str) -> None:
        """Raise `InputError` if it cannot be opened."""
        self.path = path
        self._given = 0  # bytes, those of blocks that overlap twice
        self._counting = threading.Lock()
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(f"'{display_path(path)}' cannot be opened: {error.strerror}") from error
        status = os.fstat(self._descriptor)
        self.is_regular = stat.S_ISREG(status.st_mode)
        self.size = status.st_size if self.is_regular else 0

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    @cached_property
    def has_parts(self) -> bool:
        """Whether it can be read in parts: it is neither an archive nor a pipe."""
        return self.is_regular and not compression.is_archive(
            self.read(0, min(compression.HEAD_BYTES, self.size))
        )

    def read(self, offset: int, count: int) -> bytes:
        """Return exactly `count` bytes; raises `InputError`."""
        buffer = bytearray(count)
        self.read_into(memoryview(buffer), offset)
        return bytes(buffer)

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fill the whole buffer; raises `InputError`. Threads may read at the same time."""
        done = 0
        while done < len(buffer):
            try:
                count = os.preadv(self._descriptor, [buffer[done:]], offset + done)
            except OSError as error:
                raise self._not_read(error) from error
            if count == 0:
                raise InputError(
                    f"'{display_path(self.path)}' became shorter while being read: repeat when it is complete"
                )
            done += count
        self._count(done)

    @property
    def bytes_read(self) -> int:
        """The number of bytes read so far, at most the size."""
        return min(self._given, self.bytes_total)

    @property
    def bytes_total(self) -> int:
        """The size in bytes; for a pipe, the bytes received."""
        return self.size if self.is_regular else self._given

    @contextmanager
    def text(self) -> Iterator[BinaryIO]:
        """Yield all of it as a stream, decompressed if it is an archive; raises `InputError`."""
        kind_of_file = compression.CountingFile if self.is_regular else _Awaited
        try:
            with (
                BufferedReader(kind_of_file(self._descriptor, self._count), _BUFFER) as raw,
                compression.open_decompressed(raw) as stream,
            ):
                yield stream
        except compression.read_errors() as error:
            raise self._not_read(error) from error

    def _count(self, count: int) -> None:
        with self._counting:
            self._given += count

    def _not_read(self, error: Exception) -> InputError:
        return InputError(f"'{display_path(self.path)}' cannot be read to its end: {error}")


class _Awaited(compression.CountingFile):
    """A pipe or similar, whose bytes may arrive late.

    It waits in ticks: a signal just before a blocking read would be handled only after it.
    """

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into `buffer`; returns how many bytes it got."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        while not poll.poll(_TICK_MS):
            continue
        return super().readinto(buffer)
