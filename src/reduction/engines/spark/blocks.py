"""Rows as sorted blocks of bytes, which Spark moves whole: summed, cut into ranges, written as text.

An IPv4 row is a whole number of 64 bits (its address above the index of its environment), an IPv6 row 20
bytes (the same, big-endian). Both sort as rows of the result do; all of IPv4 stand before all of IPv6.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from reduction.engines.columnar.address_set import distinct_sorted
from reduction.engines.columnar.ipv4 import LineWriter
from reduction.engines.spark.planning import PartitionStats, RangeBounds, RowChecksum
from reduction.pipeline.ip_address import Address
from reduction.pipeline.rows import Row, csv_line

Keys = npt.NDArray[Any]
"""Rows of one kind: an array of `FOUR` or of `SIX`."""

FOUR, SIX = np.dtype("<u8"), np.dtype("S20")
_INDEX = np.uint64(0xFFFF_FFFF)
_CHUNK_BYTES = 1 << 17  # larger arrays would be "humongous" to a small JVM, whose heap they fragment
_WIDEST_ADDRESS = 48  # bytes, with its comma
_ODD = np.uint64(0x9E37_79B9_7F4A_7C15)


class RowBlock(NamedTuple):
    """Rows of one kind as bytes."""

    six: bool
    data: bytes

    def keys(self) -> Keys:
        """Return the rows."""
        return np.frombuffer(self.data, SIX if self.six else FOUR)


def of_quads(rows: Keys, environments: npt.NDArray[np.uint64]) -> Keys:
    """Return IPv4 rows with the index of each one's environment in the place of the number below 2**32."""
    keys: Keys = (rows & ~_INDEX) | environments
    return keys


def of_six(rows: Iterable[tuple[int, int]]) -> Keys:
    """Return IPv6 rows: number of the address and index of the environment each."""
    return np.frombuffer(b"".join((number << 32 | index).to_bytes(20, "big") for number, index in rows), SIX)


def checksum_of(keys: Keys) -> RowChecksum:
    """Return count and sum of hashes; a row that is lost, doubled or changed changes it."""
    words = keys[:, None] if keys.dtype == FOUR else keys.view(np.uint32).reshape(-1, 5).astype(np.uint64)
    mixed = np.zeros(len(keys), np.uint64)
    for column in words.T:
        mixed += column
        mixed *= _ODD
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58_476D_1CE4_E5B9)
        mixed ^= mixed >> np.uint64(32)
    return RowChecksum(len(mixed), int(mixed.sum(dtype=np.uint64)))


def samples_of(keys: Keys, step: int, skipped: int) -> tuple[list[int], int]:
    """Return every `step`-th row as a number, `skipped` of them gone before; and how many are skipped now."""
    found = keys[step - 1 - skipped :: step]
    if keys.dtype == FOUR:
        numbers = found.tolist()
    else:
        numbers = [int.from_bytes(row.tobytes(), "big") for row in _as_bytes(np.ascontiguousarray(found))]
    return numbers, (skipped + len(keys)) % step


def cut_into_ranges(block: RowBlock, bounds: RangeBounds) -> Iterator[tuple[int, RowBlock]]:
    """Give the parts of a sorted block that belong to each range, with the number of the range."""
    keys = block.keys()
    if block.six:
        upper = of_six((number >> 32, number & 0xFFFF_FFFF) for number in bounds.six)
        first = len(bounds.ipv4)
    else:
        upper, first = np.array(bounds.ipv4, FOUR), 0
    places = [0, *np.searchsorted(keys, upper).tolist(), len(keys)]
    for index, (start, stop) in enumerate(pairwise(places)):
        if start < stop:
            yield first + index, RowBlock(block.six, keys[start:stop].tobytes())


class RangeSorter:
    """Takes the blocks of one range, in any order; sorts, drops what is there twice and writes text."""

    def __init__(self, environments: Sequence[str]) -> None:
        self._environments = environments
        self._blocks: dict[bool, list[Keys]] = {False: [], True: []}
        self._given = RowChecksum(0, 0)
        self._addresses = np.zeros(len(environments), np.int64)
        self._bytes = self._crc32 = 0

    def take(self, block: RowBlock) -> None:
        """Hold a block."""
        keys = block.keys()
        self._given += checksum_of(keys)
        self._blocks[block.six].append(keys)

    def text(self) -> Iterator[bytes]:
        """Give the lines of all distinct rows in chunks of at most 128 KiB; nothing is held then."""
        widest = max((2 * len(name.encode()) + 3 for name in self._environments), default=0)
        rows_a_chunk = max(1, _CHUNK_BYTES // (_WIDEST_ADDRESS + widest))
        lines = LineWriter(self._environments)
        for six, blocks in self._blocks.items():
            keys = distinct_sorted(np.concatenate(blocks)) if blocks else np.empty(0, FOUR)
            blocks.clear()
            for first in range(0, len(keys), rows_a_chunk):
                part = keys[first : first + rows_a_chunk]
                text, indices = self._six(part) if six else _quads(part, lines)
                self._addresses += np.bincount(indices, minlength=len(self._addresses))
                self._bytes += len(text)
                self._crc32 = zlib.crc32(text, self._crc32)
                yield text

    def stats(self, partition: int) -> PartitionStats:
        """Return what became of everything taken, after `text`."""
        counted = {index: rows for index, rows in enumerate(self._addresses.tolist()) if rows}
        return PartitionStats(partition, self._given, counted, self._bytes, self._crc32)

    def _six(self, keys: Keys) -> tuple[bytes, npt.NDArray[np.intp]]:
        rows = [divmod(int.from_bytes(row.tobytes(), "big"), 1 << 32) for row in _as_bytes(keys)]
        text = b"".join(
            csv_line(Row(Address(6, number), self._environments[index])) for number, index in rows
        )
        return text, np.array([index for _, index in rows], np.intp)


def _quads(keys: Keys, lines: LineWriter) -> tuple[bytes, npt.NDArray[np.intp]]:
    indices = (keys & _INDEX).astype(np.intp)
    return lines.lines((keys >> np.uint64(32)).astype(np.uint32), indices), indices


def _as_bytes(keys: Keys) -> npt.NDArray[np.uint8]:
    return keys.view(np.uint8).reshape(-1, SIX.itemsize)
