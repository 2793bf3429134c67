"""Opens an input file or object as a stream of CSV bytes: unpacked, without byte-order mark."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from typing import BinaryIO

from reduction.errors import FileSkipped
from reduction.pipeline import skipped
from reduction.pipeline.splits import Split
from reduction.runtime import compression
from reduction.runtime.progress import Progress
from reduction.storage.url import is_url

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # not to wait for the writer of a pipe in a file's place
_BUFFER = 1 << 18  # bytes
_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (  # UTF-32 first: the mark of UTF-16 LE is the beginning of its own
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def is_readable(tree: str, split: Split) -> bool:
    """Tell whether the file or object of a split is to be seen from here, in whatever version."""
    if is_url(tree):
        from reduction.pipeline.remote_input import exists

        return exists(tree, split)
    return os.access(os.path.join(tree, split.path), os.R_OK)  # noqa: PTH118 - it need not be UTF-8


@contextmanager
def opened(tree: str, split: Split, progress: Progress) -> Iterator[BinaryIO]:
    """Give the CSV bytes of a file of `tree`, a folder or an address; `progress` is told of every byte read.

    Raises `FileSkipped`: broken if the file (or the archive it is) cannot be read to the end or is UTF-16 or
    UTF-32; changed-while-read if at the end it is no longer what was listed. Of an address also
    `StoreUnavailable`, if it is not the object but the store that can't be read.
    """
    if is_url(tree):
        from reduction.pipeline.remote_input import ObjectReader

        with (
            ObjectReader(tree, [split]) as objects,
            plain_bytes(objects.raw(0, progress.read_bytes)) as stream,
        ):
            yield stream
    else:
        with _opened_file(tree, split, progress) as stream:
            yield stream


@contextmanager
def plain_bytes(raw: RawIOBase) -> Iterator[BinaryIO]:
    """Give the CSV bytes of what is read from `raw`: decompressed, without byte-order mark.

    Raises `FileSkipped` if it is an archive that cannot be read to the end, or is UTF-16 or UTF-32.
    """
    try:
        with BufferedReader(raw, _BUFFER) as buffered, compression.decompressed(buffered) as stream:
            _skip_byte_order_mark(stream)
            yield stream
    except compression.unreadable() as error:
        raise skipped.not_read(error) from error


@contextmanager
def _opened_file(tree: str, split: Split, progress: Progress) -> Iterator[BinaryIO]:
    try:
        descriptor = os.open(os.path.join(tree, split.path), _FLAGS)  # noqa: PTH118
    except OSError as error:
        raise skipped.not_opened(error) from error
    try:
        _check_unchanged(descriptor, split)
        try:
            with plain_bytes(compression.CountingFile(descriptor, progress.read_bytes)) as stream:
                yield stream
        except FileSkipped:
            _check_unchanged(descriptor, split)  # what looked broken may only have been half written
            raise
        _check_unchanged(descriptor, split)
    finally:
        os.close(descriptor)


def _skip_byte_order_mark(stream: BinaryIO) -> None:
    head = stream.read(4)
    for mark, encoding in _WIDE_BOMS:
        if head.startswith(mark):
            raise skipped.wide_encoding(encoding)
    stream.seek(len(_BOM) if head.startswith(_BOM) else 0)


def _check_unchanged(descriptor: int, split: Split) -> None:
    status = os.fstat(descriptor)
    if (
        not stat.S_ISREG(status.st_mode)
        or status.st_size != split.size
        or status.st_mtime_ns != split.modified_ns
    ):
        raise skipped.changed(split, status.st_size)
