"""The objects of a share through the kernel: fetched ahead, and read by it in their order."""

from __future__ import annotations

from collections.abc import Sequence

from reduction import _kernel
from reduction.engines.native.files import (
    apply_stats,
    failed_split_result,
    fed,
    make_split_result,
    split_file_id_of,
)
from reduction.engines.per_file import read_or_skip, track_progress
from reduction.pipeline.reading import open_csv
from reduction.pipeline.remote_input import ObjectReader
from reduction.pipeline.skipped import SkipLogger
from reduction.pipeline.split_results import SplitResult
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import SkipReason, Stats
from reduction.runtime.progress import Progress


def read_objects(
    share: _kernel.Share,
    tree: str,
    splits: Sequence[Split],
    progress: Progress,
    stats: Stats,
    most_ahead: int,
) -> list[SplitResult]:
    """Read all splits below the address `tree` into the share.

    The stats of whole objects are added to `stats`, the others are split_results. At most about `most_ahead` bytes
    are fetched and not yet read.
    """
    split_results = []
    with ObjectReader(tree, splits, most_ahead) as objects:
        reader = _Reader(share, objects, progress, stats)
        for index, split in track_progress(splits, progress):
            if split.split_file_id is None:
                reader.read_whole(index, split)
            else:
                split_results.append(reader.read_piece(index, split))
    return split_results


class _Reader:
    """Reads one split after the other."""

    def __init__(self, share: _kernel.Share, objects: ObjectReader, progress: Progress, stats: Stats) -> None:
        self._share = share
        self._objects = objects
        self._progress = progress
        self._stats = stats
        self._warner = SkipLogger()

    def read_whole(self, index: int, split: Split) -> None:
        """Read an object that is not cut."""

        def read(split: Split, path: str, stats: Stats) -> None:
            apply_stats(self._feed(index, split), path, stats)

        read_or_skip(split, self._stats, self._warner, read)

    def read_piece(self, index: int, split: Split) -> SplitResult:
        """Read a split of one that is."""
        with self._objects.open_random_access(index) as of_split:
            told = self._share.read_piece_in_parts(
                of_split.chunk_at,
                split.environment,
                split_file_id_of(split),
                split.start,
                split.stop,
                self._progress.read_bytes,
            )
        result = make_split_result(split, told, lambda: self._feed(index, split))
        fault = of_split.error
        if fault is not None and (fault.reason == SkipReason.CHANGED or result.rows is None):
            return failed_split_result(split, fault)  # else what came before the place has settled it
        return result

    def _feed(self, index: int, split: Split) -> _kernel._Books:
        return fed(self._share, split, open_csv(self._objects.open_raw(index, self._progress.read_bytes)))
