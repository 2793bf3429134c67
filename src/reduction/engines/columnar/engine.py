"""The engine that runs wherever pandas does: whole-array operations on blocks of bytes, no Python for a row.

It does not use `read_csv`, which tells a missing field from an empty one, and a blank row from a row of
blanks, neither in the data nor in the accounting (docs/adr/0004).
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from reduction.engines.columnar.address_set import Addresses, DistinctBuffer, distinct_sorted
from reduction.engines.columnar.ipv4 import Mask, parse_dotted_quads
from reduction.engines.columnar.irregular_keys import field_value, look_at
from reduction.engines.columnar.sorted_partials import merge_partials, write_rows
from reduction.engines.columnar.tokenizer import QUOTE, Block, Bytes, Positions, Rows, blocks
from reduction.engines.compaction import CompactionRule
from reduction.engines.per_file import files_taken
from reduction.pipeline import skipped
from reduction.pipeline.engine import Limits, Output, Reduced
from reduction.pipeline.ip_address import BLANKS
from reduction.pipeline.partials import Manifest
from reduction.pipeline.reading import opened
from reduction.pipeline.rows import key_position
from reduction.pipeline.splits import Unit
from reduction.pipeline.stats import Accounting, Rejected, RejectedRow
from reduction.runtime.progress import Progress
from reduction.runtime.text import shown_value

BLOCK_BYTES = 8 << 20  # read at a time; a batch is at most the rows of one block
_BLANKS_TRIMMED = 4  # on each side, with whole-array operations; a key with more is an odd one


class PandasEngine:
    """See `contract.Engine` for what its methods promise."""

    name = "pandas"
    cuts_files = False

    def reduce(
        self, tree: str, units: Sequence[Unit], limits: Limits, output: Output, progress: Progress
    ) -> Reduced:
        """Hold the distinct rows: 4 bytes each for IPv4, 16 for IPv6, twice that while compacting."""

        def read(unit: Unit, path: str, file_books: Accounting) -> Addresses:
            with opened(tree, unit, progress) as stream:
                return _FileReader(path, file_books, limits).read(stream)

        csv.field_size_limit(sys.maxsize)
        books = Accounting()
        buffer = DistinctBuffer(limits.compact_at_rows)
        for environment, addresses in files_taken(units, books, progress, read):
            buffer.absorb(environment, addresses)
        buffer.compact()
        return Reduced(books, write_rows(buffer.items(), output))

    def merge(
        self, directory: Path, manifests: Sequence[Manifest], output: Output, dropped: Collection[int]
    ) -> dict[str, int]:
        """Hold one block of each partial."""
        return merge_partials(directory, manifests, output, dropped)


class _FileReader:
    """Reads one file: its distinct addresses, and what its books say."""

    def __init__(self, path: str, books: Accounting, limits: Limits) -> None:
        self._path = path
        self._books = books
        self._batch_rows = limits.batch_rows
        self._rule = CompactionRule(limits.compact_at_rows)
        self._addresses = Addresses()
        self._columns = 0
        self._key = 0

    def read(self, stream: BinaryIO) -> Addresses:
        """Return the distinct addresses; raises `FileIgnored`."""
        header_is_known = False
        for block in blocks(stream, BLOCK_BYTES):
            rows = block.rows
            if len(rows) and not header_is_known:
                self._take_header(block, int(rows.starts[0]), int(rows.ends[0]))
                header_is_known = True
                rows = rows[1:]
            _raise_fault_of(block)
            for first in range(0, len(rows), self._batch_rows):
                self._take_batch(block, rows[first : first + self._batch_rows])
        return self._addresses

    def _take_header(self, block: Block, start: int, end: int) -> None:
        if 0 <= block.nul < end:
            _raise_fault_of(block)
        header = next(csv.reader([block.text(start, end)]))
        self._key = key_position(header)
        self._columns = len(header)

    def _take_batch(self, block: Block, rows: Rows) -> None:
        self._books.read += len(rows)
        too_many, too_few = rows.fields > self._columns, rows.fields <= self._key
        if (too_many | too_few).any():
            self._reject_by_width(
                block, rows[too_many], Rejected.TOO_MANY_FIELDS, skipped.too_many_fields, self._columns
            )
            self._reject_by_width(block, rows[too_few], Rejected.NO_KEY, skipped.no_key, self._key)
            rows = rows[~(too_many | too_few)]
        starts, ends = rows.field(self._key)
        quads, are_quads = parse_dotted_quads(block.data, *_bare(block.data, starts, ends))
        if are_quads.all():
            self._addresses.add(distinct_sorted(quads))
        else:
            odd = look_at(block, starts[~are_quads], ends[~are_quads])
            self._addresses.add(distinct_sorted(np.concatenate([quads[are_quads], odd.quads])), odd.pairs)
            are_quads[~are_quads] = odd.are_addresses
            self._reject_keys(block, rows[~are_quads])
        self._books.valid += int(are_quads.sum())
        if self._rule.is_due(self._addresses.rows):
            self._addresses.compact()
            self._rule.compacted_to(self._addresses.rows)

    def _reject_by_width(
        self, block: Block, rows: Rows, reason: Rejected, told: Callable[[int, int], str], limit: int
    ) -> None:
        wanted = self._books.wants_example(reason)
        self._reject(block, rows, reason, [told(fields, limit) for fields in rows.fields[:wanted].tolist()])

    def _reject_keys(self, block: Block, rows: Rows) -> None:
        wanted = self._books.wants_example(Rejected.NOT_AN_ADDRESS)
        starts, ends = rows[:wanted].field(self._key)
        texts = [
            shown_value(field_value(block.text(start, end)))
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]
        self._reject(block, rows, Rejected.NOT_AN_ADDRESS, texts)

    def _reject(self, block: Block, rows: Rows, reason: Rejected, texts: list[str]) -> None:
        self._books.reject(reason, len(rows))
        self._books.examples += [
            RejectedRow(self._path, block.line_at(start), reason, text)
            for start, text in zip(rows.starts[: len(texts)].tolist(), texts, strict=True)
        ]


def _raise_fault_of(block: Block) -> None:
    """Raise what makes the whole file bad, in the order in which a reader meets it."""
    if block.nul >= 0:
        raise skipped.nul_byte(block.line_at(block.nul))
    if block.fault is not None:
        raise block.fault
    if block.open_quote_line is not None:
        raise skipped.open_quote(block.open_quote_line)


def _bare(data: Bytes, starts: Positions, ends: Positions) -> tuple[Positions, Positions]:
    """Return the fields without the quotes and the blanks round them, as far as that needs no second look.

    What is left may still hold quotes or blanks; it is no dotted quad then.
    """
    quoted = (data[starts] == QUOTE) & (data[ends - 1] == QUOTE) & (ends - starts >= 2)
    if quoted.any():
        starts, ends = starts + quoted, ends - quoted
    for _ in range(_BLANKS_TRIMMED):
        before, after = _is_blank(data[starts]) & (starts < ends), _is_blank(data[ends - 1]) & (starts < ends)
        if not (before.any() or after.any()):
            break
        starts, ends = starts + before, ends - (after & (ends - starts > before))
    return starts, ends


def _is_blank(characters: Bytes) -> Mask:
    space, tab = BLANKS.encode()
    mask: Mask = (characters == space) | (characters == tab)
    return mask


ENGINE = PandasEngine()
