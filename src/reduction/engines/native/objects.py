"""Reads objects of a store through the kernel: they are prefetched, and read in their order."""

from __future__ import annotations

from collections.abc import Sequence

from reduction import _kernel
from reduction.engines.native.files import apply_stats, failed_split_result, feed_stream, make_split_result
from reduction.engines.native.row_groups import RowGroups
from reduction.engines.per_file import read_or_skip, track_progress
from reduction.pipeline.reading import open_csv
from reduction.pipeline.remote_input import ObjectReader
from reduction.pipeline.skipped import SkipLogger
from reduction.pipeline.split_results import SplitResult
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import SkipReason, Stats
from reduction.runtime.progress import Progress


class Objects:
    """Reads the splits of one share below a URL, one after the other."""

    def __init__(
        self,
        scanner: _kernel.CsvScanner,
        tree: str,
        splits: Sequence[Split],
        groups: RowGroups,
        progress: Progress,
        max_prefetch: int,
    ) -> None:
        """Fetch at most about `max_prefetch` bytes before they are read."""
        self._scanner = scanner
        self._splits = splits
        self._groups = groups
        self._progress = progress
        self._log = SkipLogger()
        self._objects = ObjectReader(tree, splits, max_prefetch)

    def read(self, stats: Stats) -> list[SplitResult]:
        """Read all splits; add the stats of whole objects to `stats`, return the results of the others."""
        split_results = []
        with self._objects:
            for index, split in track_progress(self._splits, self._progress):
                if split.split_file_id is None:
                    self._read_whole_object(index, stats)
                else:
                    split_results.append(self._read_split(index))
        return split_results

    def _read_whole_object(self, index: int, stats: Stats) -> None:
        def read(_: Split, path: str, stats: Stats) -> None:
            apply_stats(self._feed(index), path, stats)

        read_or_skip(self._splits[index], stats, self._log, read)

    def _read_split(self, index: int) -> SplitResult:
        split = self._splits[index]
        with self._objects.open_random_access(index) as source:
            from_kernel = self._scanner.read_split_from(
                source.chunk_at,
                self._groups.of_splits[index],
                split.start,
                split.stop,
                self._progress.read_bytes,
            )
        result = make_split_result(split, from_kernel, lambda: self._feed(index))
        error = source.error
        if error is not None and (error.reason == SkipReason.CHANGED or result.rows is None):
            return failed_split_result(split, error)  # otherwise the bytes before the error were enough
        return result

    def _feed(self, index: int) -> _kernel.FileStats:
        stream = open_csv(self._objects.open_raw(index, self._progress.read_bytes))
        return feed_stream(self._scanner, self._groups.of_splits[index], stream)
