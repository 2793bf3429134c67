"""The files of a share through the kernel: from a unit to its books, and what is told of bad ones."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from enum import IntEnum
from typing import BinaryIO

from reduction import _kernel
from reduction.engines.per_file import judged
from reduction.errors import FileIgnored
from reduction.pipeline import skipped
from reduction.pipeline.rows import key_position
from reduction.pipeline.split_results import Piece, Span, Verdict
from reduction.pipeline.splits import Unit
from reduction.pipeline.stats import Accounting, Rejected, RejectedRow
from reduction.pipeline.warner import Warner
from reduction.runtime.progress import Progress
from reduction.runtime.text import shown, shown_value

_LOG = logging.getLogger("reduction.files")

_FED_AT_ONCE = 1 << 17  # bytes of an archive; with more of them at a time they leave the processor's cache
_REASONS = (Rejected.TOO_MANY_FIELDS, Rejected.NO_KEY, Rejected.NOT_AN_ADDRESS)


class _Opening(IntEnum):
    """What the kernel found when it opened a file, in the order of file_reader.hpp."""

    READ = 0
    COMPRESSED = 1
    CHANGED = 2
    NOT_OPENED = 3
    NOT_READABLE = 4
    WIDE = 5


class _Verdict(IntEnum):
    """What the kernel thinks of a file's bytes, in the order of share.hpp."""

    TAKEN = 0
    NO_KEY_COLUMN = 1
    NUL_BYTE = 2
    OPEN_QUOTE = 3


class Files:
    """Reads the units of one share into it, one after the other."""

    def __init__(self, share: _kernel.Share, tree: str, units: Sequence[Unit], progress: Progress) -> None:
        """Tell the kernel of all files at once, so that it can go from one to the next by itself."""
        self._share = share
        self._tree = tree
        self._units = units
        self._progress = progress
        self._warner = Warner()
        self._at: int | None = None  # the unit that is being read
        self._listed = _kernel.Files()
        for unit in units:
            name = os.fsencode(os.path.join(tree, unit.path))  # noqa: PTH118 - once a file
            self._listed.add(name, unit.environment, unit.size, unit.modified_ns)

    def read(self, books: Accounting) -> list[Piece]:
        """Read all units; the books of whole files are added to `books`, the others are pieces."""
        pieces = []
        start = 0
        for stop in self._cut_units():
            self._read_whole(start, stop, books)
            if stop < len(self._units):
                self._begins(stop)
                pieces.append(self._read_piece(stop))
                self._ends()
            start = stop + 1
        return pieces

    def _cut_units(self) -> Iterator[int]:
        """Give the places of units of cut files, and the end."""
        yield from (index for index, unit in enumerate(self._units) if unit.cut_file is not None)
        yield len(self._units)

    def _read_whole(self, start: int, stop: int, books: Accounting) -> None:
        """Read whole files: the kernel goes through them until there is something to tell of one."""
        while start < stop:
            taken, size, rows, told = self._share.read_quietly(
                self._listed, start, stop, self._begins, self._progress.read_bytes
            )
            books.add(Accounting(taken=taken, bytes=size, read=rows, valid=rows))
            start += taken
            if told is not None:
                self._judge(self._units[start], told, books)
                start += 1
            self._ends()

    def _judge(self, unit: Unit, told: tuple[int, int, _kernel._Books], books: Accounting) -> None:
        def read(unit: Unit, path: str, books: Accounting) -> None:
            opening, number, of_file = told
            if opening == _Opening.COMPRESSED:
                of_file = _feed_archive(self._share, self._tree, unit, self._progress)
            elif opening != _Opening.READ:
                raise _not_read(_Opening(opening), number, unit)
            take_books(of_file, path, books)

        judged(unit, books, self._warner, read)

    def _read_piece(self, index: int) -> Piece:
        unit = self._units[index]
        return piece_of(
            unit,
            self._share.read_piece(
                self._listed, index, cut_file_of(unit), unit.start, unit.stop, self._progress.read_bytes
            ),
            lambda: _feed_archive(self._share, self._tree, unit, self._progress),
        )

    def _begins(self, index: int) -> None:
        self._ends()
        self._at = index
        self._progress.starts(index)
        if _LOG.isEnabledFor(logging.DEBUG):
            unit = self._units[index]
            _LOG.debug("reading '%s', bytes %s to %s", shown(unit.path), unit.start, unit.stop)

    def _ends(self) -> None:
        """Be done with the unit at hand. If the runner fails, nobody is: this is the file that it was on."""
        if self._at is not None:
            unit = self._units[self._at]
            self._progress.finishes(unit.stop - unit.start, ends_file=unit.ends_file)
            self._at = None


