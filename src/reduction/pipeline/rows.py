"""Rows as they come in (where the key is) and as they go out (distinct, sorted, as CSV)."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from reduction.errors import FileSkipped
from reduction.pipeline.ip_address import BLANKS, Address, canonical
from reduction.pipeline.stats import SkipReason
from reduction.runtime.text import clipped

KEY_COLUMN = "Source IP"
RESULT_HEADER = b"Source IP,Environment\n"
SPLIT_HEADER = b"Source IP,Environment,Split File\n"  # of a partial with rows of cut files
_SHOWN_HEADER = 200  # characters


class Row(NamedTuple):
    """One distinct row; rows sort as the result does, because str order is UTF-8 byte order."""

    address: Address
    environment: str


def key_position(header: Sequence[str]) -> int:
    """Return the index of the first column named `Source IP`.

    Raises `FileSkipped` (no-key-column), naming the header that is there.
    """
    for position, name in enumerate(header):
        if name.strip(BLANKS) == KEY_COLUMN:
            return position
    found = ", ".join(repr(name) for name in header)
    raise FileSkipped(
        SkipReason.NO_KEY_COLUMN, f"no column '{KEY_COLUMN}', its header has: {clipped(found, _SHOWN_HEADER)}"
    )


def csv_field(text: str) -> str:
    """Return `text` as one field of RFC 4180, in quotes only where it must be."""
    if "," in text or '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def csv_line(row: Row) -> bytes:
    """Return the row as one line of a partial or a result."""
    return f"{canonical(row.address)},{csv_field(row.environment)}\n".encode()


def merged(sorted_rows: Sequence[Iterable[Row]]) -> Iterator[Row]:
    """Merge sorted streams of rows into one sorted stream of distinct rows, holding one row of each."""
    for row, _ in groupby(heapq.merge(*sorted_rows)):
        yield row
