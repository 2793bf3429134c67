"""Text for people and reports: paths and values that can be printed, numbers with their units."""

from __future__ import annotations

import os

SHOWN_TEXT = 80  # characters of a value from the input


def display_path(path: str) -> str:
    r"""Return `path` as text that can be printed and stored: bytes that are not UTF-8 as `\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def clipped(text: str, length: int) -> str:
    """Return `text`, shortened to `length` characters and marked if it was longer."""
    return text if len(text) <= length else text[: length - 1] + "…"


def display_value(text: str) -> str:
    r"""Return a value read with `surrogateescape` as it may appear in a report: short, odd bytes as `\xff`."""
    return clipped(text, SHOWN_TEXT).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


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
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size:.0f} B"
