"""Opens an input file or object as a stream of CSV bytes: decompressed, without byte-order mark."""

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
from reduction.runtime import compression, magic
from reduction.runtime.progress import Progress
from reduction.storage.url import is_url

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # or a pipe that replaced the file would block
_BUFFER = 1 << 18  # bytes


def is_readable(tree: str, split: Split) -> bool:
    """Return whether the file or object of a split can be read from here, in whatever version."""
    if is_url(tree):
        from reduction.pipeline.remote_input import exists

        return exists(tree, split)
    return os.access(os.path.join(tree, split.path), os.R_OK)  # noqa: PTH118 - it need not be UTF-8


@contextmanager
def open_input(tree: str, split: Split, progress: Progress) -> Iterator[BinaryIO]:
    """Yield the CSV bytes of a whole file in `tree`, a folder or a URL; `progress` counts the bytes read.

    Raises `FileSkipped`: `broken` if the file cannot be read or decompressed to its end, or is UTF-16 or
    UTF-32; `changed-while-read` if it differs from what was listed. For a URL also `StoreUnavailable`, if the
    whole store cannot be read.
    """
    if is_url(tree):
        from reduction.pipeline.remote_input import ObjectReader

        with (
            ObjectReader(tree, [split]) as objects,
            open_csv(objects.open_raw(0, progress.read_bytes)) as stream,
        ):
            yield stream
    else:
        with _open_file(tree, split, progress) as stream:
            yield stream


@contextmanager
def open_csv(raw: RawIOBase) -> Iterator[BinaryIO]:
    """Yield the CSV bytes of `raw`: decompressed, without byte-order mark.

    Raises `FileSkipped` if it cannot be read or decompressed to its end, or is UTF-16 or UTF-32.
    """
    try:
        with BufferedReader(raw, _BUFFER) as buffered, compression.open_decompressed(buffered) as stream:
            _skip_byte_order_mark(stream)
            yield stream
    except compression.read_errors() as error:
        raise skipped.not_read(error) from error


@contextmanager
def _open_file(tree: str, split: Split, progress: Progress) -> Iterator[BinaryIO]:
    try:
        descriptor = os.open(os.path.join(tree, split.path), _FLAGS)  # noqa: PTH118
    except OSError as error:
        raise skipped.not_opened(error) from error
    try:
        _check_unchanged(descriptor, split)
        try:
            with open_csv(compression.CountingFile(descriptor, progress.read_bytes)) as stream:
                yield stream
        except FileSkipped:
            _check_unchanged(descriptor, split)  # it may only look broken because it is being written
            raise
        _check_unchanged(descriptor, split)
    finally:
        os.close(descriptor)


def _skip_byte_order_mark(stream: BinaryIO) -> None:
    head = stream.read(4)
    if encoding := magic.wide_encoding(head):
        raise skipped.wide_encoding(encoding)
    stream.seek(magic.bom_length(head))


def _check_unchanged(descriptor: int, split: Split) -> None:
    status = os.fstat(descriptor)
    if (
        not stat.S_ISREG(status.st_mode)
        or status.st_size != split.size
        or status.st_mtime_ns != split.modified_ns
    ):
        raise skipped.changed(split, status.st_size)
