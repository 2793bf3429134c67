"""The engine on the compiled kernel: the same rules as the others, close to the speed of reading the bytes.

This module only translates: paths and books between Python and `reduction._kernel`. What is decided about
bytes is decided in `native/`.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import BinaryIO

from reduction import _kernel, processors, verdicts
from reduction.accounting import EXAMPLES_A_FILE, Accounting, Rejected, RejectedRow
from reduction.engines.contract import Limits, Output, Reduced
from reduction.engines.file_by_file import files_taken
from reduction.errors import FileIgnored
from reduction.inputs import Unit, environment_of
from reduction.opening import opened
from reduction.partials import Manifest, damaged, partial_path
from reduction.progress import Progress
from reduction.rows import RESULT_HEADER, csv_field, key_position, shown_value

_FED_AT_ONCE = 1 << 20  # bytes of an archive
_MOST_THREADS = 4  # of a merge: one at a time writes, and that is a third of the work (docs/adr/0008)
_REASONS = (Rejected.TOO_MANY_FIELDS, Rejected.NO_KEY, Rejected.NOT_AN_ADDRESS)


class _Opening(IntEnum):
    """What the kernel found when it opened a file, in the order of file_reader.hpp."""

    READ = 0
    COMPRESSED = 1
    CHANGED = 2
    NOT_OPENED = 3
    NOT_READABLE = 4
    WIDE = 5


class _Verdict(IntEnum):
    """What the kernel thinks of a file's bytes, in the order of share.hpp."""

    TAKEN = 0
    NO_KEY_COLUMN = 1
    NUL_BYTE = 2
    OPEN_QUOTE = 3


class NativeEngine:
    """See `contract.Engine` for what its methods promise."""

    name = "native"
    cuts_files = False

    def __init__(self, instruction_set: str = "") -> None:
        """Take the best instruction set of this processor, or the named one."""
        self._instruction_set = instruction_set

    def reduce(
        self, tree: str, units: Sequence[Unit], limits: Limits, output: Output, progress: Progress
    ) -> Reduced:
        """Hold 4 bytes for each distinct IPv4 address, 16 for IPv6, up to thrice that while compacting."""
        share = _kernel.Share(limits.compact_at_rows, EXAMPLES_A_FILE, self._instruction_set)

        def read(unit: Unit, path: str, books: Accounting) -> None:
            _read(share, tree, unit, path, books, progress)

        csv.field_size_limit(sys.maxsize)  # a header is shown whatever it is like
        books = Accounting()
        for _ in files_taken(units, books, progress, read):
            pass
        return Reduced(books, _append(output, share.write))

    def merge(self, directory: Path, manifests: Sequence[Manifest], output: Output) -> dict[str, int]:
        """Work on all processors, with some megabytes on each, and hold at least 4 KiB of each partial."""
        names = sorted({name for manifest in manifests for name in manifest.addresses})
        parts = [
            (os.fsencode(partial_path(directory, manifest.runner)), manifest.bytes, int(manifest.crc32, 16))
            for manifest in manifests
        ]
        endings = [(csv_field(name), name) for name in names]
        threads = min(processors.usable(), _MOST_THREADS)
        try:
            return _append(output, partial(_kernel.merge, parts, endings, threads=threads))
        except _kernel.DamagedPartial as fault:
            index, what = fault.args
            raise damaged(manifests[index], what) from fault


def _append(output: Output, write_rows: Callable[[int, int], _kernel._Written]) -> dict[str, int]:
    """Write the header, then let the kernel append the rows; returns rows by environment."""
    rows: dict[str, int] = {}

    def writer(descriptor: int, crc32: int) -> tuple[int, int]:
        nonlocal rows
        rows, written, crc32 = write_rows(descriptor, crc32)
        return written, crc32

    output.write(RESULT_HEADER)
    output.append(writer)
    return rows


def _read(
    share: _kernel.Share, tree: str, unit: Unit, path: str, books: Accounting, progress: Progress
) -> None:
    environment = environment_of(unit.path)
    assert environment is not None, unit.path  # noqa: S101 - what is listed as a unit has one
    name = os.fsencode(os.path.join(tree, unit.path))  # noqa: PTH118 - once a file
    opening, number, told = share.read_file(
        name, environment, unit.size, unit.modified_ns, progress.read_bytes
    )
    if opening == _Opening.COMPRESSED:
        told = _feed_archive(share, tree, unit, environment, progress)
    elif opening != _Opening.READ:
        raise _not_read(_Opening(opening), number, unit)
    _take_books(told, path, books)


def _feed_archive(
    share: _kernel.Share, tree: str, unit: Unit, environment: str, progress: Progress
) -> _kernel._Books:
    share.begin(environment)
    try:
        with opened(tree, unit, progress) as stream:
            _feed(share, stream)
    except BaseException:
        share.abandon()
        raise
    return share.end()


def _feed(share: _kernel.Share, stream: BinaryIO) -> None:
    try:
        while data := stream.read1(_FED_AT_ONCE):  # type: ignore[attr-defined]
            if not share.feed(data):
                return
    except Exception:
        if not share.settle():  # a header without the key column comes first, as with plain files
            raise


def _take_books(told: _kernel._Books, path: str, books: Accounting) -> None:
    verdict, number, header, books.read, books.valid, rejected, examples = told
    if verdict != _Verdict.TAKEN:
        raise _verdict(_Verdict(verdict), number, header)
    for reason, rows in zip(_REASONS, rejected, strict=True):
        books.reject(reason, rows)
    if examples:
        books.examples = sorted((_example(path, *example) for example in examples), key=lambda row: row.line)


def _example(path: str, reason: int, line: int, fields: int, limit: int, text: bytes) -> RejectedRow:
    if _REASONS[reason] == Rejected.TOO_MANY_FIELDS:
        shown = verdicts.too_many_fields(fields, limit)
    elif _REASONS[reason] == Rejected.NO_KEY:
        shown = verdicts.no_key(fields, limit)
    else:
        shown = shown_value(text.decode("utf-8", "surrogateescape"))
    return RejectedRow(path, line, _REASONS[reason], shown)


def _verdict(verdict: _Verdict, line: int, header: bytes) -> FileIgnored:
    if verdict == _Verdict.NUL_BYTE:
        return verdicts.nul_byte(line)
    if verdict == _Verdict.OPEN_QUOTE:
        return verdicts.open_quote(line)
    names = next(csv.reader([header.decode("utf-8", "surrogateescape")]))
    try:
        key_position(names)
    except FileIgnored as missing:
        return missing
    raise AssertionError("the kernel found no key column in a header that has one")


def _not_read(opening: _Opening, number: int, unit: Unit) -> FileIgnored:
    if opening == _Opening.CHANGED:
        return verdicts.changed(unit, number)
    if opening == _Opening.WIDE:
        return verdicts.wide_encoding(f"UTF-{number}")
    error = OSError(number, os.strerror(number))  # of the class that fits the number
    return verdicts.not_read(error) if opening == _Opening.NOT_READABLE else verdicts.not_opened(error)


ENGINE = NativeEngine()
