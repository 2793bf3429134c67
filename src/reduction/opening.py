"""Opens an input file as a stream of CSV bytes: decompressed, without byte-order mark, as it was listed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO
from typing import Any, BinaryIO

from reduction import verdicts
from reduction.errors import FileIgnored
from reduction.inputs import Unit
from reduction.progress import Progress

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MAGIC: tuple[tuple[bytes, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b\x08", lambda raw: gzip.GzipFile(fileobj=raw)),
    (b"\x28\xb5\x2f\xfd", zstd.ZstdFile),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    # the level is the fourth byte; the six after it are the magic of the first block
    *((b"BZh%d1AY&SY" % level, bz2.BZ2File) for level in range(1, 10)),
)
_UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError)
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # not to wait for the writer of a pipe in a file's place
_BUFFER = 1 << 18  # bytes
_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (  # UTF-32 first: the mark of UTF-16 LE is the beginning of its own
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


@contextmanager
def opened(tree: str, unit: Unit, progress: Progress) -> Iterator[BinaryIO]:
    """Give the CSV bytes of a file of `tree`; `progress` is told of every byte read from disk.

    Raises `FileIgnored`: broken if the file (or the archive it is) cannot be read to the end or is UTF-16 or
    UTF-32; changed-while-read if at the end it is no longer what was listed.
    """
    try:
        descriptor = os.open(os.path.join(tree, unit.path), _FLAGS)  # noqa: PTH118
    except OSError as error:
        raise verdicts.not_opened(error) from error
    try:
        _check_unchanged(descriptor, unit)
        try:
            with (
                BufferedReader(_CountingFile(descriptor, progress), _BUFFER) as raw,
                _decompressed(raw) as stream,
            ):
                _skip_byte_order_mark(stream)
                yield stream
        except FileIgnored:
            _check_unchanged(descriptor, unit)  # what looked broken may only have been half written
            raise
        except _UNREADABLE as error:
            _check_unchanged(descriptor, unit)
            raise verdicts.not_read(error) from error
        _check_unchanged(descriptor, unit)
    finally:
        os.close(descriptor)


class _CountingFile(FileIO):
    """A file that reports the bytes it gives."""

    def __init__(self, descriptor: int, progress: Progress) -> None:
        super().__init__(descriptor, closefd=False)
        self._progress = progress

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = super().readinto(buffer) or 0
        self._progress.read_bytes(count)
        return count


def _decompressed(raw: Any) -> Any:
    head = raw.peek(16)
    for magic, decompressor in _MAGIC:
        if head.startswith(magic):
            return decompressor(raw)
    return raw


def _skip_byte_order_mark(stream: BinaryIO) -> None:
    head = stream.read(4)
    for mark, encoding in _WIDE_BOMS:
        if head.startswith(mark):
            raise verdicts.wide_encoding(encoding)
    stream.seek(len(_BOM) if head.startswith(_BOM) else 0)


def _check_unchanged(descriptor: int, unit: Unit) -> None:
    status = os.fstat(descriptor)
    if (
        not stat.S_ISREG(status.st_mode)
        or status.st_size != unit.size
        or status.st_mtime_ns != unit.modified_ns
    ):
        raise verdicts.changed(unit, status.st_size)
