"""Writes files that appear whole or not at all."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reduction.errors import OutputError, WriteError

_BUFFER = 1 << 20  # bytes


class AtomicFile:
    """A file being written: counts its bytes and their CRC-32 on the way."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._file = os.fdopen(descriptor, "wb", buffering=_BUFFER)
        self._path = path
        self._bytes_on_disk = -1  # an empty file is not on the disk either
        self.bytes = 0
        self.crc32 = 0

    def write(self, data: bytes) -> None:
        """Append `data`; raises `WriteError`."""
        self.bytes += len(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        try:
            self._file.write(data)
        except OSError as error:
            raise _write_error(self._path, error) from error

    def append(self, writer: Callable[[int, int], tuple[int, int]]) -> None:
        """Let `writer` append to the descriptor; raises `WriteError` in the place of an `OSError`.

        It is given the descriptor and the CRC-32 of what stands there, and returns how many bytes it wrote
        and the CRC-32 continued with them.
        """
        try:
            self._file.flush()
            written, self.crc32 = writer(self._file.fileno(), self.crc32)
        except OSError as error:
            raise _write_error(self._path, error) from error
        self.bytes += written

    def open_temp(self) -> int:
        """Return the descriptor of a new, empty file on the same disk that nobody else can find.

        It is the caller's, for writing and reading, and its space is free again when it is closed or the
        process has ended. For a moment it has a name, that of a file being written: the next run sweeps it.
        Raises `WriteError`.
        """
        beside = _temp_path(self._path)
        try:
            descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                beside.unlink()
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            raise _write_error(self._path, error) from error
        return descriptor

    def flush_to_disk(self) -> None:
        """Return when the bytes are on the disk; raises `WriteError`."""
        if self._bytes_on_disk == self.bytes:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._bytes_on_disk = self.bytes
        except OSError as error:
            raise _write_error(self._path, error) from error

    def close(self) -> None:
        """Give the descriptor back; what could not be written is not tried again."""
        with suppress(OSError):
            self._file.close()


def check_directory(directory: Path) -> None:
    """Raise `OutputError` unless `directory` exists and takes new files."""
    if not directory.is_dir():
        raise OutputError(
            f"the output directory '{directory}' does not exist: make it, or set REDUCER_OUTPUT_DIR"
        )
    probe = _temp_path(directory / "Combined.csv")
    try:
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"the output directory '{directory}' can't be written: {error.strerror}") from error


@contextmanager
def atomic_write(path: Path, *, flush_folder: bool = True) -> Iterator[AtomicFile]:
    """Write beside `path`, flush to disk, then rename over it; whatever fails, the old file stays.

    The rename is flushed too, or left to the flush after the next file in the folder (`flush_folder=False`):
    for a file that does not count without that one.
    The name beside is a dot file ending in `.tmp`, new each time: two writers never share one.
    Raises `WriteError`.
    """
    beside = _temp_path(path)
    try:
        file = AtomicFile(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), path)
    except OSError as error:
        raise _write_error(path, error) from error
    try:
        yield file
        try:
            file.flush_to_disk()
            beside.replace(path)
            if flush_folder:
                _flush_folder(path.parent)
        except OSError as error:
            raise _write_error(path, error) from error
    except BaseException:
        file.close()
        beside.unlink(missing_ok=True)
        raise
    file.close()


def _temp_path(path: Path) -> Path:
    return path.with_name(f".{path.name.removeprefix('.')}.{os.urandom(4).hex()}.tmp")


def _flush_folder(folder: Path) -> None:
    """Make the rename itself durable, where the file system can: the file stands in its place in any case."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_error(path: Path, error: OSError) -> WriteError:
    return WriteError(
        f"'{path}' can't be written: {error.strerror or error}; what stood there before is untouched."
        " Free space or mend the permission, then run again"
    )
