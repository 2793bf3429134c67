"""The way of a share through an engine that reads one file after the other: open, read, judge, keep."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from reduction.accounting import Accounting, IgnoredFile
from reduction.errors import FileIgnored
from reduction.inputs import Unit, environment_of, shown
from reduction.progress import Progress

_LOG = logging.getLogger("reduction.files")
_FILES_WARNED = 20  # after so many a runner falls silent; all of them are in the report

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
    warner = _Warner()
    for index, unit in enumerate(units):
        environment = environment_of(unit.path)
        assert environment is not None, unit.path  # noqa: S101 - what is listed as a unit has one
        path = shown(unit.path)
        progress.starts(index)
        _LOG.debug("reading '%s', %s bytes", path, unit.size)
        file_books = Accounting(taken=1, bytes=unit.size)
        try:
            made = read(unit, path, file_books)
        except FileIgnored as verdict:
            books.ignored.append(IgnoredFile(path, verdict.reason, verdict.detail))
            warner.warn("'%s' is ignored, %s: %s", path, verdict.reason, verdict.detail)
        else:
            books.add(file_books)
            if file_books.rejected:
                first = file_books.examples[0]
                warner.warn(
                    "'%s': %s of %s rows rejected (%s), first line %s: %s",
                    path, file_books.rejected.total(), file_books.read,
                    ", ".join(f"{reason} {rows}" for reason, rows in sorted(file_books.rejected.items())),
                    first.line, first.text,
                )  # fmt: skip
            yield environment, made
        progress.finishes(unit)  # not if the runner fails: this is the file it was on


class _Warner:
    """Warns of the first files; says once that it goes on at DEBUG."""

    def __init__(self) -> None:
        self._left = _FILES_WARNED

    def warn(self, message: str, *values: object) -> None:
        _LOG.log(logging.WARNING if self._left > 0 else logging.DEBUG, message, *values)
        self._left -= 1
        if self._left == 0:
            _LOG.warning("further files like this are logged at DEBUG; the report counts and names them")
