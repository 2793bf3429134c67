"""The way of a share through an engine that reads one file after the other: open, read, judge, keep."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from reduction.errors import FileSkipped
from reduction.pipeline.skipped import SkipLogger
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import SkippedFile, Stats
from reduction.runtime.progress import Progress
from reduction.runtime.text import display_path

_LOG = logging.getLogger("reduction.files")

_T = TypeVar("_T")


def read_files(
    splits: Sequence[Split],
    stats: Stats,
    progress: Progress,
    read: Callable[[Split, str, Stats], _T],
) -> Iterator[tuple[str, _T]]:
    """Give environment and what `read` made of it for each file that is good to its end.

    `read` takes the split, its path as shown, and stats of its own, which are added to `stats` only then; it
    raises `FileSkipped` for a bad file.
    """
    warner = SkipLogger()
    for _, split in track_progress(splits, progress):
        made = judged(split, stats, warner, read)
        if made is not None:
            yield split.environment, made


def track_progress(splits: Sequence[Split], progress: Progress) -> Iterator[tuple[int, Split]]:
    """Give each split and its place; `progress` is told when one starts and, if all went well, ends."""
    for index, split in enumerate(splits):
        progress.start_split(index)
        _LOG.debug("reading '%s', bytes %s to %s", display_path(split.path), split.start, split.stop)
        yield index, split
        progress.finish_split(
            split.stop - split.start, ends_file=split.ends_file
        )  # not if the runner fails: this is the file it was on


def judged(
    split: Split, stats: Stats, warner: SkipLogger, read: Callable[[Split, str, Stats], _T]
) -> _T | None:
    """Return what `read` made of one file and take over its stats, or note why it is ignored: then None."""
    path = display_path(split.path)
    file_stats = Stats(taken=1, bytes=split.size)
    try:
        made = read(split, path, file_stats)
    except FileSkipped as verdict:
        stats.ignored.append(SkippedFile(path, verdict.reason, verdict.detail))
        warner.skipped(path, verdict)
        return None
    stats.add(file_stats)
    warner.rejected(path, file_stats)
    return made
