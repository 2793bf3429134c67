"""Finds rows and fields in blocks of CSV bytes with whole-array operations (numpy), as Python's `csv` would.

The idea: separators that stand outside quotes are found by the parity of the quotes before them. Parity alone
is wrong where a quote does not open a field; `_effective_quotes` removes such quotes first, so the result is
exact. CR and LF both end a row; the empty "row" between the two of a CRLF is discarded like every blank line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]

LF, CR, QUOTE, COMMA = b'\n\r",'
_FIRST_BLOCK = 1 << 16  # bytes: a file without the key column is found out after so many
PADDING = 64  # zero bytes after each block, so that windows of that width may begin at any byte of it


@dataclass(frozen=True)
class RowIndex:
    """The rows of a block that are not blank; all arrays have one number a row.

    `starts` and `ends` (exclusive, without line end) are positions in the block; `fields` counts fields;
    `first` is the index, in `separators`, of the row's first separator.
    """

    starts: Positions
    ends: Positions
    fields: Positions
    first: Positions
    separators: Positions

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, chosen: slice | npt.NDArray[np.bool_]) -> RowIndex:
        return RowIndex(
            self.starts[chosen], self.ends[chosen], self.fields[chosen], self.first[chosen], self.separators
        )

    def field(self, index: int) -> tuple[Positions, Positions]:
        """Return starts and ends (exclusive) of field `index`; every row must have it."""
        starts = self.starts if index == 0 else self.separators[self.first + (index - 1)] + 1
        return starts, self.separators[self.first + index]


@dataclass(frozen=True)
class RowBlock:
    """Some whole rows of a stream.

    `data` holds their bytes and `PADDING` zeros; `line` is the number of the first line; `nul` is the
    position of the first NUL byte read so far, or -1; `open_quote_line` is set in the last block if the
    stream ends inside quotes: the line where that row starts. `error` is what stopped the reading.
    """

    data: Bytes
    rows: RowIndex
    line: int
    nul: int = -1
    open_quote_line: int | None = None
    error: Exception | None = None

    def text(self, start: int, end: int) -> str:
        """Return the bytes from `start` to `end` (exclusive); bytes that are not UTF-8 as surrogates."""
        return self.data[start:end].tobytes().decode("utf-8", "surrogateescape")

    def line_at(self, position: int) -> int:
        """Return the number of the line that holds `position`, counted in the whole stream from 1."""
        return self.line + count_lines(self.data[:position].tobytes())


def blocks(stream: BinaryIO, block_bytes: int) -> Iterator[RowBlock]:
    """Cut `stream` into blocks of whole rows, each of about `block_bytes` bytes or one longer row.

    A block without any row is given only at the end, or when it has a NUL byte. An error of the stream is
    handed over with the rows before it, so that what they say (a header without the key) comes first.
    """
    rest = b""
    line = 1
    want = min(_FIRST_BLOCK, block_bytes)
    while True:
        chunk, error = _read(stream, want)
        at_end = len(chunk) < want and error is None
        content = rest + chunk if rest else chunk
        block, consumed = _block(content, line, at_end=at_end, error=error)
        if at_end or error or len(block.rows) or block.nul >= 0:
            yield block
        if at_end or error:
            return
        line += count_lines(content[:consumed])
        rest = content[consumed:]
        want = block_bytes if consumed else 2 * want  # a row longer than a block: look ever further


def count_lines(content: bytes) -> int:
    """Return the number of line ends (LF, CRLF or CR) in `content`."""
    if b"\r" not in content:
        return content.count(b"\n")
    return content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")


def _read(stream: BinaryIO, want: int) -> tuple[bytes, Exception | None]:
    """Read `want` bytes, less only at the end of the stream or before an error, which is returned."""
    chunks = []
    try:
        while want > 0 and (chunk := stream.read1(want)):  # type: ignore[attr-defined]
            chunks.append(chunk)
            want -= len(chunk)
    except Exception as error:  # raised again by the caller, after the rows before it
        return b"".join(chunks), error
    return b"".join(chunks), None


def _block(content: bytes, line: int, *, at_end: bool, error: Exception | None) -> tuple[RowBlock, int]:
    """Return the block of the whole rows in `content`, and how many bytes they are."""
    data = np.zeros(len(content) + 1 + PADDING, dtype=np.uint8)
    data[: len(content)] = np.frombuffer(content, dtype=np.uint8)
    size = len(content)
    quotes = _effective_quotes(data[:size]) if b'"' in content else None
    inside = quotes is not None and len(quotes) % 2 == 1
    if at_end and size and not inside and data[size - 1] not in (LF, CR):
        data[size] = LF  # the last row needs no newline of its own
        size += 1
    separators = _separators(data[:size], quotes, has_cr=b"\r" in content)
    ends_row = np.flatnonzero(data[separators] != COMMA)
    consumed = int(separators[ends_row[-1]]) + 1 if len(ends_row) else 0
    if consumed == size and not at_end and consumed and data[consumed - 1] == CR:
        # Whether this CR is half of a CRLF is not known yet: leave its row to the next block.
        ends_row = ends_row[:-1]
        consumed = int(separators[ends_row[-1]]) + 1 if len(ends_row) else 0
    block = RowBlock(
        data,
        _rows(separators, ends_row),
        line,
        nul=content.find(0),
        open_quote_line=line + count_lines(content[:consumed]) if at_end and inside else None,
        error=error,
    )
    return block, min(consumed, len(content))


def _rows(separators: Positions, ends_row: Positions) -> RowIndex:
    last = separators[ends_row]
    first = np.concatenate([np.zeros(1, np.int64), ends_row[:-1] + 1]) if len(ends_row) else ends_row
    starts = np.concatenate([np.zeros(1, np.int64), last[:-1] + 1]) if len(last) else last
    rows = RowIndex(starts, last, ends_row - first + 1, first, separators)
    is_blank = starts == last
    return rows[~is_blank] if is_blank.any() else rows


def _separators(data: Bytes, quotes: Positions | None, *, has_cr: bool) -> Positions:
    """Return the positions of commas and line ends outside quotes."""
    found = (data == COMMA) | (data == LF)
    if has_cr:
        found |= data == CR
    if quotes is not None:
        parity = np.zeros(len(data), dtype=np.uint8)
        parity[quotes] = 1
        np.bitwise_xor.accumulate(parity, out=parity)
        found &= parity == 0
    return np.flatnonzero(found)


def _effective_quotes(data: Bytes) -> Positions:
    """Return the positions of the quotes that open, close or double; others are text.

    Taken in turn, the first, third, … quote opens. That is right if each of them stands at the start of a
    field, or directly after the previous quote (a doubled quote closes and opens again).
    """
    quotes = np.flatnonzero(data == QUOTE)
    opening = quotes[::2]
    before = data[opening - 1]
    at_start = (before == COMMA) | (before == LF) | (before == CR) | (opening == 0)
    after_closing = np.zeros(len(opening), dtype=np.bool_)
    after_closing[1:] = quotes[1::2][: len(opening) - 1] == opening[1:] - 1
    if (at_start | after_closing).all():
        return quotes
    return np.array(_quotes_one_by_one(data, quotes), dtype=np.int64)


def _quotes_one_by_one(data: Bytes, quotes: Positions) -> list[int]:
    """The same for a block with stray quotes, as the state machine of `csv` has it; a step a quote."""
    effective: list[int] = []
    inside = False
    before = data[quotes - 1]
    starts_field = (before == COMMA) | (before == LF) | (before == CR) | (quotes == 0)
    for position, is_start in zip(quotes.tolist(), starts_field.tolist(), strict=True):
        if inside or is_start or (effective and effective[-1] == position - 1):
            inside = not inside
            effective.append(position)
    return effective
