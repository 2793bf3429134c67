"""Malformed lines: what is kept, and how both commands show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

SHOWN_OF_A_REASON = 5


class MalformedLine(NamedTuple):
    """A line that is not counted; of a long one only the beginning is kept.

    `line` counts from 0 in everything that was fed, `offset` in bytes from the start of the block, or of the
    file if the block's offset is known.
    """

    reason: str
    line: int
    offset: int
    text: bytes


def shown_text(text: bytes) -> str:
    r"""Return a line as it may appear in a message: short, odd bytes as `\xff`."""
    from reduction.runtime.text import (
        display_value,  # most runs show nothing, and need not wait for this import
    )

    return display_value(text.decode("utf-8", "surrogateescape"))


def by_reason(counts: Mapping[str, int]) -> str:
    """Return counts of malformed lines as text."""
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items()))
