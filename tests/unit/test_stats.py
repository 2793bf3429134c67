"""Stats: nothing gets lost when they are added, stored or checked."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.pipeline.stats import (
    EXAMPLES_A_FILE,
    EXAMPLES_A_RUN,
    AccountingError,
    Rejected,
    RejectedRow,
    SkippedFile,
    SkipReason,
    Stats,
)

reasons = st.sampled_from([str(reason) for reason in Rejected])
counts = st.integers(0, 10**12)
texts = st.text(max_size=8)
stats_of = st.builds(
    Stats,
    taken=counts,
    bytes=counts,
    read=counts,
    valid=counts,
    rejected=st.dictionaries(reasons, st.integers(1, 10**9)).map(Counter),
    ignored=st.lists(
        st.builds(SkippedFile, texts, st.sampled_from([*SkipReason]).map(str), texts), max_size=3
    ),
    examples=st.lists(st.builds(RejectedRow, texts, st.integers(1, 10**9), reasons, texts), max_size=3),
)


def rejected(path: str, line: int, reason: Rejected = Rejected.NOT_AN_ADDRESS) -> RejectedRow:
    return RejectedRow(path, line, str(reason), "x")


@given(stats_of)
def test_stats_survive_a_round_trip_through_json(stats):
    assert Stats.from_plain(json.loads(json.dumps(stats.to_plain()))) == stats


@given(st.lists(stats_of, max_size=4))
def test_the_sum_of_stats_has_everything_of_all_of_them(parts):
    stats = Stats()
    for part in parts:
        stats.add(part)
    for number in ("taken", "bytes", "read", "valid"):
        assert getattr(stats, number) == sum(getattr(part, number) for part in parts)
    assert stats.rejected == sum((part.rejected for part in parts), Counter())
    assert stats.ignored == [file for part in parts for file in part.ignored]


def test_adding_does_not_change_the_added_stats():
    part = Stats(read=1, rejected=Counter({"no-key": 1}), examples=[rejected("a", 1)])
    before = part.to_plain()
    stats = Stats()
    stats.add(part)
    stats.add(part)
    stats.reject(Rejected.NO_KEY, 5)
    assert part.to_plain() == before


@pytest.mark.parametrize("seed", range(10))
def test_examples_are_the_first_by_path_and_line_in_any_order_of_files(seed):
    rows = [rejected(f"{name} b.csv", line, reason)
            for name in "cabd" for line in (9, 10, 100, 2, 1)
            for reason in (Rejected.NO_KEY, Rejected.NOT_AN_ADDRESS)]  # fmt: skip
    rows += [rejected("z z.csv", line, Rejected.TOO_MANY_FIELDS) for line in range(1, 30)]
    order = random.Random(seed)
    order.shuffle(rows)
    parts = [Stats() for _ in range(7)]
    for row in rows:
        order.choice(parts).examples.append(row)
    stats = Stats()
    for part in parts:
        stats.add(part)
    expected = [
        row
        for reason in Rejected
        for row in sorted(
            (row for row in rows if row.reason == reason), key=lambda row: (row.path, row.line)
        )[:EXAMPLES_A_RUN]
    ]
    assert sorted(stats.examples, key=lambda row: (row.reason, row.path, row.line)) == sorted(
        expected, key=lambda row: (row.reason, row.path, row.line)
    )
    assert stats.examples == sorted(stats.examples, key=lambda row: (row.path, row.line))


@given(st.lists(st.integers(1, 60), unique=True, max_size=40), st.integers(0, 60))
def test_examples_do_not_depend_on_the_shares(lines, cut):
    def added(*groups: list[int]) -> list[RejectedRow]:
        stats = Stats()
        for group in groups:
            runner = Stats()
            for line in group:
                runner.add(Stats(examples=[rejected("a b.csv", line)]))
            stats.add(runner)
        return stats.examples

    assert added(lines[:cut], lines[cut:]) == added(lines) == added(lines[cut:], lines[:cut])


def test_a_file_has_a_few_examples_of_each_reason():
    stats = Stats()
    assert stats.wants_example(Rejected.NO_KEY) == EXAMPLES_A_FILE
    for line in range(EXAMPLES_A_FILE):
        stats.examples.append(rejected("a b.csv", line, Rejected.NO_KEY))
    assert stats.wants_example(Rejected.NO_KEY) == 0
    assert stats.wants_example(Rejected.NOT_AN_ADDRESS) == EXAMPLES_A_FILE


def test_a_reason_without_rows_is_not_listed():
    stats = Stats()
    stats.reject(Rejected.NO_KEY, 0)
    assert stats.to_plain()["rejected"] == {}


@given(st.integers(0, 10**9), st.dictionaries(reasons, st.integers(1, 10**6)))
def test_stats_that_reconcile_pass_the_check(valid, by_reason):
    Stats(read=valid + sum(by_reason.values()), valid=valid, rejected=Counter(by_reason)).check()


@pytest.mark.parametrize(
    ("read", "valid", "by_reason"),
    [(1, 0, {}), (0, 1, {}), (2, 1, {}), (2, 1, {"no-key": 2}), (3, 1, {"no-key": 1}), (0, 0, {"no-key": 1})],
)
def test_stats_that_do_not_reconcile_are_an_error_with_their_numbers(read, valid, by_reason):
    with pytest.raises(AccountingError, match=f"read {read}, valid {valid}") as raised:
        Stats(read=read, valid=valid, rejected=Counter(by_reason)).check()
    assert raised.value.exit_code == 4


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"taken": 1},
        Stats().to_plain() | {"taken": "one"},
        Stats().to_plain() | {"taken": None},
        Stats().to_plain() | {"ignored": [["only a path"]]},
        Stats().to_plain() | {"ignored": 3},
        Stats().to_plain() | {"examples": [["a b.csv", 1, "no-key"]]},
        Stats().to_plain() | {"examples": [["a b.csv", "first", "no-key", "x"]]},
    ],
)
def test_invalid_stats_are_rejected(plain):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Stats.from_plain(plain)
