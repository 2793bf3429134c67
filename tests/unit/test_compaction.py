"""When a buffer is made distinct: often enough to keep memory small, seldom enough to stay cheap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.engines.columnar.address_set import AddressSet, DistinctBuffer
from reduction.engines.compaction import CompactionRule


def compactions(compact_at: int, batch: int, distinct_of: callable, batches: int) -> list[int]:
    """Fill a buffer with batches and return the buffer sizes at which it was compacted."""
    rule = CompactionRule(compact_at)
    buffer = 0
    seen = 0
    compacted = []
    for _ in range(batches):
        buffer += batch
        seen += batch
        if rule.is_due(buffer):
            compacted.append(buffer)
            buffer = distinct_of(seen)
            rule.compacted_to(buffer)
    return compacted


def test_nothing_is_due_below_the_limit_and_something_at_it():
    rule = CompactionRule(100)
    assert not rule.is_due(99)
    assert rule.is_due(100)


def test_a_buffer_that_shrinks_is_compacted_at_the_limit_again():
    assert compactions(100, 10, lambda seen: 1, 1000)[1:] == [101] * 99


def test_a_buffer_that_stays_large_is_not_compacted_at_every_batch():
    compacted = compactions(100, 10, lambda seen: seen, 1000)
    assert compacted == [100, 200, 400, 800, 1600, 3200, 6400]


@given(st.integers(1, 10_000), st.integers(1, 1000), st.integers(0, 3000))
def test_distinct_rows_are_compacted_as_often_as_they_double(compact_at, batch, batches):
    compacted = compactions(compact_at, batch, lambda seen: seen, batches)
    assert len(compacted) <= 1 + math.log2(max(1, batch * batches))
    assert sum(compacted) <= 2 * batch * batches, "so many rows are compacted in all"


@given(st.integers(1, 1000), st.lists(st.tuples(st.integers(0, 500), st.floats(0, 1)), max_size=60))
def test_a_buffer_is_at_most_twice_its_distinct_rows_or_the_limit_and_a_batch(compact_at, batches):
    rule = CompactionRule(compact_at)
    buffer, distinct = 0, 0
    for rows, share in batches:
        buffer += rows
        if rule.is_due(buffer):
            distinct = int(buffer * share)
            buffer = distinct
            rule.compacted_to(distinct)
        assert buffer <= max(compact_at, 2 * distinct) + rows


@pytest.fixture
def counted(monkeypatch) -> list[int]:
    """The rows that were left by each compaction of any `DistinctBuffer`."""
    left: list[int] = []
    really = DistinctBuffer.compact

    def compact(self: DistinctBuffer) -> None:
        really(self)
        left.append(sum(addresses.rows for _, addresses in self.items()))

    monkeypatch.setattr(DistinctBuffer, "compact", compact)
    return left


def part(first: int, count: int) -> AddressSet:
    addresses = AddressSet()
    addresses.add(np.arange(first, first + count, dtype=np.uint32))
    return addresses


def test_a_buffer_of_distinct_addresses_compacts_a_logarithm_of_times(counted):
    buffer = DistinctBuffer(1000)
    for index in range(2000):
        buffer.absorb("Asia Prod", part(100 * index, 100))
    assert counted == [1000 * 2**n for n in range(8)]
    buffer.compact()
    assert buffer.items()[0][1].ipv4().tolist() == list(range(200_000))


def test_a_buffer_of_few_addresses_stays_small(counted):
    buffer = DistinctBuffer(1000)
    for _ in range(500):
        buffer.absorb("Asia Prod", part(0, 100))
    assert set(counted) == {100}
    assert 500 * 100 / 1000 <= len(counted) <= 60


def test_the_limit_counts_the_rows_of_all_environments_together(counted):
    buffer = DistinctBuffer(1000)
    for index in range(10):
        buffer.absorb(f"Asia {index}", part(0, 100))
    assert counted == [1000]


def test_environments_without_addresses_are_not_in_the_result():
    buffer = DistinctBuffer(10)
    buffer.absorb("b c", part(0, 1))
    buffer.absorb("a b", part(0, 0))
    buffer.absorb("a a", part(5, 2))
    buffer.compact()
    assert [(name, addresses.ipv4().tolist()) for name, addresses in buffer.items()] == [
        ("a a", [5, 6]),
        ("b c", [0]),
    ]
