"""Reads files through the kernel, and translates what the kernel reports about them."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

from reduction import _kernel
from reduction._kernel import FileStatus, OpenStatus, Reason
from reduction.engines.native.row_groups import RowGroups
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

_FEED_BYTES = 1 << 17  # of an archive at once; larger chunks leave the processor's cache
_REJECTED = {reason: Rejected[reason.name] for reason in Reason}


class Files:
    """Reads the splits of one share, one after the other."""

    def __init__(
        self,
        scanner: _kernel.CsvScanner,
        tree: str,
        splits: Sequence[Split],
        groups: RowGroups,
        progress: Progress,
    ) -> None:
        """List all files in the kernel at once, so that it can go from one to the next without Python."""
        self._scanner = scanner
        self._tree = tree
        self._splits = splits
        self._groups = groups
        self._progress = progress
        self._log = SkipLogger()
        self._current: int | None = None  # the index of the split that is being read
        self._files = _kernel.FileList()
        for split, group in zip(splits, groups.of_splits, strict=True):
            path = os.fsencode(os.path.join(tree, split.path))  # noqa: PTH118 - once per file
            self._files.add(path, group, split.size, split.modified_ns)

    def read(self, stats: Stats) -> list[SplitResult]:
        """Read all splits; add the stats of whole files to `stats`, return the results of the others."""
        split_results = []
        start = 0
        for stop in self._splits_of_large_files():
            self._read_whole_files(start, stop, stats)
            if stop < len(self._splits):
                self._on_file(stop)
                split_results.append(self._read_split(stop))
                self._finish()
            start = stop + 1
        return split_results

    def _splits_of_large_files(self) -> Iterator[int]:
        """Yield the indexes of the splits that are not whole files, and the number of all splits."""
        yield from (index for index, split in enumerate(self._splits) if split.split_file_id is not None)
        yield len(self._splits)

    def _read_whole_files(self, start: int, stop: int, stats: Stats) -> None:
        """Read whole files: the kernel only returns when a file needs attention."""
        while start < stop:
            clean = self._scanner.read_clean_files(
                self._files, start, stop, self._on_file, self._progress.read_bytes
            )
            stats.add(Stats(taken=clean.files, bytes=clean.size, read=clean.rows, valid=clean.rows))
            start += clean.files
            if clean.other is not None:
                self._apply_outcome(start, clean.other, stats)
                start += 1
            self._finish()

    def _apply_outcome(self, index: int, outcome: _kernel.FileOutcome, stats: Stats) -> None:
        def read(split: Split, path: str, stats: Stats) -> None:
            if outcome.open_status == OpenStatus.COMPRESSED:
                of_file = self._feed_archive(index)
            elif outcome.open_status == OpenStatus.READ:
                of_file = outcome.stats
            else:
                raise _not_read(outcome.open_status, outcome.number, split)
            apply_stats(of_file, path, stats)

        read_or_skip(self._splits[index], stats, self._log, read)

    def _read_split(self, index: int) -> SplitResult:
        split = self._splits[index]
        result = self._scanner.read_split(
            self._files, index, split.start, split.stop, self._progress.read_bytes
        )
        return make_split_result(split, result, lambda: self._feed_archive(index))

    def _feed_archive(self, index: int) -> _kernel.FileStats:
        from reduction.pipeline.reading import open_input

        stream = open_input(self._tree, self._splits[index], self._progress)
        return feed_stream(self._scanner, self._groups.of_splits[index], stream)

    def _on_file(self, index: int) -> None:
        self._finish()
        self._current = index
        self._progress.start_split(index)
        if _LOG.isEnabledFor(logging.DEBUG):
            split = self._splits[index]
            _LOG.debug("reading '%s', bytes %s to %s", display_path(split.path), split.start, split.stop)

    def _finish(self) -> None:
        """Finish the current split; a failure leaves it unfinished, so that progress shows that file."""
        if self._current is not None:
            split = self._splits[self._current]
            self._progress.finish_split(split.stop - split.start, ends_file=split.ends_file)
            self._current = None


def make_split_result(
    split: Split, result: _kernel.SplitResult, feed_archive: Callable[[], _kernel.FileStats]
) -> SplitResult:
    """Return the result of a split of a file, from what the kernel reports about it.

    If the file is an archive, `feed_archive` reads it as a whole; only the first split of a file does that.
    """
    stats = Stats()
    of_split = result.stats
    span = ByteRange(result.first, result.end, of_split.line_ends) if result.has_rows else None
    try:
        if result.open_status == OpenStatus.COMPRESSED:
            of_split = feed_archive()
            span = ByteRange(0, split.size, 0)
        elif result.open_status != OpenStatus.READ:
            raise _not_read(result.open_status, result.number, split)
        if span is not None:
            apply_stats(of_split, display_path(split.path), stats)
    except FileSkipped as error:
        return failed_split_result(split, error, span)
    return SplitResult(split, span, stats)


def failed_split_result(split: Split, error: FileSkipped, span: ByteRange | None = None) -> SplitResult:
    """Return the result of a split that says why the whole file is skipped."""
    return SplitResult(split, span, Stats(), FileError(error.reason, error.what, error.line))


def feed_stream(
    scanner: _kernel.CsvScanner, group: int, opening: AbstractContextManager[BinaryIO]
) -> _kernel.FileStats:
    """Feed the scanner a whole file, the stream that `opening` opens; return the file's stats.

    Raises what the stream raises; none of the file's rows count then.
    """
    scanner.begin(group)
    try:
        with opening as stream:
            _feed(scanner, stream)
    except BaseException:
        scanner.abandon()
        raise
    return scanner.end()


def _feed(scanner: _kernel.CsvScanner, stream: BinaryIO) -> None:
    while True:
        try:
            data = stream.read1(_FEED_BYTES)  # type: ignore[attr-defined]
        except Exception:
            if not scanner.settle():  # e.g. no key column in the header: as in plain files
                raise
            return
        if not data or not scanner.feed(data):
            return


def apply_stats(of_file: _kernel.FileStats, path: str, stats: Stats) -> None:
    """Set `stats` to what the kernel reports for one file; raise `FileSkipped` if it was not accepted."""
    if of_file.status != FileStatus.ACCEPTED:
        raise _not_accepted(of_file)
    stats.read = of_file.read
    stats.valid = of_file.valid
    for reason, rows in of_file.rejected.items():
        stats.reject(_REJECTED[reason], rows)
    examples = [
        RejectedRow(path, example.line, _REJECTED[example.reason], _describe(example))
        for example in of_file.examples
    ]
    if examples:
        stats.examples = sorted(examples, key=lambda row: row.line)


def _describe(example: _kernel.RejectedExample) -> str:
    if example.reason == Reason.TOO_MANY_FIELDS:
        return skipped.too_many_fields(example.fields, example.limit)
    if example.reason == Reason.NO_KEY:
        return skipped.no_key(example.fields, example.limit)
    return display_value(example.text.decode("utf-8", "surrogateescape"))


def _not_accepted(of_file: _kernel.FileStats) -> FileSkipped:
    if of_file.status == FileStatus.NUL_BYTE:
        return skipped.nul_byte(of_file.line)
    if of_file.status == FileStatus.OPEN_QUOTE:
        return skipped.open_quote(of_file.line)
    import csv

    csv.field_size_limit(sys.maxsize)  # the message shows any header, however long its fields are
    names = next(csv.reader([of_file.header.decode("utf-8", "surrogateescape")]))
    try:
        key_position(names)
    except FileSkipped as error:
        return error
    raise AssertionError("the kernel found no key column in a header that has one")


def _not_read(status: OpenStatus, number: int, split: Split) -> FileSkipped:
    if status == OpenStatus.CHANGED:
        return skipped.changed(split, number)
    if status == OpenStatus.WIDE:
        return skipped.wide_encoding(f"UTF-{number}")
    error = OSError(number, os.strerror(number))  # of the class that fits the number
    return skipped.not_read(error) if status == OpenStatus.NOT_READABLE else skipped.not_opened(error)
