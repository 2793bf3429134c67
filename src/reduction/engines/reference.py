"""The dull engine: `csv`, `ipaddress` and a set, one row at a time. It is the oracle for all others.

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

from reduction.engines.per_file import files_taken
from reduction.pipeline import skipped
from reduction.pipeline.engine import Limits, Output, Reduced
from reduction.pipeline.ip_address import Address, parse
from reduction.pipeline.partials import Manifest, damaged, endings, opened_partial
from reduction.pipeline.reading import opened
from reduction.pipeline.rows import RESULT_HEADER, Row, csv_field, csv_line, key_position, merged
from reduction.pipeline.splits import Unit
from reduction.pipeline.stats import Accounting, Rejected, RejectedRow
from reduction.runtime.progress import Progress
from reduction.runtime.text import shown_value


class ReferenceEngine:
    """See `contract.Engine` for what its methods promise."""

    name = "reference"
    cuts_files = False

    def reduce(
        self,
        tree: str,
        units: Sequence[Unit],
        limits: Limits,
        output: Output,
        progress: Progress,
    ) -> Reduced:
        """Hold the whole result in one set."""

        def read(unit: Unit, path: str, file_books: Accounting) -> set[Address]:
            with opened(tree, unit, progress) as stream:
                return read_file(stream, path, file_books)

        books = Accounting()
        rows: set[Row] = set()
        for environment, addresses in files_taken(units, books, progress, read):
            rows.update(Row(address, environment) for address in addresses)
        return Reduced(books, _write(sorted(rows), output))

    def merge(
        self, directory: Path, manifests: Sequence[Manifest], output: Output, dropped: Collection[int]
    ) -> dict[str, int]:
        """Hold one row of each partial."""
        environments = dict(endings(manifests, dropped))
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


def read_file(stream: BinaryIO, path: str, books: Accounting) -> set[Address]:
    """Return the distinct addresses of one file; raises `FileIgnored`."""
    with text_of(stream) as text:
        rows = csv_rows(text)
        _, header = next(rows, (1, None))
        return set() if header is None else addresses_of(rows, header, path, books)


def addresses_of(
    rows: Iterator[tuple[int, list[str]]], header: list[str], path: str, books: Accounting
) -> set[Address]:
    """Return the distinct addresses of the rows below the header; raises `FileIgnored`."""
    addresses: set[Address] = set()
    key = key_position(header)
    for line, row in rows:
        books.read += 1
        if len(row) > len(header):
            reason, text = Rejected.TOO_MANY_FIELDS, skipped.too_many_fields(len(row), len(header))
        elif len(row) <= key:
            reason, text = Rejected.NO_KEY, skipped.no_key(len(row), key)
        elif (address := parse(row[key])) is None:
            reason, text = Rejected.NOT_AN_ADDRESS, shown_value(row[key])
        else:
            books.valid += 1
            addresses.add(address)
            continue
        books.reject(reason, 1)
        if books.wants_example(reason) > 0:
            books.examples.append(RejectedRow(path, line, reason, text))
    return addresses


def csv_rows(text: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Give each row that is not blank with the number of the line it starts on; raises `FileIgnored`."""
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
    """Give the rows of a partial that count, by the endings that they may have; raises `CollectRefused`."""
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


def _write(rows: Iterable[Row], output: Output) -> dict[str, int]:
    addresses: Counter[str] = Counter()
    output.write(RESULT_HEADER)
    for row in rows:
        output.write(csv_line(row))
        addresses[row.environment] += 1
    return dict(sorted(addresses.items()))


ENGINE = ReferenceEngine()
