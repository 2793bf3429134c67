"""Bytes out of archives: whether a file is one, and of which kind, is told by its first bytes.

The modules that unpack are imported when a file needs them: most runs meet no archive, and should not wait.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from io import FileIO
from typing import Any

HEAD_BYTES = 16  # enough to tell


def _gzip(raw: Any) -> Any:
    """Take ISA-L's inflate, three times as fast as zlib's, where it exists for the processor."""
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
    return _zstd().ZstdFile(raw)


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


_MAGIC: tuple[tuple[bytes, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b\x08", _gzip),
    (b"\x28\xb5\x2f\xfd", _zstandard),
    (b"\xfd7zXZ\x00", _xz),
    # the level is the fourth byte; the six after it are the magic of the first block
    *((b"BZh%d1AY&SY" % level, _bzip2) for level in range(1, 10)),
)
_ERRORS = (
    ("lzma", "LZMAError"),
    ("isal.isal_zlib", "error"),
    ("backports.zstd", "ZstdError"),
    ("compression.zstd", "ZstdError"),
)


def is_archive(head: bytes) -> bool:
    """Tell whether a file that begins with these `HEAD_BYTES` bytes (or has no more) is an archive."""
    return _unpacker(head) is not None


def decompressed(raw: Any) -> Any:
    """Return the stream of what is packed in `raw`, a buffered reader at its beginning; or `raw` itself."""
    unpacker = _unpacker(raw.peek(HEAD_BYTES))
    return raw if unpacker is None else unpacker(raw)


def unreadable() -> tuple[type[Exception], ...]:
    """Return what reading an archive raises if it cannot be read to its end.

    A module that was not needed has raised nothing; importing it now could hide what has, a lack of memory.
    """
    errors: list[type[Exception]] = [OSError, EOFError, zlib.error]
    for module, error in _ERRORS:
        if module in sys.modules:
            errors.append(getattr(sys.modules[module], error))
    return tuple(errors)


class CountingFile(FileIO):
    """A file, by its descriptor, that tells `count` of the bytes it gives."""

    def __init__(self, descriptor: int, count: Callable[[int], object]) -> None:
        super().__init__(descriptor, closefd=False)
        self._count = count

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into `buffer`; returns how many bytes it got."""
        given = super().readinto(buffer) or 0
        self._count(given)
        return given


def _unpacker(head: bytes) -> Callable[[Any], Any] | None:
    return next((unpacker for magic, unpacker in _MAGIC if head.startswith(magic)), None)