def piece_of(unit: Unit, told: _kernel._Told, feed_archive: Callable[[], _kernel._Books]) -> Piece:
    """Return the piece that a unit of a cut file is, by what the kernel tells of it.

    `feed_archive` lets the share read the file whole if it turned out to be an archive.
    """
    books = Accounting()
    opening, number, span, of_unit = told
    try:
        if opening == _Opening.COMPRESSED:  # only the first unit is told; it reads it whole
            of_unit = feed_archive()
            span = (0, unit.size, 0)
        elif opening != _Opening.READ:
            raise _not_read(_Opening(opening), number, unit)
        if span is not None:
            take_books(of_unit, shown(unit.path), books)
    except FileIgnored as fault:
        return ignored_piece(unit, fault, span)
    return Piece(unit, Span(*span) if span else None, books)


def ignored_piece(unit: Unit, why: FileIgnored, span: tuple[int, int, int] | None = None) -> Piece:
    """Return the piece of a unit that says why the whole file is to be ignored."""
    verdict = Verdict(why.reason, why.what, why.line)
    return Piece(unit, Span(*span) if span else None, Accounting(), verdict)


def cut_file_of(unit: Unit) -> int:
    """Return the number by which the kernel knows the file of a unit."""
    return _kernel.NOT_CUT if unit.cut_file is None else unit.cut_file


def _feed_archive(share: _kernel.Share, tree: str, unit: Unit, progress: Progress) -> _kernel._Books:
    from reduction.pipeline.reading import opened

    return fed(share, unit, opened(tree, unit, progress))


def fed(share: _kernel.Share, unit: Unit, opening: AbstractContextManager[BinaryIO]) -> _kernel._Books:
    """Feed the share a whole file or the first unit of one: what is opened by `opening`; return its books.

    Raises what the stream raises; none of the file's rows count then.
    """
    share.begin(unit.environment, cut_file_of(unit))
    try:
        with opening as stream:
            _feed(share, stream)
    except BaseException:
        share.abandon()
        raise
    return share.end()


def _feed(share: _kernel.Share, stream: BinaryIO) -> None:
    while True:
        try:
            data = stream.read1(_FED_AT_ONCE)  # type: ignore[attr-defined]
        except Exception:
            if not share.settle():  # a header without the key column comes first, as with plain files
                raise
            return
        if not data or not share.feed(data):
            return


def take_books(told: _kernel._Books, path: str, books: Accounting) -> None:
    """Make `books` those that the kernel tells of one file; raises `FileIgnored` if that is its verdict."""
    verdict, number, header, books.read, books.valid, rejected, examples = told
    if verdict != _Verdict.TAKEN:
        raise _verdict(_Verdict(verdict), number, header)
    for reason, rows in zip(_REASONS, rejected, strict=True):
        books.reject(reason, rows)
    if examples:
        books.examples = sorted((_example(path, *example) for example in examples), key=lambda row: row.line)


def _example(path: str, reason: int, line: int, fields: int, limit: int, text: bytes) -> RejectedRow:
    if _REASONS[reason] == Rejected.TOO_MANY_FIELDS:
        shown = skipped.too_many_fields(fields, limit)
    elif _REASONS[reason] == Rejected.NO_KEY:
        shown = skipped.no_key(fields, limit)
    else:
        shown = shown_value(text.decode("utf-8", "surrogateescape"))
    return RejectedRow(path, line, _REASONS[reason], shown)


def _verdict(verdict: _Verdict, line: int, header: bytes) -> FileIgnored:
    if verdict == _Verdict.NUL_BYTE:
        return skipped.nul_byte(line)
    if verdict == _Verdict.OPEN_QUOTE:
        return skipped.open_quote(line)
    import csv

    csv.field_size_limit(sys.maxsize)  # a header is shown whatever it is like
    names = next(csv.reader([header.decode("utf-8", "surrogateescape")]))
    try:
        key_position(names)
    except FileIgnored as missing:
        return missing
    raise AssertionError("the kernel found no key column in a header that has one")


def _not_read(opening: _Opening, number: int, unit: Unit) -> FileIgnored:
    if opening == _Opening.CHANGED:
        return skipped.changed(unit, number)
    if opening == _Opening.WIDE:
        return skipped.wide_encoding(f"UTF-{number}")
    error = OSError(number, os.strerror(number))  # of the class that fits the number
    return skipped.not_read(error) if opening == _Opening.NOT_READABLE else skipped.not_opened(error)
