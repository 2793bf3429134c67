"""Why files are skipped and rows rejected, in the same words for every engine, and their log lines."""

from __future__ import annotations

import logging

from reduction.errors import FileSkipped
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import SkipReason, Stats
from reduction.runtime.text import plural

_LOG = logging.getLogger("reduction.files")
_FILES_LOGGED = 20  # then warnings continue at DEBUG; the report has all of them


def nul_byte(line: int) -> FileSkipped:
    """Return the error for a file with a NUL byte in line `line`."""
    return FileSkipped(SkipReason.BROKEN, "a NUL byte; this is not a CSV text file", line)


def open_quote(line: int) -> FileSkipped:
    """Return the error for a file that ends inside quotes, in the row that starts on line `line`."""
    return FileSkipped(SkipReason.BROKEN, "a quote is still open at the end of the file", line)


def wide_encoding(encoding: str) -> FileSkipped:
    """Return the error for a file that begins with the byte-order mark of UTF-16 or UTF-32."""
    return FileSkipped(SkipReason.BROKEN, f"{encoding}, not UTF-8; export it as UTF-8", 1)


def not_opened(error: OSError) -> FileSkipped:
    """Return the error for a file that cannot be opened, or was removed."""
    if isinstance(error, FileNotFoundError):
        return removed()
    return FileSkipped(SkipReason.BROKEN, f"cannot be opened: {error.strerror}")


def not_read(error: Exception | str) -> FileSkipped:
    """Return the error for a file, archive or object that cannot be read to its end."""
    return FileSkipped(SkipReason.BROKEN, f"cannot be read to its end: {error}")


def changed(split: Split, size: int) -> FileSkipped:
    """Return the error for a file that differs from what was listed; it has `size` bytes now."""
    return FileSkipped(
        SkipReason.CHANGED,
        f"had {split.size} bytes when listed, now {size}: it was modified; the next run will read it",
    )


def removed() -> FileSkipped:
    """Return the error for a file or object that no longer exists."""
    return FileSkipped(SkipReason.CHANGED, "removed after it was listed")


def replaced() -> FileSkipped:
    """Return the error for an object whose version is not the listed one."""
    return FileSkipped(SkipReason.CHANGED, "replaced after it was listed; the next run will read it")


def too_many_fields(fields: int, columns: int) -> str:
    """Return the example text of a row with more fields than the header has columns."""
    return f"{plural(fields, 'field')}, the header has {columns}"


def no_key(fields: int, key: int) -> str:
    """Return the example text of a row that ends before the key, field number `key` counted from 0."""
    return f"{plural(fields, 'field')}, the key is field {key + 1}"


class SkipLogger:
    """Warns of skipped files and rejected rows: of the first files at WARNING, then at DEBUG."""

    def __init__(self) -> None:
        self._left = _FILES_LOGGED

    def skipped(self, path: str, error: FileSkipped) -> None:
        """Log a file that is skipped."""
        self._log("'%s' is skipped, %s: %s", path, error.reason, error.detail)

    def rejected(self, path: str, stats: Stats) -> None:
        """Log a file if rows of it were rejected."""
        if stats.rejected:
            first = min(stats.examples, key=lambda example: example.line)
            self._log(
                "'%s': %s of %s rejected (%s), first on line %s: %s",
                path, f"{stats.rejected.total():,}", plural(stats.read, "row"),
                ", ".join(f"{reason} {rows:,}" for reason, rows in sorted(stats.rejected.items())),
                first.line, first.text,
            )  # fmt: skip

    def _log(self, message: str, *values: object) -> None:
        _LOG.log(logging.WARNING if self._left > 0 else logging.DEBUG, message, *values)
        self._left -= 1
        if self._left == 0:
            _LOG.warning("further files like this are logged at DEBUG; the report counts and names them")
