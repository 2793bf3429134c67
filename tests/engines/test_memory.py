"""Rows that memory has no room for: what is promised of a file holds for those on the disk as well."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from inline_run import as_the_reference, make_tree, reduce_tree
from workdir import engine_param

from reduction.errors import WriteError
from reduction.runtime.atomic_file import AtomicFile

pytestmark = [*engine_param("native").marks]

ROWS = b"".join(b"%d.%d.%d.9\n2001:db8::%x\n" % (n % 3, n >> 8, n & 255, n) for n in range(30_000))
GOOD = b"Source IP\n" + ROWS
OTHER = {"NA Prod.csv": b"Source IP\n1.0.1.9\n4.4.4.4\n", "NA Test.csv": GOOD[: len(GOOD) // 3]}


@pytest.fixture(autouse=True)
def spills(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Little memory for rows; the descriptors of the temporary files, of which there must be some."""
    descriptors: list[int] = []
    open_temp = AtomicFile.open_temp

    def noted(file: AtomicFile) -> int:
        descriptors.append(open_temp(file))
        return descriptors[-1]

    monkeypatch.setattr("reduction.engines.native.engine.row_budget", lambda *_: 100_000)
    monkeypatch.setattr(AtomicFile, "open_temp", noted)
    yield descriptors
    assert descriptors


@pytest.mark.parametrize("split_size", [0, 60_000])
@pytest.mark.parametrize(
    "end", [b"", b"\0", b'"1.1.1.1\n', b"no\n"], ids=["good", "NUL", "quote", "rejected"]
)
def test_rows_on_the_disk_count_if_their_file_is_good_to_its_end(end, split_size):
    made = as_the_reference(
        {"Asia Prod.csv": GOOD + end} | OTHER, engine="native", runners_qty=2, split_size=split_size
    )
    assert ("Asia Prod" in made.report["addresses"]) == (end in (b"", b"no\n"))


@pytest.mark.parametrize("cut_off", [0, 9], ids=["whole", "cut off"])
@pytest.mark.parametrize("split_size", [0, 60_000])
def test_an_archive_counts_if_it_is_good_to_its_end(cut_off, split_size):
    packed = gzip.compress(GOOD)
    tree = {"Asia Prod.csv": packed[: len(packed) - cut_off]} | OTHER
    made = as_the_reference(tree, engine="native", runners_qty=2, split_size=split_size)
    assert ("Asia Prod" in made.report["addresses"]) == (cut_off == 0)


def test_the_same_rows_in_good_and_bad_files_of_one_environment_count_once():
    bad = GOOD + b"\0"
    tree = {f"Asia Prod {n}.csv": bad if n % 2 else GOOD for n in range(6)}
    made = as_the_reference(tree, engine="native", runners_qty=1)
    assert made.report["addresses"] == {"Asia Prod": 60_000}


def test_nothing_of_the_temporary_files_is_left(spills, tmp_path):
    tree = make_tree(tmp_path / "in", {"Asia Prod.csv": GOOD} | OTHER)
    before = len(list(Path("/proc/self/fd").iterdir()))
    reduce_tree(tree, tmp_path / "out", engine="native", runners_qty=2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "Combined.csv",
        "Combined.report.json",
    ]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("content", [GOOD, gzip.compress(GOOD)], ids=["plain", "archive"])
@pytest.mark.parametrize("at", [1, 3], ids=["the first", "a later one"])
def test_a_temporary_file_that_cannot_be_made_ends_the_run(monkeypatch, spills, tmp_path, content, at):
    """Above all it is not an error of the file that was being read."""
    open_temp = AtomicFile.open_temp

    def rejected(file: AtomicFile) -> int:
        if len(spills) + 1 == at:
            raise WriteError("no more")
        return open_temp(file)

    monkeypatch.setattr(AtomicFile, "open_temp", rejected)
    tree = make_tree(tmp_path / "in", {"Asia Prod.csv": content} | OTHER)
    with pytest.raises(WriteError, match="no more"):
        reduce_tree(tree, tmp_path / "out", engine="native", runners_qty=1)
    assert list((tmp_path / "out").iterdir()) == []
    spills.append(-1)  # the first may have been rejected
