"""Input from a URL: lists objects as splits, and reads their bytes as streams or at any offset."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from reduction.errors import FileSkipped, InputError, ReducerError
from reduction.pipeline import skipped
from reduction.pipeline.naming import HIDDEN_FOLDER, WORKING_PREFIXES, skip_reason_of
from reduction.pipeline.split_source import ObjectHead, SplitReader
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import SkippedFile, SkipReason
from reduction.runtime.text import display_path
from reduction.storage import open_store
from reduction.storage.base import ErrorKind, ObjectMeta, StoreError, StoreUnavailable, with_retries
from reduction.storage.constants import MAX_PREFETCH_BYTES
from reduction.storage.isolation import run_isolated
from reduction.storage.prefetch import Chunk, ObjectRange, Prefetcher, whole
from reduction.storage.url import redact_url


def list_objects(tree: str) -> list[Split | SkippedFile]:
    """Return the splits and the skipped files below a URL, in no order, without leaving a thread behind.

    Raises `InputError` if there is no object or listing fails, `SettingsError` if a library is missing.
    """
    return run_isolated(tree, lambda: _list_objects(tree))


def _list_objects(tree: str) -> list[Split | SkippedFile]:
    entries: list[Split | SkippedFile] = []
    hidden_folders: set[str] = set()
    has_objects = False
    try:
        for meta in open_store(tree).list():
            has_objects = True
            entries += _entries_of(meta, hidden_folders)
    except StoreError as error:
        raise InputError(f"cannot list the input '{redact_url(tree)}': {error}") from None
    if not has_objects:
        raise InputError(
            f"the input '{redact_url(tree)}' does not exist: there is no object below it;"
            " correct REDUCER_INPUT_DIR, or upload the files"
        )
    return entries


def _entries_of(meta: ObjectMeta, hidden_folders: set[str]) -> Iterator[Split | SkippedFile]:
    """Yield the split of an object, or the reason to skip it; each hidden folder is reported once."""
    *folders, name = meta.name.split("/")
    for depth, folder in enumerate(folders, 1):
        if folder.startswith(WORKING_PREFIXES):
            return
        if folder.startswith("."):
            path = "/".join(folders[:depth]) + "/"
            if path not in hidden_folders:
                hidden_folders.add(path)
                yield SkippedFile(display_path(path), SkipReason.HIDDEN, HIDDEN_FOLDER)
            return
    if not name or name.startswith(WORKING_PREFIXES):  # a key that ends in "/" is a directory marker
        return
    if reason := skip_reason_of(name):
        yield SkippedFile(display_path(meta.name), *reason)
    else:
        yield Split(meta.name, meta.size, 0, 0, meta.size, version=meta.version)


def check_readable(tree: str, split: Split) -> StoreError | None:
    """Return None if the first byte of the listed version can be read, otherwise the error."""
    try:
        store = open_store(tree)
        with_retries(lambda: store.read(_meta_of(split), 0, min(1, split.size)), threading.Event())
    except StoreError as error:
        return error
    return None


def exists(tree: str, split: Split) -> bool:
    """Return whether there is a readable object of this name, in whatever version."""
    error = check_readable(tree, split)
    return error is None or error.kind == ErrorKind.PRECONDITION_FAILED


class ObjectReader:
    """Reads splits below a URL, which are prefetched in their order. Use it in a `with` block."""

    def __init__(self, tree: str, splits: Sequence[Split], max_held_bytes: int = MAX_PREFETCH_BYTES) -> None:
        """Hold at most about `max_held_bytes` bytes that are fetched and not yet read."""
        self._splits = splits
        try:
            store = open_store(tree)
        except StoreError as error:
            raise _translate(error) from None
        self._heads: dict[int, ObjectHead] = {}  # by split_file_id
        self._prefetcher = Prefetcher(store, len(splits), self._range_of, max_held_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._prefetcher.__exit__(kind, error, trace)

    def open_raw(self, index: int, count: Callable[[int], object]) -> io.RawIOBase:
        """Return the bytes of the split at `index` as a stream; `count` is called with the size of each read.

        For the first split of a compressed split file, the stream is the whole object.
        Reading raises `FileSkipped`, or `StoreUnavailable` if the error is not about this object.
        """
        return _ChunkStream(self._read_chunks(index), count)

    @contextmanager
    def open_random_access(self, index: int) -> Iterator[RandomAccessReader]:
        """Yield a reader for the split at `index` of a split file; call this in the order of the splits."""
        head = self._head_of(self._splits[index])
        for finished in [number for number in self._heads if number < head.split_file_id]:
            del self._heads[finished]
        split_reader = SplitReader(head, self._prefetcher, index)
        yield RandomAccessReader(split_reader)
        if not split_reader.has_read_beyond_head:
            head.is_read_further = False

    def _range_of(self, index: int) -> ObjectRange | None:
        split = self._splits[index]
        return whole(_meta_of(split)) if split.split_file_id is None else self._head_of(split).range_of(split)

    def _head_of(self, split: Split) -> ObjectHead:
        number = split.split_file_id
        assert number is not None  # noqa: S101 - only split files have a head
        if number not in self._heads:
            self._heads[number] = ObjectHead(_meta_of(split), number, self._prefetcher)
        return self._heads[number]

    def _read_chunks(self, index: int) -> Iterator[bytes]:
        split = self._splits[index]
        try:
            if split.split_file_id is not None:
                yield self._head_of(split).data()
            for chunk in self._prefetcher.chunks(index):
                yield chunk.data
        except StoreError as error:
            raise _translate(error) from None


class RandomAccessReader:
    """The bytes of a split object for the kernel, which requests them by offset."""

    def __init__(self, split_reader: SplitReader) -> None:
        self._split_reader = split_reader
        self.error: FileSkipped | None = None
        """The error because of which `chunk_at` returned None."""

    def chunk_at(self, offset: int) -> Chunk | None:
        """Return a chunk with the byte at `offset`, an empty one at the object's end, or None on an error.

        Raises `StoreUnavailable` if the error is not about this object.
        """
        try:
            return self._split_reader.chunk_at(offset)
        except StoreError as store_error:
            error = _translate(store_error)
        if not isinstance(error, FileSkipped):
            raise error
        self.error = error
        return None


class _ChunkStream(io.RawIOBase):
    """Chunks as one stream. It can only seek to its current position, as a buffered reader does."""

    def __init__(self, chunks: Iterator[bytes], count: Callable[[int], object]) -> None:
        self._chunks = chunks
        self._count = count
        self._unread = memoryview(b"")
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Return the position, which must be the current one, or raise `UnsupportedOperation`."""
        if (offset, whence) not in ((self._position, io.SEEK_SET), (0, io.SEEK_CUR)):
            raise io.UnsupportedOperation("an object is read from its beginning to its end")
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into `buffer` and return the number of bytes, 0 at the end."""
        while not self._unread:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._unread = memoryview(chunk)
        size = min(len(self._unread), len(buffer))
        buffer[:size] = self._unread[:size]
        self._unread = self._unread[size:]
        self._position += size
        self._count(size)
        return size


def _meta_of(split: Split) -> ObjectMeta:
    return ObjectMeta(split.path, split.size, split.version)


def _translate(error: StoreError) -> FileSkipped | ReducerError:
    match error.kind:
        case ErrorKind.NOT_FOUND:
            return skipped.removed()
        case ErrorKind.PRECONDITION_FAILED:
            return skipped.replaced()
        case ErrorKind.STORE | ErrorKind.CONNECTION:
            return StoreUnavailable(f"{error}; then run again")
    return skipped.not_read(error.text)
