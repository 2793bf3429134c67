"""Paths as text, for people and reports."""

from __future__ import annotations

import os


def shown(path: str) -> str:
    r"""Return `path` as text that can be printed and stored: bytes that are not UTF-8 as `\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
