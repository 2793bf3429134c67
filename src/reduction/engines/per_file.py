"""The loop over a share for engines that read one file after the other: read, or skip and log it."""

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
    """Yield the environment and the result of `read` for each file that was read to its end.

    `read` gets the split, its path for messages, and the file's own stats, which are added to `stats` if it
    succeeds. It raises `FileSkipped` for a bad file.
    """
    skip_logger = SkipLogger()
    for _, split in track_progress(splits, progress):
        result = read_or_skip(split, stats, skip_logger, read)
        if result is not None:
            yield split.environment, result


def track_progress(splits: Sequence[Split], progress: Progress) -> Iterator[tuple[int, Split]]:
    """Yield each split with its index, and report its start and end to `progress`.

    If an exception is raised, its end is not reported: the split is then named as the one that failed.
    """
    for index, split in enumerate(splits):
        progress.start_split(index)
        _LOG.debug("reading '%s', bytes %s to %s", display_path(split.path), split.start, split.stop)
        yield index, split
        progress.finish_split(split.stop - split.start, ends_file=split.ends_file)


def read_or_skip(
    split: Split, stats: Stats, skip_logger: SkipLogger, read: Callable[[Split, str, Stats], _T]
) -> _T | None:
    """Return the result of `read` and add the file's stats to `stats`; None if the file is skipped."""
    path = display_path(split.path)
    file_stats = Stats(taken=1, bytes=split.size)
    try:
        result = read(split, path, file_stats)
    except FileSkipped as error:
        stats.ignored.append(SkippedFile(path, error.reason, error.detail))
        skip_logger.skipped(path, error)
        return None
    stats.add(file_stats)
    skip_logger.rejected(path, file_stats)
    return result
