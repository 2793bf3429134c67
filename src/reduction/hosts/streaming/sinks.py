"""Where reports go: standard output, or the end of a file."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Protocol

from reduction.errors import OutputError, WriteError
from reduction.hosts.streaming.checkpoint import PendingReports

_LOG = logging.getLogger("reduction.hosts")


class Output(Protocol):
    """Writes reports; raises `WriteError`."""

    def position(self) -> int | None:
        """Return the position of the next report, if there is one."""

    def emit(self, text: bytes) -> None:
        """Append reports, and return when they are written."""

    def replay(self, pending: PendingReports) -> None:
        """Write the reports of a process that died before, while or after it wrote them."""


class StandardOutput:
    """Prints; it is unknown what was read, so `replay` may repeat."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor

    def position(self) -> None:
        """Return None: standard output has no positions."""

    def emit(self, text: bytes) -> None:
        try:
            _write(self._descriptor, text)
        except OSError as error:
            raise WriteError(
                f"cannot write to standard output: {error.strerror}; --output FILE keeps reports in a file"
            ) from error

    def replay(self, pending: PendingReports) -> None:
        self.emit(pending.text)


class NullOutput:
    """Writes nothing: the reports are shown elsewhere."""

    def position(self) -> None:
        """Do nothing."""

    def emit(self, text: bytes) -> None:
        """Do nothing."""

    def replay(self, pending: PendingReports) -> None:
        """Do nothing."""


class FileOutput:
    """Appends to a file. With a checkpoint, each report is in it exactly once."""

    def __init__(self, path: Path) -> None:
        """Raises `OutputError` if the file cannot be written."""
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise OutputError(f"'{path}' cannot be written: {error.strerror}") from error

    def position(self) -> int:
        return os.fstat(self._descriptor).st_size

    def emit(self, text: bytes) -> None:
        try:
            _write(self._descriptor, text)
            os.fsync(self._descriptor)
        except OSError as error:
            raise WriteError(
                f"cannot write '{self._path}': {error.strerror}; free up space or fix that, then start again"
            ) from error

    def replay(self, pending: PendingReports) -> None:
        """Truncate a report that was written in part, but nothing that another process appended."""
        position = self.position() if pending.position is None else pending.position
        there = os.pread(self._descriptor, len(pending.text), position)
        if there == pending.text:
            return
        size = self.position()
        if size >= position and pending.text.startswith(there) and size == position + len(there):
            os.truncate(self._descriptor, position)
        else:
            _LOG.warning("'%s' was modified since the last checkpoint; appending the last report", self._path)
        self.emit(pending.text)


def _write(descriptor: int, text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[os.write(descriptor, left) :]
