"""The simple engine: `csv`, `ipaddress` and a set, one row at a time. It is the oracle for all others.

It has no batches and no compaction: a set is always distinct. Nothing here may become clever.
"""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from reduction.engines.per_file import read_files
from reduction.pipeline import skipped
from reduction.pipeline.engine import EngineOptions, ReduceResult, RowSink
from reduction.pipeline.ip_address import Address, parse
from reduction.pipeline.partials import Manifest, damaged, opened_partial, row_suffixes
from reduction.pipeline.reading import open_input
from reduction.pipeline.rows import RESULT_HEADER, Row, csv_field, csv_line, key_position, merged
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import Rejected, RejectedRow, Stats
from reduction.runtime.progress import Progress
from reduction.runtime.text import display_value


class ReferenceEngine:
    """Implements `pipeline.engine.Engine` with a set of rows."""

    name = "reference"
    supports_splits = False

    def reduce(
        self,
        tree: str,
        splits: Sequence[Split],
        limits: EngineOptions,
        output: RowSink,
        progress: Progress,
    ) -> ReduceResult:
        """Hold the whole result in one set."""

        def read(split: Split, path: str, file_stats: Stats) -> set[Address]:
            with open_input(tree, split, progress) as stream:
                return read_file(stream, path, file_stats)

        stats = Stats()
        rows: set[Row] = set()
        for environment, addresses in read_files(splits, stats, progress, read):
            rows.update(Row(address, environment) for address in addresses)
        return ReduceResult(stats, _write(sorted(rows), output))

    def merge(
        self, directory: Path, manifests: Sequence[Manifest], output: RowSink, discarded: Collection[int]
    ) -> dict[str, int]:
        """Hold one row of each partial."""
        environments = dict(row_suffixes(manifests, discarded))
        with ExitStack() as stack:
            texts = [
                stack.enter_context(text_of(stack.enter_context(opened_partial(directory, manifest))))
                for manifest in manifests
            ]
            rows = merged(
                [rows_of_partial(text, of, environments) for text, of in zip(texts, manifests, strict=True)]
            )
            return _write(rows, output)


def text_of(stream: BinaryIO) -> io.TextIOWrapper:
    """Return the stream as text with its line ends as they are; bytes that are not UTF-8 as surrogates."""
    return io.TextIOWrapper(stream, "utf-8", "surrogateescape", newline="")


def read_file(stream: BinaryIO, path: str, stats: Stats) -> set[Address]:
    """Return the distinct addresses of one file; raises `FileSkipped`."""
    with text_of(stream) as text:
        rows = csv_rows(text)
        _, header = next(rows, (1, None))
        return set() if header is None else addresses_of(rows, header, path, stats)


def addresses_of(
    rows: Iterator[tuple[int, list[str]]], header: list[str], path: str, stats: Stats
) -> set[Address]:
    """Return the distinct addresses of the rows below the header; raises `FileSkipped`."""
    addresses: set[Address] = set()
    key = key_position(header)
    for line, row in rows:
        stats.read += 1
        if len(row) > len(header):
            reason, text = Rejected.TOO_MANY_FIELDS, skipped.too_many_fields(len(row), len(header))
        elif len(row) <= key:
            reason, text = Rejected.NO_KEY, skipped.no_key(len(row), key)
        elif (address := parse(row[key])) is None:
            reason, text = Rejected.NOT_AN_ADDRESS, display_value(row[key])
        else:
            stats.valid += 1
            addresses.add(address)
            continue
        stats.reject(reason, 1)
        if stats.wants_example(reason) > 0:
            stats.examples.append(RejectedRow(path, line, reason, text))
    return addresses


def csv_rows(text: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Give each row that is not blank with the number of the line it starts on; raises `FileSkipped`."""
    csv.field_size_limit(sys.maxsize)
    at_end = False

    def lines() -> Iterator[str]:
        nonlocal at_end
        for number, line in enumerate(text, 1):
            if "\0" in line:
                raise skipped.nul_byte(number)
            yield line
        at_end = True

    reader = csv.reader(lines())
    started_after = 0
    for row in reader:
        if at_end:  # the reader asks for a line after the last one only when a quote is open
            raise skipped.open_quote(started_after + 1)
        if row:
            yield started_after + 1, row
        started_after = reader.line_num


def rows_of_partial(
    text: Iterable[str], manifest: Manifest, environments: Mapping[str, str | None]
) -> Iterator[Row]:
    """Give the rows of a partial that count, by the row suffixes that they may have; raises
    `PartialsRejected`.
    """
    lines = csv.reader(text)
    try:
        next(lines, None)
        for fields in lines:
            ending = ",".join(map(csv_field, fields[1:]))
            address = parse(fields[0]) if ending in environments else None
            if address is None:
                raise damaged(manifest, f"line {lines.line_num} is not a row")
            environment = environments[ending]
            if environment is not None:
                yield Row(address, environment)
    except csv.Error as error:
        raise damaged(manifest, f"line {lines.line_num}: {error}") from error


def _write(rows: Iterable[Row], output: RowSink) -> dict[str, int]:
    addresses: Counter[str] = Counter()
    output.write(RESULT_HEADER)
    for row in rows:
        output.write(csv_line(row))
        addresses[row.environment] += 1
    return dict(sorted(addresses.items()))


ENGINE = ReferenceEngine()
