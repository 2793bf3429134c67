"""Text for logs and reports: printable paths and values, counts and sizes with their units."""

from __future__ import annotations

import os

MAX_VALUE_LENGTH = 80  # characters of a value from the input


def display_path(path: str) -> str:
    r"""Return `path` as printable text; bytes that are not UTF-8 become `\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def clipped(text: str, length: int) -> str:
    """Return `text`, cut to `length` characters and marked with an ellipsis if it was longer."""
    return text if len(text) <= length else text[: length - 1] + "…"


def display_value(text: str) -> str:
    r"""Return a value from the input for a report: short; bytes that are not UTF-8 become `\xff`.

    `text` was decoded with `surrogateescape`.
    """
    return (
        clipped(text, MAX_VALUE_LENGTH).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    )


def plural(count: int, noun: str, plural_noun: str = "") -> str:
    """Return a count with its noun.

    >>> plural(1, "file"), plural(2000, "file"), plural(2, "entry", "entries")
    ('1 file', '2,000 files', '2 entries')
    """
    return f"{count:,} {noun if count == 1 else plural_noun or noun + 's'}"


def human_bytes(size: float) -> str:
    """Return a number of bytes in decimal units.

    >>> human_bytes(999), human_bytes(12_345), human_bytes(1_500_000), human_bytes(2e9)
    ('999 B', '12.3 KB', '1.5 MB', '2.0 GB')
    >>> human_bytes(999_990)
    '1.0 MB'
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if size >= 0.99995 * factor:  # or rounding would lead to 1,000.0 of the next smaller unit
            return f"{size / factor:,.1f} {unit}"
    return f"{size:.0f} B"


def human_rate(bytes_per_second: float) -> str:
    """Return a data rate in decimal units.

    >>> human_rate(5_000_000)
    '5.0 MB/s'
    """
    return f"{human_bytes(bytes_per_second)}/s"
