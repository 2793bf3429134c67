"""The loop over a share, file by file: stats, progress and log lines of good, skipped and failing files."""

from __future__ import annotations

from pathlib import Path

import pytest

from reduction.engines.per_file import read_files
from reduction.errors import FileSkipped
from reduction.pipeline.discovery import find
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import Rejected, RejectedRow, SkipReason, Stats


@pytest.fixture
def splits(tmp_path: Path) -> tuple[Split, ...]:
    for number in range(30):
        (tmp_path / f"Asia Prod {number:02}.csv").write_text(f"{number}")
    return find(str(tmp_path)).splits


def number_of(split: Split, path: str, stats: Stats) -> int:
    """Return the number in a file's name; files whose number is divisible by 3 are bad."""
    number = int(path[-6:-4])
    stats.read = stats.valid = 1
    if number % 3 == 0:
        raise FileSkipped(SkipReason.BROKEN, f"line {number}")
    return number


def failing(split: Split, path: str, stats: Stats) -> int:
    if path == "Asia Prod 07.csv":
        raise MemoryError
    return 0


def test_progress_has_the_start_and_the_end_of_every_file_including_skipped_ones(splits, progress):
    stats = Stats()
    results = list(read_files(splits, stats, progress, number_of))
    assert results == [("Asia Prod", number) for number in range(30) if number % 3]
    assert progress.started == list(range(30))
    assert progress.finished == [split.size for split in splits]
    assert (stats.taken, stats.read, len(stats.ignored)) == (20, 20, 10)


def test_the_stats_of_a_skipped_file_are_its_name_and_reason_only(splits, progress):
    stats = Stats()
    list(read_files(splits[:1], stats, progress, number_of))
    assert (stats.taken, stats.bytes, stats.read) == (0, 0, 0)
    assert [(file.path, file.reason, file.detail) for file in stats.ignored] == [
        ("Asia Prod 00.csv", "broken", "line 0")
    ]


def test_a_file_on_which_the_runner_fails_has_no_end(splits, progress):
    with pytest.raises(MemoryError):
        list(read_files(splits, Stats(), progress, failing))
    assert progress.started[-1] == 7
    assert progress.finished == [split.size for split in splits[:7]]


def test_after_twenty_bad_files_the_warnings_end_with_a_notice(splits, progress, log):
    def bad(split: Split, path: str, stats: Stats) -> int:
        raise FileSkipped(SkipReason.BROKEN, "x")

    list(read_files(splits, Stats(), progress, bad))
    assert len(log.messages) == 21
    assert log.messages[0] == "'Asia Prod 00.csv' is skipped, broken: x"
    assert "the report counts and names them" in log.messages[-1]


def test_rejected_rows_are_logged_once_per_file_with_the_first_one(splits, progress, log):
    def poor(split: Split, path: str, stats: Stats) -> int:
        stats.read = 3
        stats.reject(Rejected.NO_KEY, 2)
        stats.reject(Rejected.NOT_AN_ADDRESS, 1)
        stats.examples += [RejectedRow(path, 5, "no-key", "1 field, the key is field 2")]
        return 0

    list(read_files(splits[:1], Stats(), progress, poor))
    assert log.messages == [
        "'Asia Prod 00.csv': 3 of 3 rows rejected (no-key 2, not-an-address 1),"
        " first on line 5: 1 field, the key is field 2"
    ]
