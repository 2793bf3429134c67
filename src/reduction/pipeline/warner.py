"""Warns of files that are ignored and of rows that are rejected, as they are met, and not without end."""

from __future__ import annotations

import logging

from reduction.errors import FileSkipped
from reduction.pipeline.stats import Stats

_LOG = logging.getLogger("reduction.files")
_FILES_WARNED = 20  # after so many it falls silent; all of them are in the report


class SkipLogger:
    """Warns of the first files; says once that it goes on at DEBUG."""

    def __init__(self) -> None:
        self._left = _FILES_WARNED

    def ignored(self, path: str, verdict: FileSkipped) -> None:
        """Warn of a file that is ignored."""
        self._warn("'%s' is ignored, %s: %s", path, verdict.reason, verdict.detail)

    def rejected(self, path: str, stats: Stats) -> None:
        """Warn of a file if its stats have rejected rows."""
        if stats.rejected:
            first = stats.examples[0]
            self._warn(
                "'%s': %s of %s rows rejected (%s), first line %s: %s",
                path, stats.rejected.total(), stats.read,
                ", ".join(f"{reason} {rows}" for reason, rows in sorted(stats.rejected.items())),
                first.line, first.text,
            )  # fmt: skip

    def _warn(self, message: str, *values: object) -> None:
        _LOG.log(logging.WARNING if self._left > 0 else logging.DEBUG, message, *values)
        self._left -= 1
        if self._left == 0:
            _LOG.warning("further files like this are logged at DEBUG; the report counts and names them")
