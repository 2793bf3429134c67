"""Atomic writes: a file appears complete or not at all, and the previous one is kept until then."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reduction.errors import OutputError, WriteError

_BUFFER = 1 << 20  # bytes


class AtomicFile:
    """A file being written, with the number of its bytes and their CRC-32 so far."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._file = os.fdopen(descriptor, "wb", buffering=_BUFFER)
        self._path = path
        self._synced_bytes = -1  # not 0: an empty file must be synced, too
        self.bytes = 0
        self.crc32 = 0

    def write(self, data: bytes) -> None:
        """Append `data`. Raises `WriteError`."""
        self.bytes += len(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        try:
            self._file.write(data)
        except OSError as error:
            raise _write_error(self._path, error) from error

    def append(self, writer: Callable[[int, int], tuple[int, int]]) -> None:
        """Let `writer` append to the file descriptor; an `OSError` that it raises becomes a `WriteError`.

        `writer` is called with the descriptor and the CRC-32 of the file so far. It returns the number of
        bytes written and the CRC-32 that includes them.
        """
        try:
            self._file.flush()
            written, self.crc32 = writer(self._file.fileno(), self.crc32)
        except OSError as error:
            raise _write_error(self._path, error) from error
        self.bytes += written

    def open_temp(self) -> int:
        """Return the descriptor of a new, empty, unnamed file on the same disk, for reading and writing.

        The caller closes it; its space is freed then, or when the process ends. The file has a temporary name
        for a moment: if the process is killed just then, the next run removes it. Raises `WriteError`.
        """
        temp = _temp_path(self._path)
        try:
            descriptor = os.open(temp, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                temp.unlink()
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            raise _write_error(self._path, error) from error
        return descriptor

    def flush_to_disk(self) -> None:
        """Write everything to the disk and wait for it (fsync). Raises `WriteError`."""
        if self._synced_bytes == self.bytes:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._synced_bytes = self.bytes
        except OSError as error:
            raise _write_error(self._path, error) from error

    def close(self) -> None:
        """Close the descriptor. Bytes that could not be written are dropped without another error."""
        with suppress(OSError):
            self._file.close()


def check_directory(directory: Path) -> None:
    """Raise `OutputError` unless `directory` exists and files can be created in it."""
    if not directory.is_dir():
        raise OutputError(
            f"the output directory '{directory}' does not exist: create it, or set REDUCER_OUTPUT_DIR"
        )
    probe = _temp_path(directory / "Combined.csv")
    try:
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to the output directory '{directory}': {error.strerror}") from error


@contextmanager
def atomic_write(path: Path, *, flush_folder: bool = True) -> Iterator[AtomicFile]:
    """Write to a temporary file, sync it, then rename it to `path`; on any failure the old file is kept.

    The rename is synced, too, unless `flush_folder` is false: that is for a file that does not count without
    another one, which is written to the same folder later and syncs it.
    The temporary file is a dot file ending in `.tmp` with a random part in its name, so two writers of the
    same path never share one. Raises `WriteError`.
    """
    temp = _temp_path(path)
    try:
        file = AtomicFile(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), path)
    except OSError as error:
        raise _write_error(path, error) from error
    try:
        yield file
        try:
            file.flush_to_disk()
            temp.replace(path)
            if flush_folder:
                _flush_folder(path.parent)
        except OSError as error:
            raise _write_error(path, error) from error
    except BaseException:
        file.close()
        temp.unlink(missing_ok=True)
        raise
    file.close()


def _temp_path(path: Path) -> Path:
    return path.with_name(f".{path.name.removeprefix('.')}.{os.urandom(4).hex()}.tmp")


def _flush_folder(folder: Path) -> None:
    """Make the rename durable, where the file system supports it; the file has its new name in any case."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_error(path: Path, error: OSError) -> WriteError:
    return WriteError(
        f"cannot write '{path}': {error.strerror or error}. The previous file is unchanged."
        " Free up space or fix permissions, then retry"
    )
