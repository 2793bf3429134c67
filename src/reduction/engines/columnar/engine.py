"""The engine that runs wherever pandas does: whole-array operations on blocks of bytes, no Python for a row.

It does not use `read_csv`, which does not distinguish a missing field from an empty one, nor a blank
row from a row of blanks, in the data or in the accounting (docs/adr/0004).
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from reduction.engines.columnar.address_set import AddressSet, DistinctBuffer, distinct_sorted
from reduction.engines.columnar.ipv4 import Mask, parse_dotted_quads
from reduction.engines.columnar.irregular_keys import field_value, parse_irregular
from reduction.engines.columnar.sorted_partials import merge_partials, write_rows
from reduction.engines.columnar.tokenizer import QUOTE, Bytes, Positions, RowBlock, RowIndex, blocks
from reduction.engines.compaction import CompactionRule
from reduction.engines.per_file import read_files
from reduction.pipeline import skipped
from reduction.pipeline.engine import EngineOptions, ReduceResult, RowSink
from reduction.pipeline.ip_address import BLANKS
from reduction.pipeline.partials import Manifest
from reduction.pipeline.reading import open_input
from reduction.pipeline.rows import key_position
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import Rejected, RejectedRow, Stats
from reduction.runtime.progress import Progress
from reduction.runtime.text import display_value

BLOCK_BYTES = 8 << 20  # read at a time; a batch is at most the rows of one block
_BLANKS_TRIMMED = 4  # on each side, with whole-array operations; a key with more is an odd one


class PandasEngine:
    """Implements `pipeline.engine.Engine` with arrays."""

    name = "pandas"
    supports_splits = False

    def reduce(
        self, tree: str, splits: Sequence[Split], limits: EngineOptions, output: RowSink, progress: Progress
    ) -> ReduceResult:
        """Hold the distinct rows: 4 bytes each for IPv4, 16 for IPv6, twice that while compacting."""

        def read(split: Split, path: str, file_stats: Stats) -> AddressSet:
            with open_input(tree, split, progress) as stream:
                return _FileReader(path, file_stats, limits).read(stream)

        csv.field_size_limit(sys.maxsize)
        stats = Stats()
        buffer = DistinctBuffer(limits.compact_at_rows)
        for environment, addresses in read_files(splits, stats, progress, read):
            buffer.absorb(environment, addresses)
        buffer.compact()
        return ReduceResult(stats, write_rows(buffer.items(), output))

    def merge(
        self, directory: Path, manifests: Sequence[Manifest], output: RowSink, discarded: Collection[int]
    ) -> dict[str, int]:
        """Hold one block of each partial."""
        return merge_partials(directory, manifests, output, discarded)


class _FileReader:
    """Reads one file: its distinct addresses, and what its stats say."""

    def __init__(self, path: str, stats: Stats, limits: EngineOptions) -> None:
        self._path = path
        self._stats = stats
        self._batch_rows = limits.batch_rows
        self._rule = CompactionRule(limits.compact_at_rows)
        self._addresses = AddressSet()
        self._columns = 0
        self._key = 0

    def read(self, stream: BinaryIO) -> AddressSet:
        """Return the distinct addresses; raises `FileSkipped`."""
        header_is_known = False
        for block in blocks(stream, BLOCK_BYTES):
            rows = block.rows
            if len(rows) and not header_is_known:
                self._take_header(block, int(rows.starts[0]), int(rows.ends[0]))
                header_is_known = True
                rows = rows[1:]
            _raise_error_of(block)
            for first in range(0, len(rows), self._batch_rows):
                self._take_batch(block, rows[first : first + self._batch_rows])
        return self._addresses

    def _take_header(self, block: RowBlock, start: int, end: int) -> None:
        if 0 <= block.nul < end:
            _raise_error_of(block)
        header = next(csv.reader([block.text(start, end)]))
        self._key = key_position(header)
        self._columns = len(header)

    def _take_batch(self, block: RowBlock, rows: RowIndex) -> None:
        self._stats.read += len(rows)
        too_many, too_few = rows.fields > self._columns, rows.fields <= self._key
        if (too_many | too_few).any():
            self._reject_by_width(
                block, rows[too_many], Rejected.TOO_MANY_FIELDS, skipped.too_many_fields, self._columns
            )
            self._reject_by_width(block, rows[too_few], Rejected.NO_KEY, skipped.no_key, self._key)
            rows = rows[~(too_many | too_few)]
        starts, ends = rows.field(self._key)
        ipv4, are_ipv4 = parse_dotted_quads(block.data, *_bare(block.data, starts, ends))
        if are_ipv4.all():
            self._addresses.add(distinct_sorted(ipv4))
        else:
            odd = parse_irregular(block, starts[~are_ipv4], ends[~are_ipv4])
            self._addresses.add(distinct_sorted(np.concatenate([ipv4[are_ipv4], odd.ipv4])), odd.pairs)
            are_ipv4[~are_ipv4] = odd.are_addresses
            self._reject_keys(block, rows[~are_ipv4])
        self._stats.valid += int(are_ipv4.sum())
        if self._rule.is_due(self._addresses.rows):
            self._addresses.compact()
            self._rule.compacted_to(self._addresses.rows)

    def _reject_by_width(
        self,
        block: RowBlock,
        rows: RowIndex,
        reason: Rejected,
        describe: Callable[[int, int], str],
        limit: int,
    ) -> None:
        wanted = self._stats.wants_example(reason)
        self._reject(
            block, rows, reason, [describe(fields, limit) for fields in rows.fields[:wanted].tolist()]
        )

    def _reject_keys(self, block: RowBlock, rows: RowIndex) -> None:
        wanted = self._stats.wants_example(Rejected.NOT_AN_ADDRESS)
        starts, ends = rows[:wanted].field(self._key)
        texts = [
            display_value(field_value(block.text(start, end)))
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]
        self._reject(block, rows, Rejected.NOT_AN_ADDRESS, texts)

    def _reject(self, block: RowBlock, rows: RowIndex, reason: Rejected, texts: list[str]) -> None:
        self._stats.reject(reason, len(rows))
        self._stats.examples += [
            RejectedRow(self._path, block.line_at(start), reason, text)
            for start, text in zip(rows.starts[: len(texts)].tolist(), texts, strict=True)
        ]


def _raise_error_of(block: RowBlock) -> None:
    """Raise what makes the whole file bad, in the order in which a reader meets it."""
    if block.nul >= 0:
        raise skipped.nul_byte(block.line_at(block.nul))
    if block.error is not None:
        raise block.error
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
