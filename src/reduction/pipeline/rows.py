"""Rows: the key column of the input, and distinct, sorted CSV lines of the output."""

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
SPLIT_HEADER = b"Source IP,Environment,Split File\n"  # of a partial with rows of split files
_MAX_HEADER_LENGTH = 200  # characters


class Row(NamedTuple):
    """A distinct row. It sorts like the result, because the order of str is that of UTF-8 bytes."""

    address: Address
    environment: str


def key_position(header: Sequence[str]) -> int:
    """Return the index of the first column named `Source IP`.

    Raises `FileSkipped` (`no-key-column`), whose detail has the header.
    """
    for position, name in enumerate(header):
        if name.strip(BLANKS) == KEY_COLUMN:
            return position
    names = ", ".join(repr(name) for name in header)
    raise FileSkipped(
        SkipReason.NO_KEY_COLUMN,
        f"no column '{KEY_COLUMN}', its header has: {clipped(names, _MAX_HEADER_LENGTH)}",
    )


def csv_field(text: str) -> str:
    """Return `text` as a field of CSV (RFC 4180), quoted only if necessary."""
    if "," in text or '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def row_suffix(environment: str, split_file_id: int | None = None) -> str:
    """Return the text after the address in a line: the environment, and the number of a split file."""
    return csv_field(environment) + ("" if split_file_id is None else f",{split_file_id}")


def csv_line(row: Row) -> bytes:
    """Return the row as one line of a partial or a result."""
    return f"{canonical(row.address)},{row_suffix(row.environment)}\n".encode()


def merged(sorted_rows: Sequence[Iterable[Row]]) -> Iterator[Row]:
    """Merge sorted streams of rows; yield distinct rows in order, holding one row per stream."""
    for row, _ in groupby(heapq.merge(*sorted_rows)):
        yield row
