"""What the pandas engine holds between batches: distinct addresses as arrays, made distinct by compaction."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reduction.engines.compaction import CompactionRule
from reduction.pipeline.ip_address import Address

_LOG = logging.getLogger("reduction.compaction")

Ipv4Array = npt.NDArray[np.uint32]
"""IPv4 addresses."""
Ipv6Frame = pd.DataFrame
"""IPv6 addresses: columns `high` and `low`, 64 bits each."""


def distinct_sorted(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sort `numbers` where they are and return the distinct ones."""
    numbers.sort()
    if len(numbers) < 2:
        return numbers
    keep = np.empty(len(numbers), np.bool_)
    keep[0] = True
    np.not_equal(numbers[1:], numbers[:-1], out=keep[1:])
    return numbers if keep.all() else numbers[keep]


class AddressSet:
    """Addresses of one environment, in parts that are sorted and distinct each."""

    def __init__(self) -> None:
        self._ipv4: list[Ipv4Array] = []
        self._ipv6: list[Ipv6Frame] = []
        self.rows = 0

    def add(self, ipv4: Ipv4Array, pairs: Ipv6Frame | None = None) -> None:
        """Add parts that are sorted and distinct in themselves."""
        if len(ipv4):
            self._ipv4.append(ipv4)
            self.rows += len(ipv4)
        if pairs is not None and len(pairs):
            self._ipv6.append(pairs)
            self.rows += len(pairs)

    def absorb(self, other: AddressSet) -> None:
        """Add all parts of `other`."""
        self._ipv4 += other._ipv4
        self._ipv6 += other._ipv6
        self.rows += other.rows

    def compact(self) -> None:
        """Make one part of all."""
        if len(self._ipv4) > 1:
            gathered = np.concatenate(self._ipv4)
            self._ipv4.clear()  # before sorting: the parts and their sum need not be held at once for longer
            self._ipv4.append(distinct_sorted(gathered))
        if len(self._ipv6) > 1:
            self._ipv6 = [
                pd.concat(self._ipv6).drop_duplicates().sort_values(["high", "low"], ignore_index=True)
            ]
        self.rows = sum(map(len, self._ipv4)) + sum(map(len, self._ipv6))

    def ipv4(self) -> Ipv4Array:
        """Return the IPv4 addresses, sorted and distinct; after `compact`."""
        return self._ipv4[0] if self._ipv4 else np.empty(0, np.uint32)

    def six(self) -> Iterator[Address]:
        """Give the IPv6 addresses, sorted and distinct; after `compact`."""
        for pairs in self._ipv6:
            for high, low in zip(pairs["high"].tolist(), pairs["low"].tolist(), strict=True):
                yield Address(6, high << 64 | low)


class DistinctBuffer:
    """The addresses of every environment of a share; compacts all of them when the rule says so."""

    def __init__(self, compact_at_rows: int) -> None:
        self._rule = CompactionRule(compact_at_rows)
        self._by_environment: dict[str, AddressSet] = {}
        self._rows = 0

    def absorb(self, environment: str, addresses: AddressSet) -> None:
        """Add what one file held."""
        self._by_environment.setdefault(environment, AddressSet()).absorb(addresses)
        self._rows += addresses.rows
        if self._rule.is_due(self._rows):
            self.compact()

    def compact(self) -> None:
        """Make every environment's addresses sorted and distinct."""
        before = self._rows
        for addresses in self._by_environment.values():
            addresses.compact()
        self._rows = sum(addresses.rows for addresses in self._by_environment.values())
        self._rule.compacted_to(self._rows)
        _LOG.debug("compacted %s buffer rows to %s", before, self._rows)

    def items(self) -> list[tuple[str, AddressSet]]:
        """Return environments that have rows, in the order of results, with their addresses."""
        return sorted(
            (item for item in self._by_environment.items() if item[1].rows), key=lambda item: item[0]
        )
