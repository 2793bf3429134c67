"""Splits make up a file if each begins where the one before ends; the first proven error is the file's."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from reduction.errors import FileSkipped
from reduction.pipeline import split_results
from reduction.pipeline.split_results import ByteRange, FileError, SplitMismatch, SplitResult
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import AccountingError, RejectedRow, Stats

SIZE = 30


def split(start: int, stop: int, split_file_id: int = 0, path: str = "Asia Prod.csv") -> Split:
    return Split(path, SIZE, 111, start, stop, split_file_id)


def result(start: int, span: ByteRange | None, *lines: int, error: FileError | None = None) -> SplitResult:
    """A split of ten bytes, with rows that are rejected on these lines and three that are valid."""
    stats = Stats(read=3 + len(lines), valid=3, rejected=Counter({"no-key": len(lines)}))
    stats.examples = [RejectedRow("Asia Prod.csv", line, "no-key", "x") for line in lines]
    return SplitResult(split(start, start + 10), span, Stats() if error or span is None else stats, error)


FIRST = result(0, ByteRange(0, 12, 4), 2)
SECOND = result(10, ByteRange(12, 20, 3), 1, 3)
THIRD = result(20, ByteRange(20, 30, 2), 1)
NUL = FileError("broken", "a NUL byte", 2)
CHANGED = FileError("changed-while-read", "now 5", None)


def test_rows_are_added_and_lines_counted_from_the_beginning_of_the_file():
    stats = split_results.stats_of_file([FIRST, SECOND, THIRD])
    assert (stats.taken, stats.bytes, stats.read, stats.valid) == (1, SIZE, 13, 9)
    assert stats.rejected == {"no-key": 4}
    assert [row.line for row in stats.examples] == [2, 5, 7, 8]


def test_a_file_shows_no_more_examples_than_one_that_is_not_cut():
    many = [
        result(0, ByteRange(0, 10, 9), 2, 3, 4),
        result(10, ByteRange(10, 20, 9), 1, 2, 3),
        result(20, ByteRange(20, 30, 9)),
    ]
    stats = split_results.stats_of_file(many)
    assert [row.line for row in stats.examples] == [2, 3, 4, 10, 11]
    assert stats.rejected == {"no-key": 6}


def test_a_row_may_reach_over_units_in_which_none_starts():
    long = FIRST._replace(rows=ByteRange(0, 22, 4))
    stats = split_results.stats_of_file([long, result(10, None), result(20, ByteRange(22, 30, 1))])
    assert (stats.read, stats.valid) == (7, 6)


@pytest.mark.parametrize(
    "of_file",
    [
        [FIRST, result(10, ByteRange(13, 20, 3)), THIRD],
        [FIRST, result(10, None), THIRD],
        [FIRST._replace(rows=ByteRange(0, 22, 4)), SECOND, THIRD],
        [FIRST, result(10, ByteRange(13, 20, 3), error=NUL), THIRD],
        [FIRST, result(10, None), result(20, ByteRange(20, 30, 2), error=NUL)],
        [FIRST, SECOND, result(20, None)],
    ],
    ids=[
        "begins later", "sees no row though one starts", "sees a row inside another",
        "an error that is not proven",        "an error after what is not proven", "the last sees none",
    ],
)  # fmt: skip
def test_a_wrong_guess_is_found(of_file):
    with pytest.raises(SplitMismatch):
        split_results.stats_of_file(of_file)


@pytest.mark.parametrize(
    ("of_file", "reason", "detail"),
    [
        ([FIRST, result(10, ByteRange(12, 20, 0), error=NUL), THIRD], "broken", "line 6: a NUL byte"),
        ([FIRST, SECOND, result(20, ByteRange(20, 30, 0), error=NUL)], "broken", "line 9: a NUL byte"),
        (
            [
                result(0, ByteRange(0, 10, 0), error=NUL), result(10, None),
                result(20, ByteRange(25, 30, 0), error=NUL),
            ],
            "broken", "line 2: a NUL byte",
        ),
        (
            [FIRST, result(10, None, error=FileError("broken", "can't be opened", None)), THIRD],
            "broken", "can't be opened",
        ),
        ([FIRST, SECOND, result(20, None, error=CHANGED)], "changed-while-read", "now 5"),
        (
            [result(0, ByteRange(0, 10, 0), error=NUL), result(10, None), result(20, None, error=CHANGED)],
            "changed-while-read", "now 5",
        ),
        (
            [FIRST, result(10, ByteRange(13, 20, 3)), result(20, None, error=CHANGED)],
            "changed-while-read", "now 5",
        ),
    ],
    ids=[
        "in the middle", "at the end", "the first one counts", "not opened", "changed", "changed comes first",
        "changed though nothing fits",
    ],
)  # fmt: skip
def test_the_error_of_one_split_is_that_of_the_file(of_file, reason, detail):
    with pytest.raises(FileSkipped) as raised:
        split_results.stats_of_file(of_file)
    assert (raised.value.reason, raised.value.detail) == (reason, detail)


def test_splits_are_sorted_by_file_and_place():
    other = FIRST._replace(split=split(0, SIZE, 1, "NA Prod.csv"))
    assert split_results.by_file([THIRD, other, FIRST, SECOND]) == {0: [FIRST, SECOND, THIRD], 1: [other]}


@pytest.mark.parametrize(
    "some",
    [
        [FIRST, SECOND],
        [SECOND, THIRD],
        [FIRST, THIRD],
        [FIRST, SECOND, SECOND, THIRD],
        [FIRST, SECOND, THIRD._replace(split=THIRD.split._replace(modified_ns=1))],
        [FIRST, SECOND, THIRD._replace(split=THIRD.split._replace(path="NA Prod.csv"))],
    ],
    ids=["no last", "no first", "no middle", "one twice", "of another time", "of another file"],
)
def test_a_file_of_which_splits_are_missing_does_not_add_up(some):
    with pytest.raises(AccountingError, match="Asia Prod"):
        split_results.by_file(some)


def test_the_whole_of_a_unit_is_the_file():
    assert split_results.whole_file(SECOND.split) == Split("Asia Prod.csv", SIZE, 111, 0, SIZE)


@pytest.mark.parametrize("one", [FIRST, result(10, None), result(20, ByteRange(20, 30, 2), error=NUL)])
def test_a_split_comes_back_from_a_file_as_it_was(one):
    assert SplitResult.from_plain(json.loads(json.dumps(one.to_plain()))) == one
