"""Where reports go: standard output, or the end of a file."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Protocol

from reduction.errors import OutputError, WriteError
from reduction.hosts.streaming.checkpoint import Telling

_LOG = logging.getLogger("reduction.hosts")


class Output(Protocol):
    """Takes reports; raises `WriteError`."""

    def position(self) -> int | None:
        """Return where the next report goes, if that can be said."""

    def tell(self, text: bytes) -> None:
        """Put reports behind all others, and return when they are there."""

    def tell_again(self, telling: Telling) -> None:
        """Tell what a process that died had begun to tell, or not, or has told."""


class StandardOutput:
    """Prints; nobody can say what of it was read, so `tell_again` may repeat."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor

    def position(self) -> None:
        """See `Output`."""

    def tell(self, text: bytes) -> None:
        """See `Output`."""
        try:
            _write(self._descriptor, text)
        except OSError as error:
            raise WriteError(
                f"standard output can't be written: {error.strerror}; --output FILE keeps reports for later"
            ) from error

    def tell_again(self, telling: Telling) -> None:
        """See `Output`."""
        self.tell(telling.text)


class NoOutput:
    """Tells nobody: the reports are shown elsewhere."""

    def position(self) -> None:
        """See `Output`."""

    def tell(self, text: bytes) -> None:
        """See `Output`."""

    def tell_again(self, telling: Telling) -> None:
        """See `Output`."""


class FileOutput:
    """Appends to a file. With a state each report is in it exactly once."""

    def __init__(self, path: Path) -> None:
        """Raises `OutputError` if the file can't be written."""
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise OutputError(f"'{path}' can't be written: {error.strerror}") from error

    def position(self) -> int:
        """See `Output`."""
        return os.fstat(self._descriptor).st_size

    def tell(self, text: bytes) -> None:
        """See `Output`."""
        try:
            _write(self._descriptor, text)
            os.fsync(self._descriptor)
        except OSError as error:
            raise WriteError(
                f"'{self._path}' can't be written: {error.strerror}; free space or mend that, and start again"
            ) from error

    def tell_again(self, telling: Telling) -> None:
        """See `Output`: what is there in part is cut off; what somebody else wrote there meanwhile is not."""
        position = self.position() if telling.position is None else telling.position
        there = os.pread(self._descriptor, len(telling.text), position)
        if there == telling.text:
            return
        size = self.position()
        if size >= position and telling.text.startswith(there) and size == position + len(there):
            os.truncate(self._descriptor, position)
        else:
            _LOG.warning("'%s' is not as it was left: the last report is put at its end", self._path)
        self.tell(telling.text)


def _write(descriptor: int, text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[os.write(descriptor, left) :]
