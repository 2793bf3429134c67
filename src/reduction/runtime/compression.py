"""Decompression: opens gzip, zstandard, xz and bzip2 files, which are recognized by their first bytes.

The decompression modules are imported on first use: most runs have no compressed file, and imports cost time.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from io import FileIO
from typing import Any

from reduction.runtime import magic

HEAD_BYTES = magic.HEAD_BYTES


def _gzip(raw: Any) -> Any:
    """Use ISA-L, which is three times as fast as zlib, where it exists for the processor."""
    try:
        from isal.igzip import IGzipFile
    except ImportError:
        import gzip

        return gzip.GzipFile(fileobj=raw)
    return IGzipFile(fileobj=raw)  # type: ignore[no-untyped-call]


def _bzip2(raw: Any) -> Any:
    import bz2

    return bz2.BZ2File(raw)


def _xz(raw: Any) -> Any:
    import lzma

    return lzma.LZMAFile(raw)


def _zstandard(raw: Any) -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.ZstdFile(raw)


_OPENERS: dict[str, Callable[[Any], Any]] = {
    magic.GZIP: _gzip,
    magic.ZSTANDARD: _zstandard,
    magic.XZ: _xz,
    magic.BZIP2: _bzip2,
}
_ERRORS = (
    ("lzma", "LZMAError"),
    ("isal.isal_zlib", "error"),
    ("backports.zstd", "ZstdError"),
    ("compression.zstd", "ZstdError"),
)


def is_archive(head: bytes) -> bool:
    """Return whether a file is compressed; `head` is its first `HEAD_BYTES` bytes, or all it has."""
    return magic.compression_of(head) is not None


def open_decompressed(raw: Any) -> Any:
    """Return a stream of the decompressed bytes of `raw`, or `raw` itself if it is not compressed.

    `raw` is a buffered reader at its beginning.
    """
    name = magic.compression_of(raw.peek(HEAD_BYTES))
    return raw if name is None else _OPENERS[name](raw)


def read_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that reading a damaged file may raise, for an `except` clause.

    Only modules that are loaded count: the others have raised nothing, and importing them here could replace
    the actual error, such as a lack of memory, with another one.
    """
    errors: list[type[Exception]] = [OSError, EOFError, zlib.error]
    for module, error in _ERRORS:
        if module in sys.modules:
            errors.append(getattr(sys.modules[module], error))
    return tuple(errors)


class CountingFile(FileIO):
    """A file, opened from a descriptor, that calls `count` with the number of bytes of each read."""

    def __init__(self, descriptor: int, count: Callable[[int], object]) -> None:
        super().__init__(descriptor, closefd=False)
        self._count = count

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into `buffer` and return the number of bytes."""
        size = super().readinto(buffer) or 0
        self._count(size)
        return size
