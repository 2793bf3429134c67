"""Paths and values as text, for people and reports."""

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
    r"""Return a value read with `surrogateescape` as it may stand in a report: short, odd bytes as `\xff`."""
    return clipped(text, SHOWN_TEXT).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
