"""How a Spark job is laid out: which splits a task reads, what it reports, how many partitions sort.

Plain values and no Spark: what crosses from the driver to a task and back is JSON.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from typing import NamedTuple

from reduction.pipeline.engine import ReduceResult
from reduction.pipeline.split_results import SplitResult
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import Stats

NOT_SPLIT = -1  # the number of the split file of a row that is of none

_COST_OF_A_UNIT = 64 << 10  # bytes that could be read while one is opened
_LEAST_TASK = 4 << 20  # bytes: starting a task takes about as long as reading so many
_MOST_TASK = 1 << 30  # bytes: so much is lost if an executor is
_TASKS_A_CORE = 4  # so that the cores are done at about the same time
SAMPLE_STEP = 4096  # of so many rows of a task one is sent to the driver, to find the ranges
_LEAST_RANGE = 50_000  # rows: less is sorted in the time that it takes to start a task
_MOST_RANGE = 200_000  # rows: of two ranges the driver's JVM holds the text at a time


class RowChecksum(NamedTuple):
    """Rows without regard to their order: how many, and the sum of their hashes modulo 2**64."""

    rows: int
    hashes: int

    def __add__(self, other: object) -> RowChecksum:
        """Return the checksum of both sets of rows together."""
        if not isinstance(other, RowChecksum):
            return NotImplemented
        return RowChecksum(self.rows + other.rows, (self.hashes + other.hashes) & 0xFFFF_FFFF_FFFF_FFFF)


class Samples(NamedTuple):
    """Every `SAMPLE_STEP`-th row of what tasks found, as numbers: of IPv4 and of IPv6."""

    ipv4: list[int]
    six: list[int]


class RangeBounds(NamedTuple):
    """Where the ranges of sorted rows begin, without the first: of IPv4, and of IPv6.

    The last range of IPv4 is the first one of IPv6, so that few rows make one range.
    """

    ipv4: list[int]
    six: list[int]

    @property
    def ranges(self) -> int:
        """How many ranges there are."""
        return len(self.ipv4) + len(self.six) + 1


class TaskStats(NamedTuple):
    """What one task of the first stage reports with its rows.

    `sums` has the rows that it handed on for each split file's number, those of whole files as `NOT_SPLIT`;
    `warnings` the log lines that its engine wrote.
    """

    task: int
    engine: str
    reduced: ReduceResult
    sums: dict[int, RowChecksum]
    samples: Samples
    warnings: list[str]

    def to_json(self) -> str:
        """Return the stats as one line of JSON; `from_json` is the way back."""
        stats, addresses, split_file_counts, split_results = self.reduced
        return json.dumps(
            {
                "task": self.task,
                "engine": self.engine,
                "stats": stats.to_plain(),
                "addresses": addresses,
                "split_file_counts": list(split_file_counts.items()),
                "split_results": [result.to_plain() for result in split_results],
                "sums": [[number, *of] for number, of in self.sums.items()],
                "samples": self.samples,
                "warnings": self.warnings,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> TaskStats:
        """Return the stats that `to_json` wrote."""
        plain = json.loads(text)
        return cls(
            plain["task"],
            plain["engine"],
            ReduceResult(
                Stats.from_plain(plain["stats"]),
                plain["addresses"],
                dict(plain["split_file_counts"]),
                tuple(map(SplitResult.from_plain, plain["split_results"])),
            ),
            {number: RowChecksum(rows, hashes) for number, rows, hashes in plain["sums"]},
            Samples(*plain["samples"]),
            plain["warnings"],
        )


class PartitionStats(NamedTuple):
    """What one task of the last stage reports: the rows it was given, and the text that it made of them.

    `addresses` counts distinct rows for the index of each environment.
    """

    partition: int
    given: RowChecksum
    addresses: dict[int, int]
    bytes: int
    crc32: int

    def to_json(self) -> str:
        """Return the stats as one line of JSON; `from_json` is the way back."""
        return json.dumps([*self[:2], list(self.addresses.items()), *self[3:]])

    @classmethod
    def from_json(cls, text: str) -> PartitionStats:
        """Return the stats that `to_json` wrote."""
        partition, given, addresses, size, crc32 = json.loads(text)
        return cls(partition, RowChecksum(*given), dict(addresses), size, crc32)


def grouped(splits: Sequence[Split], cores: int) -> list[list[Split]]:
    """Share `splits` out among tasks of about equally many bytes, some for each core; none is empty.

    >>> splits = [Split("a b.csv", size, 0, 0, size) for size in (5 << 20, 1 << 20, 4 << 20)]
    >>> [[split.size >> 20 for split in group] for group in grouped(splits, 2)]
    [[5], [4], [1]]
    """
    total = sum(map(_weight, splits))
    wanted = min(_TASKS_A_CORE * cores, -(-total // _LEAST_TASK))
    tasks = min(len(splits), max(1, wanted, -(-total // _MOST_TASK)))
    loads = [(0, task) for task in range(tasks)]
    members: list[list[int]] = [[] for _ in range(tasks)]
    for index in sorted(range(len(splits)), key=lambda index: -_weight(splits[index])):
        load, task = heapq.heappop(loads)  # the largest first, each to who has least
        members[task].append(index)
        heapq.heappush(loads, (load + _weight(splits[index]), task))
    return [[splits[index] for index in sorted(of)] for of in members]


def bounds_of(samples: Sequence[Samples], cores: int) -> RangeBounds:
    """Return bounds between which there are about equally many rows, as far as the samples show.

    >>> bounds_of([Samples([5, 9], []), Samples([7] * 500, [1, 2])], 8)
    RangeBounds(ipv4=[7], six=[])
    """
    return RangeBounds(
        _evenly([number for of in samples for number in of.ipv4], cores),
        _evenly([number for of in samples for number in of.six], cores),
    )


def _evenly(numbers: list[int], cores: int) -> list[int]:
    """Cut the rows for which `numbers` stand; rows that are the same stay together, however many they are."""
    rows = len(numbers) * SAMPLE_STEP
    ranges = max(1, min(2 * cores, rows // _LEAST_RANGE), -(-rows // _MOST_RANGE))
    numbers.sort()
    return sorted({numbers[len(numbers) * index // ranges] for index in range(1, ranges)})


def to_json(splits: Sequence[Split]) -> str:
    """Return splits as JSON; `units_of` is the way back."""
    return json.dumps(splits)


def units_of(text: str) -> list[Split]:
    """Return the splits that `to_json` wrote."""
    return [Split(*plain) for plain in json.loads(text)]


def _weight(split: Split) -> int:
    return split.stop - split.start + _COST_OF_A_UNIT
