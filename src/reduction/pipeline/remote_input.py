"""The input side: what is below an address as splits, and their bytes as streams."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from reduction.errors import FileSkipped, InputError, ReducerError
from reduction.pipeline import skipped
from reduction.pipeline.naming import WORKING_PREFIXES, refused_name
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
    """List an address in one pass, without leaving a thread behind; in no order.

    Raises `InputError` if nothing is there or it can't be listed, `SettingsError` if a library is missing.
    """
    return run_isolated(tree, lambda: _found_below(tree))


def _found_below(tree: str) -> list[Split | SkippedFile]:
    all_found: list[Split | SkippedFile] = []
    hidden: set[str] = set()
    is_there = False
    try:
        for meta in open_store(tree).list():
            is_there = True
            all_found += _judged(meta, hidden)
    except StoreError as error:
        raise InputError(f"the input '{redact_url(tree)}' can't be listed: {error}") from None
    if not is_there:
        raise InputError(
            f"the input '{redact_url(tree)}' does not exist: no object is below it;"
            " correct REDUCER_INPUT_DIR, or put the files there"
        )
    return all_found


def _judged(meta: ObjectMeta, hidden: set[str]) -> Iterator[Split | SkippedFile]:
    """Give the split that an object is, or why it is none; `hidden` folders are told once."""
    *folders, name = meta.name.split("/")
    for depth, folder in enumerate(folders, 1):
        if folder.startswith(WORKING_PREFIXES):
            return
        if folder.startswith("."):
            path = "/".join(folders[:depth]) + "/"
            if path not in hidden:
                hidden.add(path)
                told = "a folder whose name begins with a dot is not entered"
                yield SkippedFile(display_path(path), SkipReason.HIDDEN, told)
            return
    if not name or name.startswith(WORKING_PREFIXES):  # without a name it is the mark of a folder
        return
    if refusal := refused_name(name):
        yield SkippedFile(display_path(meta.name), *refusal)
    else:
        yield Split(meta.name, meta.size, 0, 0, meta.size, version=meta.version)


def check_readable(tree: str, split: Split) -> StoreError | None:
    """Return why the store does not give out the first byte of the listed version; None if it does."""
    try:
        store = open_store(tree)
        with_retries(lambda: store.read(_found(split), 0, min(1, split.size)), threading.Event())
    except StoreError as error:
        return error
    return None


def exists(tree: str, split: Split) -> bool:
    """Tell whether there is an object of this name whose bytes are given out, in whatever version."""
    error = check_readable(tree, split)
    return error is None or error.kind == ErrorKind.PRECONDITION_FAILED


class ObjectReader:
    """The bytes of some splits below an address, fetched ahead in their order; for a `with` block."""

    def __init__(self, tree: str, splits: Sequence[Split], max_held_bytes: int = MAX_PREFETCH_BYTES) -> None:
        """Hold at most about so many bytes that are fetched and not yet read."""
        self._units = splits
        try:
            store = open_store(tree)
        except StoreError as error:
            raise _verdict(error) from None
        self._heads: dict[int, ObjectHead] = {}  # by the number of the cut file
        self._prefetcher = Prefetcher(store, len(splits), self._range_of, max_held_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._prefetcher.__exit__(kind, error, trace)

    def raw(self, index: int, count: Callable[[int], object]) -> io.RawIOBase:
        """Return the stream of the split at `index`, as it was listed; `count` is told of the bytes it gives.

        Of a cut object that is the first split of an archive, whose stream is all of it.
        Reading raises `FileSkipped`, or `StoreUnavailable` if it is not the error of this object.
        """
        return _Stream(self._data(index), count)

    @contextmanager
    def by_place(self, index: int) -> Iterator[RandomAccessReader]:
        """Give the bytes of a cut object, for the split at `index`; splits are asked for in their order."""
        split = self._units[index]
        head = self._head_of(split)
        for passed in [number for number in self._heads if number < head.number]:
            del self._heads[passed]
        split_reader = SplitReader(head, self._prefetcher, index)
        yield RandomAccessReader(split_reader)
        if not split_reader.is_asked:
            head.is_read = False

    def _range_of(self, index: int) -> ObjectRange | None:
        split = self._units[index]
        return whole(_found(split)) if split.split_file_id is None else self._head_of(split).range_of(split)

    def _head_of(self, split: Split) -> ObjectHead:
        assert split.split_file_id is not None  # noqa: S101 - or it has none
        if split.split_file_id not in self._heads:
            self._heads[split.split_file_id] = ObjectHead(
                _found(split), split.split_file_id, self._prefetcher
            )
        return self._heads[split.split_file_id]

    def _data(self, index: int) -> Iterator[bytes]:
        split = self._units[index]
        try:
            if split.split_file_id is not None:
                yield self._head_of(split).data()
            for part in self._prefetcher.chunks(index):
                yield part.data
        except StoreError as error:
            raise _verdict(error) from None


class RandomAccessReader:
    """The bytes that a split of a cut object needs, as the kernel asks for them."""

    def __init__(self, split_reader: SplitReader) -> None:
        self._unit_bytes = split_reader
        self.error: FileSkipped | None = None
        """Why there was a place whose bytes could not be had."""

    def part(self, at: int) -> Chunk | None:
        """Return bytes with the one at `at`, none behind the object's end; None if they can't be had.

        Raises `StoreUnavailable` if that is not the error of this object.
        """
        try:
            return self._unit_bytes.part(at)
        except StoreError as error:
            verdict = _verdict(error)
        if not isinstance(verdict, FileSkipped):
            raise verdict
        self.error = verdict
        return None


class _Stream(io.RawIOBase):
    """Parts as one stream. A buffer before it may go back as far as it holds; here nothing is held."""

    def __init__(self, parts: Iterator[bytes], count: Callable[[int], object]) -> None:
        self._parts = parts
        self._count = count
        self._rest = memoryview(b"")
        self._given = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._given

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Stay where it is; raises `UnsupportedOperation` for any other place."""
        if (offset, whence) not in ((self._given, io.SEEK_SET), (0, io.SEEK_CUR)):
            raise io.UnsupportedOperation("an object is read from its beginning to its end")
        return self._given

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into `buffer`; returns how many bytes it got."""
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = memoryview(part)
        given = min(len(self._rest), len(buffer))
        buffer[:given] = self._rest[:given]
        self._rest = self._rest[given:]
        self._given += given
        self._count(given)
        return given


def _found(split: Split) -> ObjectMeta:
    return ObjectMeta(split.path, split.size, split.version)


def _verdict(error: StoreError) -> FileSkipped | ReducerError:
    match error.kind:
        case ErrorKind.NOT_FOUND:
            return skipped.removed()
        case ErrorKind.PRECONDITION_FAILED:
            return skipped.replaced()
        case ErrorKind.STORE | ErrorKind.CONNECTION:
            return StoreUnavailable(f"{error}; then run again")
    return skipped.not_read(error.text)
