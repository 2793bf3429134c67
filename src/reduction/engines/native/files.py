"""The files of a share through the kernel: from a split to its stats, and what is told of bad ones."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from enum import IntEnum
from typing import BinaryIO

from reduction import _kernel
from reduction.engines.per_file import read_or_skip
from reduction.errors import FileSkipped
from reduction.pipeline import skipped
from reduction.pipeline.rows import key_position
from reduction.pipeline.skipped import SkipLogger
from reduction.pipeline.split_results import ByteRange, FileError, SplitResult
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import Rejected, RejectedRow, Stats
from reduction.runtime.progress import Progress
from reduction.runtime.text import display_path, display_value

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
    """Reads the splits of one share into it, one after the other."""

    def __init__(self, share: _kernel.Share, tree: str, splits: Sequence[Split], progress: Progress) -> None:
        """Tell the kernel of all files at once, so that it can go from one to the next by itself."""
        self._share = share
        self._tree = tree
        self._units = splits
        self._progress = progress
        self._warner = SkipLogger()
        self._at: int | None = None  # the split that is being read
        self._listed = _kernel.Files()
        for split in splits:
            name = os.fsencode(os.path.join(tree, split.path))  # noqa: PTH118 - once a file
            self._listed.add(name, split.environment, split.size, split.modified_ns)

    def read(self, stats: Stats) -> list[SplitResult]:
        """Read all splits; the stats of whole files are added to `stats`, the others are split_results."""
        split_results = []
        start = 0
        for stop in self._cut_units():
            self._read_whole(start, stop, stats)
            if stop < len(self._units):
                self._begins(stop)
                split_results.append(self._read_piece(stop))
                self._ends()
            start = stop + 1
        return split_results

    def _cut_units(self) -> Iterator[int]:
        """Give the places of splits of cut files, and the end."""
        yield from (index for index, split in enumerate(self._units) if split.split_file_id is not None)
        yield len(self._units)

    def _read_whole(self, start: int, stop: int, stats: Stats) -> None:
        """Read whole files: the kernel goes through them until there is something to tell of one."""
        while start < stop:
            taken, size, rows, told = self._share.read_quietly(
                self._listed, start, stop, self._begins, self._progress.read_bytes
            )
            stats.add(Stats(taken=taken, bytes=size, read=rows, valid=rows))
            start += taken
            if told is not None:
                self._judge(self._units[start], told, stats)
                start += 1
            self._ends()

    def _judge(self, split: Split, told: tuple[int, int, _kernel._Books], stats: Stats) -> None:
        def read(split: Split, path: str, stats: Stats) -> None:
            opening, number, of_file = told
            if opening == _Opening.COMPRESSED:
                of_file = _feed_archive(self._share, self._tree, split, self._progress)
            elif opening != _Opening.READ:
                raise _not_read(_Opening(opening), number, split)
            apply_stats(of_file, path, stats)

        read_or_skip(split, stats, self._warner, read)

    def _read_piece(self, index: int) -> SplitResult:
        split = self._units[index]
        return make_split_result(
            split,
            self._share.read_piece(
                self._listed,
                index,
                split_file_id_of(split),
                split.start,
                split.stop,
                self._progress.read_bytes,
            ),
            lambda: _feed_archive(self._share, self._tree, split, self._progress),
        )

    def _begins(self, index: int) -> None:
        self._ends()
        self._at = index
        self._progress.start_split(index)
        if _LOG.isEnabledFor(logging.DEBUG):
            split = self._units[index]
            _LOG.debug("reading '%s', bytes %s to %s", display_path(split.path), split.start, split.stop)

    def _ends(self) -> None:
        """Be done with the split at hand. If the runner fails, nobody is: this is the file that it was on."""
        if self._at is not None:
            split = self._units[self._at]
            self._progress.finish_split(split.stop - split.start, ends_file=split.ends_file)
            self._at = None


def make_split_result(
    split: Split, told: _kernel._Told, feed_archive: Callable[[], _kernel._Books]
) -> SplitResult:
    """Return the result that a split of a cut file is, by what the kernel tells of it.

    `feed_archive` lets the share read the file whole if it turned out to be an archive.
    """
    stats = Stats()
    opening, number, span, of_split = told
    try:
        if opening == _Opening.COMPRESSED:  # only the first split is told; it reads it whole
            of_split = feed_archive()
            span = (0, split.size, 0)
        elif opening != _Opening.READ:
            raise _not_read(_Opening(opening), number, split)
        if span is not None:
            apply_stats(of_split, display_path(split.path), stats)
    except FileSkipped as fault:
        return failed_split_result(split, fault, span)
    return SplitResult(split, ByteRange(*span) if span else None, stats)


def failed_split_result(
    split: Split, why: FileSkipped, span: tuple[int, int, int] | None = None
) -> SplitResult:
    """Return the result of a split that says why the whole file is to be ignored."""
    verdict = FileError(why.reason, why.what, why.line)
    return SplitResult(split, ByteRange(*span) if span else None, Stats(), verdict)


def split_file_id_of(split: Split) -> int:
    """Return the number by which the kernel knows the file of a split."""
    return _kernel.NOT_CUT if split.split_file_id is None else split.split_file_id


def _feed_archive(share: _kernel.Share, tree: str, split: Split, progress: Progress) -> _kernel._Books:
    from reduction.pipeline.reading import open_input

    return fed(share, split, open_input(tree, split, progress))


def fed(share: _kernel.Share, split: Split, opening: AbstractContextManager[BinaryIO]) -> _kernel._Books:
    """Feed the share a whole file or the first split of one: what is opened by `opening`; return its stats.

    Raises what the stream raises; none of the file's rows count then.
    """
    share.begin(split.environment, split_file_id_of(split))
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


def apply_stats(told: _kernel._Books, path: str, stats: Stats) -> None:
    """Make `stats` those that the kernel tells of one file; raises `FileSkipped` if that is its verdict."""
    verdict, number, header, stats.read, stats.valid, rejected, examples = told
    if verdict != _Verdict.TAKEN:
        raise _verdict(_Verdict(verdict), number, header)
    for reason, rows in zip(_REASONS, rejected, strict=True):
        stats.reject(reason, rows)
    if examples:
        stats.examples = sorted((_example(path, *example) for example in examples), key=lambda row: row.line)


def _example(path: str, reason: int, line: int, fields: int, limit: int, text: bytes) -> RejectedRow:
    if _REASONS[reason] == Rejected.TOO_MANY_FIELDS:
        shown = skipped.too_many_fields(fields, limit)
    elif _REASONS[reason] == Rejected.NO_KEY:
        shown = skipped.no_key(fields, limit)
    else:
        shown = display_value(text.decode("utf-8", "surrogateescape"))
    return RejectedRow(path, line, _REASONS[reason], shown)


def _verdict(verdict: _Verdict, line: int, header: bytes) -> FileSkipped:
    if verdict == _Verdict.NUL_BYTE:
        return skipped.nul_byte(line)
    if verdict == _Verdict.OPEN_QUOTE:
        return skipped.open_quote(line)
    import csv

    csv.field_size_limit(sys.maxsize)  # a header is shown whatever it is like
    names = next(csv.reader([header.decode("utf-8", "surrogateescape")]))
    try:
        key_position(names)
    except FileSkipped as missing:
        return missing
    raise AssertionError("the kernel found no key column in a header that has one")


def _not_read(opening: _Opening, number: int, split: Split) -> FileSkipped:
    if opening == _Opening.CHANGED:
        return skipped.changed(split, number)
    if opening == _Opening.WIDE:
        return skipped.wide_encoding(f"UTF-{number}")
    error = OSError(number, os.strerror(number))  # of the class that fits the number
    return skipped.not_read(error) if opening == _Opening.NOT_READABLE else skipped.not_opened(error)
