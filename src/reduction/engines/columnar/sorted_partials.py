"""Sorted rows as arrays: written out as a partial, and merged from partials a block of each at a time.

The merge takes from every partial what is not above the smallest of the blocks' last rows, makes that
distinct and writes it. So it holds one block a partial, whatever the size of the result. IPv6 rows, which
stand at the end of each partial, are merged one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from reduction.engines.columnar.address_set import AddressSet, distinct_sorted
from reduction.engines.columnar.ipv4 import LineWriter, parse_dotted_quads
from reduction.engines.columnar.irregular_keys import unique_texts
from reduction.engines.columnar.tokenizer import RowBlock, RowIndex, blocks
from reduction.pipeline.engine import RowSink
from reduction.pipeline.ip_address import parse
from reduction.pipeline.partials import Manifest, RowSuffix, damaged, opened_partial, row_suffixes
from reduction.pipeline.rows import RESULT_HEADER, Row, csv_line, merged

Keys = npt.NDArray[np.uint64]
"""IPv4 rows: the address in the upper 32 bits, the index of the environment below; sorts as rows do."""

_ROWS_WRITTEN = 1 << 18  # at a time
_MERGE_BYTES = 8 << 20  # blocks of all partials together
_LEAST_BLOCK = 1 << 16  # bytes
_DROPPED = 0xFFFF_FFFF  # the index of no environment: the row does not count


def write_rows(of_environments: Sequence[tuple[str, AddressSet]], output: RowSink) -> dict[str, int]:
    """Write the compacted addresses of environments, given in their order, as one sorted list of rows."""
    names = [name for name, _ in of_environments]
    writer = _RowWriter(names, output)
    ipv4 = [addresses.ipv4() for _, addresses in of_environments]
    for low, high in _address_ranges(ipv4):
        parts = [_keys_between(numbers, low, high, index) for index, numbers in enumerate(ipv4)]
        writer.write(distinct_sorted(np.concatenate(parts)))
    writer.write_six(merged([_rows_of(name, addresses) for name, addresses in of_environments]))
    return writer.addresses()


def merge_partials(
    directory: Path, manifests: Sequence[Manifest], output: RowSink, discarded: Collection[int]
) -> dict[str, int]:
    """Merge committed partials, as `Engine.merge` specifies."""
    expected = row_suffixes(manifests, discarded)
    names = sorted({ending.environment for ending in expected if ending.environment is not None})
    writer = _RowWriter(names, output)
    block_bytes = max(_LEAST_BLOCK, _MERGE_BYTES // max(1, len(manifests)))
    with ExitStack() as stack:
        partials = [
            SortedPartial(
                stack.enter_context(opened_partial(directory, of)), of, expected, names, block_bytes
            )
            for of in manifests
        ]
        while waiting := [partial for partial in partials if partial.fill()]:
            up_to = min(partial.keys[-1] for partial in waiting)
            writer.write(distinct_sorted(np.concatenate([partial.take(up_to) for partial in waiting])))
        writer.write_six(merged([partial.six() for partial in partials]))
    return writer.addresses()


class _RowWriter:
    """Writes keys and rows to an output and counts them by environment."""

    def __init__(self, names: Sequence[str], output: RowSink) -> None:
        self._names = names
        self._lines = LineWriter(names)
        self._output = output
        self._quads = np.zeros(len(names), np.int64)
        self._six: Counter[str] = Counter()
        output.write(RESULT_HEADER)

    def write(self, keys: Keys) -> None:
        """Write sorted, distinct IPv4 rows."""
        for first in range(0, len(keys), _ROWS_WRITTEN):
            part = keys[first : first + _ROWS_WRITTEN]
            environments = (part & np.uint64(0xFFFF_FFFF)).astype(np.intp)
            self._output.write(self._lines.lines((part >> np.uint64(32)).astype(np.uint32), environments))
            self._quads += np.bincount(environments, minlength=len(self._names))

    def write_six(self, rows: Iterator[Row]) -> None:
        """Write sorted, distinct IPv6 rows."""
        for row in rows:
            self._output.write(csv_line(row))
            self._six[row.environment] += 1

    def addresses(self) -> dict[str, int]:
        """Return the number of rows written for each environment that has any."""
        counted = {
            name: int(rows) + self._six[name] for name, rows in zip(self._names, self._quads, strict=True)
        }
        return {name: rows for name, rows in counted.items() if rows}


class SortedPartial:
    """The IPv4 rows of a partial, a block at a time, and then its IPv6 rows."""

    def __init__(
        self,
        stream: BinaryIO,
        manifest: Manifest,
        expected: Sequence[RowSuffix],
        names: Sequence[str],
        block_bytes: int,
    ) -> None:
        self._manifest = manifest
        self._environments = dict(expected)
        index_of = {name: index for index, name in enumerate(names)}
        self._index_of = {text: _DROPPED if name is None else index_of[name] for text, name in expected}
        self._blocks = blocks(stream, block_bytes)
        self._header_is_read = False
        self._six_begin: tuple[RowBlock, int] | None = None
        self.keys: Keys = np.empty(0, np.uint64)

    def fill(self) -> bool:
        """Read on if there is nothing in `keys`; returns whether there is something then."""
        while not len(self.keys) and self._six_begin is None:
            block = next(self._blocks, None)
            if block is None:
                return False
            self._take(block)
        return len(self.keys) > 0

    def take(self, up_to: np.uint64) -> Keys:
        """Remove and return the keys that are not above `up_to`."""
        count = int(np.searchsorted(self.keys, up_to, "right"))
        taken, self.keys = self.keys[:count], self.keys[count:]
        return taken

    def six(self) -> Iterator[Row]:
        """Give the IPv6 rows; when `fill` has returned False."""
        block, first = self._six_begin or (None, 0)
        while block is not None:
            if block.error is not None:
                raise block.error
            rows = block.rows[first:]
            for start, end, comma in zip(
                rows.starts.tolist(), rows.ends.tolist(), rows.field(0)[1].tolist(), strict=True
            ):
                address = parse(block.text(start, comma))
                ending = block.text(comma + 1, end)
                if address is None or ending not in self._environments:
                    raise self._not_a_row(block, start)
                environment = self._environments[ending]
                if environment is not None:
                    yield Row(address, environment)
            block, first = next(self._blocks, None), 0

    def _take(self, block: RowBlock) -> None:
        if block.error is not None:
            raise block.error
        rows = block.rows
        if not self._header_is_read:
            self._header_is_read = True
            rows = rows[1:]
        if not len(rows):
            return
        if (rows.fields < 2).any():
            raise self._not_a_row(block, int(rows.starts[rows.fields < 2][0]))
        ipv4, are_ipv4 = parse_dotted_quads(block.data, *rows.field(0))
        count = len(ipv4) if are_ipv4.all() else int(np.argmin(are_ipv4))
        if count < len(ipv4):
            self._six_begin = block, len(block.rows) - len(ipv4) + count
        indices = self._indices(block, rows[:count])
        self.keys = ((ipv4[:count].astype(np.uint64) << np.uint64(32)) | indices)[indices != _DROPPED]

    def _indices(self, block: RowBlock, rows: RowIndex) -> Keys:
        """Return the index of each row's environment, or `_DROPPED`: what follows the address decides."""
        starts, ends = rows.field(1)[0], rows.ends
        number, first = unique_texts(block.data, starts, ends)
        texts = [
            block.text(start, end)
            for start, end in zip(starts[first].tolist(), ends[first].tolist(), strict=True)
        ]
        try:
            indices = np.array([self._index_of[text] for text in texts], np.uint64)
        except KeyError as error:
            raise damaged(self._manifest, f"no manifest has rows that end with {error}") from error
        return indices[number]

    def _not_a_row(self, block: RowBlock, start: int) -> Exception:
        return damaged(self._manifest, f"line {block.line_at(start)} is not a row")


def _rows_of(environment: str, addresses: AddressSet) -> Iterator[Row]:
    for address in addresses.six():
        yield Row(address, environment)


def _keys_between(ipv4: npt.NDArray[np.uint32], low: int, high: int, environment: int) -> Keys:
    part = ipv4[np.searchsorted(ipv4, low) : np.searchsorted(ipv4, high, "right")]
    return (part.astype(np.uint64) << np.uint64(32)) | np.uint64(environment)


def _address_ranges(ipv4: Sequence[npt.NDArray[np.uint32]]) -> Iterator[tuple[int, int]]:
    """Cut the address space into inclusive ranges that hold about `_ROWS_WRITTEN` rows of all arrays."""
    if not ipv4:
        return
    step = max(1, _ROWS_WRITTEN // (len(ipv4) + 1))
    samples = np.sort(np.concatenate([numbers[step::step] for numbers in ipv4]))
    apart = max(1, _ROWS_WRITTEN // step)  # each sample stands for `step` rows of its array
    cuts = np.unique(samples[apart::apart])
    low = 0
    for cut in cuts.tolist():
        yield low, int(cut)
        low = int(cut) + 1
    if low <= 0xFFFF_FFFF:
        yield low, 0xFFFF_FFFF
