"""The benchmarks measure what they say: workloads make sense, data stay the same, answers are right."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from inline_run import reduce_tree

from benchmarks.make_data import Answer, Data, make, ready
from benchmarks.systems import System, answer_in
from benchmarks.workloads import REPOSITORY, TableError, Workload, load

WORKLOADS = load()
MADE = [workload for workload in WORKLOADS.values() if workload.folder is None]


def smallest(workload: Workload) -> Workload:
    """The same kind of data, a few hundred rows of it."""
    files = min(workload.files, 30)
    return replace(workload, files=files, rows=400, pool=min(workload.pool, 60))


def snapshot(tree: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def name_of(workload: Workload) -> str:
    return workload.name


def test_every_workload_that_is_promised_is_there():
    assert set(WORKLOADS) >= {"narrow", "distinct", "wide", "small", "one", "skew", "gzip", "tiny"}


def test_no_two_workloads_have_the_same_seed():
    assert len({workload.seed for workload in MADE}) == len(MADE)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("seed = 1", "seed = 0", "narrow: seed, files, rows and pool"),
        ("seed = 1", "speed = 1", "narrow: unknown entries ['speed']"),
        ('["Source IP", "address"], ["Count"', '["IP", "address"], ["Count"', "narrow: exactly one column"),
        ('"Count", "count"', '"Count", "cuont"', "narrow: no such kind"),
        ('shrinks = "rows"', 'shrinks = "all"', "narrow: shrinks is"),
        ("environments = 1", "environments = 13", "one: environments is"),
        ("huge = 0.9", "huge = 1.5", "skew: huge is a share"),
        ('folder = "task', 'folder = "tusk', "tiny: no such samples"),
    ],
)
def test_a_table_that_makes_no_sense_is_rejected(tmp_path, old, new, error):
    text = (REPOSITORY / "benchmarks" / "workloads.toml").read_text()
    assert old in text
    (tmp_path / "workloads.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(TableError, match=re.escape(error)):
        load(tmp_path / "workloads.toml")


@pytest.mark.parametrize("workload", MADE, ids=name_of)
def test_all_rows_are_given_to_some_file(workload):
    for of_it in (workload, workload.scaled(0.02), workload.scaled(1e-9)):
        shares = [of_it.rows_of(file) for file in range(of_it.files)]
        assert sum(shares) == of_it.rows
        assert min(shares) >= 0


@pytest.mark.parametrize("workload", MADE, ids=name_of)
def test_the_answer_of_the_generator_is_that_of_the_reference_engine(tmp_path, workload):
    answer = make(smallest(workload), tmp_path / "tree")
    combined = reduce_tree(tmp_path / "tree", tmp_path / "out", engine="reference", runners_qty=1).combined
    assert combined is not None
    assert Answer(combined.count(b"\n") - 1, hashlib.sha256(combined).hexdigest()) == answer
    assert answer_in(tmp_path / "out" / "Combined.csv") == answer


@pytest.mark.parametrize("workload", MADE, ids=name_of)
def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(tmp_path, workload):
    small = smallest(workload)
    answer = make(small, tmp_path / "once")
    assert make(small, tmp_path / "again") == answer
    assert snapshot(tmp_path / "once") == snapshot(tmp_path / "again")
    assert make(replace(small, seed=small.seed + 100), tmp_path / "other") != answer


def test_data_are_made_once_and_anew_when_the_workload_changes(tmp_path):
    workload = smallest(WORKLOADS["wide"])
    first = ready(workload, 1, tmp_path, processes=1)
    made = {path: path.stat().st_mtime_ns for path in first.tree.rglob("*.csv")}
    assert ready(workload, 1, tmp_path, processes=1) == first
    assert {path: path.stat().st_mtime_ns for path in first.tree.rglob("*.csv")} == made
    assert ready(replace(workload, rows=500), 1, tmp_path, processes=1).lines == 500 + workload.files


def test_half_made_data_are_not_taken_for_complete(tmp_path):
    workload = smallest(WORKLOADS["narrow"])
    first = ready(workload, 1, tmp_path, processes=1)
    whole = snapshot(first.tree)
    (first.tree.parent / "complete.json").unlink()
    next(first.tree.rglob("*.csv")).unlink()
    assert ready(workload, 1, tmp_path, processes=1) == first
    assert snapshot(first.tree) == whole


@pytest.mark.parametrize(
    ("written", "is_right"),
    [
        ("Source IP,Environment\n2.2.2.2,NA Prod\n10.0.0.1,NA Prod\n", True),
        ('"Source IP","Environment"\n"2.2.2.2","NA Prod"\n"10.0.0.1","NA Prod"\n', True),
        ("Source IP,Environment\n2.2.2.2,NA Prod\n", False),
        ("Source IP,Environment\n10.0.0.1,NA Prod\n2.2.2.2,NA Prod\n", False),
        ("Source IP,Environment\n2.2.2.2,NA Prod\n10.0.0.2,NA Prod\n", False),
        ("", False),
    ],
)
def test_only_the_right_answer_in_the_right_order_counts(tmp_path, written, is_right):
    right = b"Source IP,Environment\n2.2.2.2,NA Prod\n10.0.0.1,NA Prod\n"
    data = Data(tmp_path, 1, 1, 3, Answer(2, hashlib.sha256(right).hexdigest()))
    (tmp_path / "Combined.csv").write_text(written)
    peer = System("a peer", "peer", (), tmp_path, "1")
    assert peer.is_right(tmp_path, data) is is_right
