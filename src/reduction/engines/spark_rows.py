"""Rows as three columns of whole numbers that Spark sorts quickly, and back to lines of the result.

`head` is the number of an IPv4 address, or 2**32 plus the upper 62 bits of an IPv6 address; `tail` has its
next 63 bits; `last` its lowest three, above the 32 bits that are the index of the environment. All are above
zero, and sorted by the three, rows stand as in the result.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from reduction.addresses import Address
from reduction.engines.address_arrays import LineWriter
from reduction.engines.distinct_buffer import Numbers
from reduction.engines.spark_plan import PartitionBooks, Sum
from reduction.rows import Row, csv_line

Column = npt.NDArray[np.int64]

_SIX = 1 << 32  # the least head of an IPv6 address
_INDEX = 0xFFFF_FFFF
_CHUNK_BYTES = 1 << 19
_WIDEST_ADDRESS = 48  # bytes, with its comma
_ODD = (0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9)


class Keys(NamedTuple):
    """Rows as columns of equal length."""

    head: Column
    tail: Column
    last: Column

    def rows(self, which: slice | npt.NDArray[np.bool_]) -> Keys:
        """Return some of the rows."""
        return Keys(self.head[which], self.tail[which], self.last[which])


def of_quads(numbers: Numbers, environments: npt.NDArray[np.integer]) -> Keys:
    """Return the keys of IPv4 rows."""
    head = numbers.astype(np.int64)
    return Keys(head, np.zeros_like(head), environments.astype(np.int64))


def of_six(rows: Sequence[tuple[int, int]]) -> Keys:
    """Return the keys of IPv6 rows: number of the address and index of the environment each."""
    plain = [
        (_SIX + (number >> 66), number >> 3 & (1 << 63) - 1, (number & 7) << 32 | index)
        for number, index in rows
    ]
    columns = np.array(plain, np.int64).reshape(len(plain), 3).T
    return Keys(*map(np.ascontiguousarray, columns))


def sum_of(keys: Keys) -> Sum:
    """Return count and sum of hashes; a row that is lost, doubled or changed changes it."""
    mixed = np.zeros(len(keys.head), np.uint64)
    for column, odd in zip(keys, _ODD, strict=True):
        mixed += column.view(np.uint64) * np.uint64(odd)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58_476D_1CE4_E5B9)
    mixed ^= mixed >> np.uint64(32)
    return Sum(len(mixed), int(mixed.sum(dtype=np.uint64)))


class Finisher:
    """Takes the sorted rows of one partition, drops what is there twice and writes the others as text."""

    def __init__(self, environments: Sequence[str]) -> None:
        self._environments = environments
        self._lines = LineWriter(environments)
        widest = max((2 * len(name.encode()) + 3 for name in environments), default=0)
        self._rows_a_chunk = max(1, _CHUNK_BYTES // (_WIDEST_ADDRESS + widest))
        self._last: tuple[int, ...] | None = None
        self._given = Sum(0, 0)
        self._addresses = np.zeros(len(environments), np.int64)
        self._bytes = self._crc32 = 0

    def take(self, keys: Keys) -> Iterator[bytes]:
        """Give the text of the rows that are new, in chunks of at most half a MiB."""
        self._given += sum_of(keys)
        keys = self._distinct(keys)
        fours = int(np.searchsorted(keys.head, _SIX))
        for first in range(0, len(keys.head), self._rows_a_chunk):
            rows = keys.rows(slice(first, first + self._rows_a_chunk))
            indices = rows.last & _INDEX
            self._addresses += np.bincount(indices, minlength=len(self._addresses))
            split = max(0, fours - first)
            text = self._lines.lines(rows.head[:split].astype(np.uint32), indices[:split])
            text += b"".join(map(self._six, *(column[split:].tolist() for column in rows)))
            self._bytes += len(text)
            self._crc32 = zlib.crc32(text, self._crc32)
            yield text

    def books(self, partition: int) -> PartitionBooks:
        """Return what became of everything taken."""
        counted = {index: rows for index, rows in enumerate(self._addresses.tolist()) if rows}
        return PartitionBooks(partition, self._given, counted, self._bytes, self._crc32)

    def _distinct(self, keys: Keys) -> Keys:
        if not len(keys.head):
            return keys
        keep = np.empty(len(keys.head), np.bool_)
        first = tuple(int(column[0]) for column in keys)
        keep[0] = first != self._last
        keep[1:] = False
        for column in keys:
            keep[1:] |= column[1:] != column[:-1]
        self._last = tuple(int(column[-1]) for column in keys)
        return keys if keep.all() else keys.rows(keep)

    def _six(self, head: int, tail: int, last: int) -> bytes:
        number = head - _SIX << 66 | tail << 3 | last >> 32
        return csv_line(Row(Address(6, number), self._environments[last & _INDEX]))
