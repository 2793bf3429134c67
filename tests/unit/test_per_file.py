"""The way of a share through an engine, file by file: what is told of each, whatever becomes of it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from reduction.engines.per_file import files_taken
from reduction.errors import FileIgnored
from reduction.pipeline.discovery import find
from reduction.pipeline.splits import Unit
from reduction.pipeline.stats import Accounting, Ignored, Rejected, RejectedRow
from reduction.runtime import logs


@pytest.fixture
def units(tmp_path: Path) -> tuple[Unit, ...]:
    for number in range(30):
        (tmp_path / f"Asia Prod {number:02}.csv").write_text(f"{number}")
    return find(str(tmp_path)).units


@pytest.fixture
def log(caplog, monkeypatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logging.getLogger(logs.ROOT), "propagate", True)
    monkeypatch.setattr(logging.getLogger(logs.ROOT), "handlers", [])
    caplog.set_level(logging.INFO, logs.ROOT)
    return caplog


def number_of(unit: Unit, path: str, books: Accounting) -> int:
    """Take a file's number from its name; those that 3 divides are bad."""
    number = int(path[-6:-4])
    books.read = books.valid = 1
    if number % 3 == 0:
        raise FileIgnored(Ignored.BROKEN, f"line {number}")
    return number


def failing(unit: Unit, path: str, books: Accounting) -> int:
    if path == "Asia Prod 07.csv":
        raise MemoryError
    return 0


def test_every_file_is_begun_and_finished_also_one_that_is_ignored(units, progress):
    books = Accounting()
    taken = list(files_taken(units, books, progress, number_of))
    assert taken == [("Asia Prod", number) for number in range(30) if number % 3]
    assert progress.started == list(range(30))
    assert progress.finished == [unit.size for unit in units]
    assert (books.taken, books.read, len(books.ignored)) == (20, 20, 10)


def test_an_ignored_file_leaves_nothing_in_the_books_but_its_name(units, progress):
    books = Accounting()
    list(files_taken(units[:1], books, progress, number_of))
    assert (books.taken, books.bytes, books.read) == (0, 0, 0)
    assert [(file.path, file.reason, file.detail) for file in books.ignored] == [
        ("Asia Prod 00.csv", "broken", "line 0")
    ]


def test_a_file_on_which_the_runner_fails_is_not_finished(units, progress):
    with pytest.raises(MemoryError):
        list(files_taken(units, Accounting(), progress, failing))
    assert progress.started[-1] == 7
    assert progress.finished == [unit.size for unit in units[:7]]


def test_after_twenty_bad_files_the_warnings_stop_and_say_so(units, progress, log):
    def bad(unit: Unit, path: str, books: Accounting) -> int:
        raise FileIgnored(Ignored.BROKEN, "x")

    list(files_taken(units, Accounting(), progress, bad))
    assert len(log.messages) == 21
    assert log.messages[0] == "'Asia Prod 00.csv' is ignored, broken: x"
    assert "the report counts and names them" in log.messages[-1]


def test_rejected_rows_are_warned_of_with_the_first_of_them(units, progress, log):
    def poor(unit: Unit, path: str, books: Accounting) -> int:
        books.read = 3
        books.reject(Rejected.NO_KEY, 2)
        books.reject(Rejected.NOT_AN_ADDRESS, 1)
        books.examples += [RejectedRow(path, 5, "no-key", "1 fields, the key is field 2")]
        return 0

    list(files_taken(units[:1], Accounting(), progress, poor))
    assert log.messages == [
        "'Asia Prod 00.csv': 3 of 3 rows rejected (no-key 2, not-an-address 1),"
        " first line 5: 1 fields, the key is field 2"
    ]
