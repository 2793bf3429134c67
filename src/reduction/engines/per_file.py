"""The way of a share through an engine that reads one file after the other: open, read, judge, keep."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from reduction.errors import FileIgnored
from reduction.pipeline.splits import Unit
from reduction.pipeline.stats import Accounting, IgnoredFile
from reduction.pipeline.warner import Warner
from reduction.runtime.progress import Progress
from reduction.runtime.text import shown

_LOG = logging.getLogger("reduction.files")

_T = TypeVar("_T")


def files_taken(
    units: Sequence[Unit],
    books: Accounting,
    progress: Progress,
    read: Callable[[Unit, str, Accounting], _T],
) -> Iterator[tuple[str, _T]]:
    """Give environment and what `read` made of it for each file that is good to its end.

    `read` takes the unit, its path as shown, and books of its own, which are added to `books` only then; it
    raises `FileIgnored` for a bad file.
    """
    warner = Warner()
    for _, unit in one_by_one(units, progress):
        made = judged(unit, books, warner, read)
        if made is not None:
            yield unit.environment, made


def one_by_one(units: Sequence[Unit], progress: Progress) -> Iterator[tuple[int, Unit]]:
    """Give each unit and its place; `progress` is told when one starts and, if all went well, ends."""
    for index, unit in enumerate(units):
        progress.starts(index)
        _LOG.debug("reading '%s', bytes %s to %s", shown(unit.path), unit.start, unit.stop)
        yield index, unit
        progress.finishes(
            unit.stop - unit.start, ends_file=unit.ends_file
        )  # not if the runner fails: this is the file it was on


def judged(
    unit: Unit, books: Accounting, warner: Warner, read: Callable[[Unit, str, Accounting], _T]
) -> _T | None:
    """Return what `read` made of one file and take over its books, or note why it is ignored: then None."""
    path = shown(unit.path)
    file_books = Accounting(taken=1, bytes=unit.size)
    try:
        made = read(unit, path, file_books)
    except FileIgnored as verdict:
        books.ignored.append(IgnoredFile(path, verdict.reason, verdict.detail))
        warner.ignored(path, verdict)
        return None
    books.add(file_books)
    warner.rejected(path, file_books)
    return made
