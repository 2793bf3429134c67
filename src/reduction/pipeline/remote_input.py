"""The input side: what is below an address as units, and their bytes as streams."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from reduction.errors import FileIgnored, InputError, ReducerError
from reduction.pipeline import skipped
from reduction.pipeline.naming import WORKING_PREFIXES, refused_name
from reduction.pipeline.split_source import Head, UnitBytes
from reduction.pipeline.splits import Unit
from reduction.pipeline.stats import Ignored, IgnoredFile
from reduction.runtime.text import shown
from reduction.storage import client_for
from reduction.storage.base import Found, StoreFault, StoreUnusable, Trouble, patiently
from reduction.storage.constants import MOST_AHEAD_BYTES
from reduction.storage.isolation import before_fork
from reduction.storage.prefetch import Ahead, Part, Range, whole
from reduction.storage.url import shown_address


def found_below(tree: str) -> list[Unit | IgnoredFile]:
    """List an address in one pass, without leaving a thread behind; in no order.

    Raises `InputError` if nothing is there or it can't be listed, `SettingsError` if a library is missing.
    """
    return before_fork(tree, lambda: _found_below(tree))


def _found_below(tree: str) -> list[Unit | IgnoredFile]:
    all_found: list[Unit | IgnoredFile] = []
    hidden: set[str] = set()
    is_there = False
    try:
        for found in client_for(tree).list():
            is_there = True
            all_found += _judged(found, hidden)
    except StoreFault as fault:
        raise InputError(f"the input '{shown_address(tree)}' can't be listed: {fault}") from None
    if not is_there:
        raise InputError(
            f"the input '{shown_address(tree)}' does not exist: no object is below it;"
            " correct REDUCER_INPUT_DIR, or put the files there"
        )
    return all_found


def _judged(found: Found, hidden: set[str]) -> Iterator[Unit | IgnoredFile]:
    """Give the unit that an object is, or why it is none; `hidden` folders are told once."""
    *folders, name = found.name.split("/")
    for depth, folder in enumerate(folders, 1):
        if folder.startswith(WORKING_PREFIXES):
            return
        if folder.startswith("."):
            path = "/".join(folders[:depth]) + "/"
            if path not in hidden:
                hidden.add(path)
                told = "a folder whose name begins with a dot is not entered"
                yield IgnoredFile(shown(path), Ignored.HIDDEN, told)
            return
    if not name or name.startswith(WORKING_PREFIXES):  # without a name it is the mark of a folder
        return
    if refusal := refused_name(name):
        yield IgnoredFile(shown(found.name), *refusal)
    else:
        yield Unit(found.name, found.size, 0, 0, found.size, version=found.version)


def fault_with(tree: str, unit: Unit) -> StoreFault | None:
    """Return why the store does not give out the first byte of the listed version; None if it does."""
    try:
        client = client_for(tree)
        patiently(lambda: client.read(_found(unit), 0, min(1, unit.size)), threading.Event())
    except StoreFault as fault:
        return fault
    return None


def is_there(tree: str, unit: Unit) -> bool:
    """Tell whether there is an object of this name whose bytes are given out, in whatever version."""
    fault = fault_with(tree, unit)
    return fault is None or fault.trouble == Trouble.REPLACED


class Objects:
    """The bytes of some units below an address, fetched ahead in their order; for a `with` block."""

    def __init__(self, tree: str, units: Sequence[Unit], most_held: int = MOST_AHEAD_BYTES) -> None:
        """Hold at most about so many bytes that are fetched and not yet read."""
        self._units = units
        try:
            client = client_for(tree)
        except StoreFault as fault:
            raise _verdict(fault) from None
        self._heads: dict[int, Head] = {}  # by the number of the cut file
        self._ahead = Ahead(client, len(units), self._range_of, most_held)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ahead.__exit__(kind, error, trace)

    def raw(self, index: int, count: Callable[[int], object]) -> io.RawIOBase:
        """Return the stream of the unit at `index`, as it was listed; `count` is told of the bytes it gives.

        Of a cut object that is the first unit of an archive, whose stream is all of it.
        Reading raises `FileIgnored`, or `StoreUnusable` if it is not the fault of this object.
        """
        return _Stream(self._data(index), count)

    @contextmanager
    def by_place(self, index: int) -> Iterator[ByPlace]:
        """Give the bytes of a cut object, for the unit at `index`; units are asked for in their order."""
        unit = self._units[index]
        head = self._head_of(unit)
        for passed in [number for number in self._heads if number < head.number]:
            del self._heads[passed]
        unit_bytes = UnitBytes(head, self._ahead, index)
        yield ByPlace(unit_bytes)
        if not unit_bytes.is_asked:
            head.is_read = False

    def _range_of(self, index: int) -> Range | None:
        unit = self._units[index]
        return whole(_found(unit)) if unit.cut_file is None else self._head_of(unit).range_of(unit)

    def _head_of(self, unit: Unit) -> Head:
        assert unit.cut_file is not None  # noqa: S101 - or it has none
        if unit.cut_file not in self._heads:
            self._heads[unit.cut_file] = Head(_found(unit), unit.cut_file, self._ahead)
        return self._heads[unit.cut_file]

    def _data(self, index: int) -> Iterator[bytes]:
        unit = self._units[index]
        try:
            if unit.cut_file is not None:
                yield self._head_of(unit).data()
            for part in self._ahead.parts(index):
                yield part.data
        except StoreFault as fault:
            raise _verdict(fault) from None


class ByPlace:
    """The bytes that a unit of a cut object needs, as the kernel asks for them."""

    def __init__(self, unit_bytes: UnitBytes) -> None:
        self._unit_bytes = unit_bytes
        self.fault: FileIgnored | None = None
        """Why there was a place whose bytes could not be had."""

    def part(self, at: int) -> Part | None:
        """Return bytes with the one at `at`, none behind the object's end; None if they can't be had.

        Raises `StoreUnusable` if that is not the fault of this object.
        """
        try:
            return self._unit_bytes.part(at)
        except StoreFault as fault:
            verdict = _verdict(fault)
        if not isinstance(verdict, FileIgnored):
            raise verdict
        self.fault = verdict
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


def _found(unit: Unit) -> Found:
    return Found(unit.path, unit.size, unit.version)


def _verdict(fault: StoreFault) -> FileIgnored | ReducerError:
    match fault.trouble:
        case Trouble.GONE:
            return skipped.removed()
        case Trouble.REPLACED:
            return skipped.replaced()
        case Trouble.STORE | Trouble.LINE:
            return StoreUnusable(f"{fault}; then run again")
    return skipped.not_given(fault.text)
