"""What only this engine does: cutting files inside a run, ranges, checks of what arrives; on one session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inline_run import as_the_reference, make_tree, reduce_tree
from random_csv import csv_content, deceiving, packed
from spark_world import session

from reduction.engines.spark import engine, planning
from reduction.errors import SparkFailed

NAMES = ["Asia Prod 1.csv", "Asia Prod.csv", "NA Prod.csv", "deep/é Prod.csv", 'a,b c"d.csv', "one.csv"]
DECEIVING = deceiving(rows=40)


@pytest.fixture(autouse=True)
def one_session() -> None:
    session()


@given(
    tree=st.dictionaries(st.sampled_from(NAMES), csv_content().flatmap(packed), max_size=5),
    split=st.sampled_from([0, 20, 200]),
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_tree_gives_the_bytes_and_the_stats_of_the_reference(
    tree: Mapping[str, bytes], split: int
) -> None:
    with patch("reduction.engines.spark.planning._LEAST_TASK", 1):
        as_the_reference(tree, engine="spark", split_size=split)


@pytest.mark.parametrize("end", [b"", b"\0", b'"'], ids=["good", "a NUL byte", "an open quote"])
def test_a_cut_file_is_taken_or_ignored_whole(end):
    rows = b"".join(b"10.0.%d.%d\n" % (n >> 8, n & 255) for n in range(900))
    tree = {"Asia Prod.csv": b"Source IP\n" + rows + end, "Asia Prod 2.csv": b"Source IP\n10.0.0.1\n"}
    made = as_the_reference(tree, engine="spark", split_size=500)
    assert made.report["rows"]["distinct"] == (1 if end else 900)


def test_a_file_whose_units_do_not_fit_is_read_once_more():
    made = as_the_reference({"Asia Prod.csv": DECEIVING}, engine="spark", split_size=60)
    assert made.report["rows"]["distinct"] == 3


def test_many_ranges_of_both_kinds_come_out_in_order(monkeypatch):
    monkeypatch.setattr(planning, "_LEAST_RANGE", 1)
    monkeypatch.setattr(planning, "_MOST_RANGE", 5000)
    quads = b"".join(b"%d.%d.0.9\n" % (n * 7 % 256, n % 199) for n in range(30_000))
    six = b"".join(b"2001:db8::%x:%x\n" % (n * 31 % 65536, n % 3) for n in range(30_000))
    tree = {"Asia Prod.csv": b"Source IP\n" + quads + six, "NA Prod.csv": b"Source IP\n" + six + quads[:9000]}
    made = as_the_reference(tree, engine="spark")
    assert made.report["rows"]["distinct"] > 50_000


# What must not go wrong in silence -----------------------------------------------------------------------


def reducing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: object) -> str:
    """Reduce while `meanwhile` happens between the two stages; return what the job fails with."""
    tree = make_tree(tmp_path / "in", {"Asia Prod.csv": b"Source IP\n1.1.1.1\n2.2.2.2\n"})
    output = tmp_path / "out"
    before = reduce_tree(tree, output, engine="reference", runners_qty=1).combined
    reassemble = engine.reassemble

    def reassemble_and_then(manifests: object) -> object:
        whole = reassemble(manifests)
        meanwhile()
        return whole

    monkeypatch.setattr(engine, "reassemble", reassemble_and_then)
    with pytest.raises(SparkFailed) as raised:
        reduce_tree(tree, output, engine="spark")
    assert (output / "Combined.csv").read_bytes() == before
    assert raised.value.exit_code == 4
    return str(raised.value)


def test_a_stage_that_is_computed_again_on_a_changed_file_fails(tmp_path, monkeypatch):
    def meanwhile() -> None:
        (tmp_path / "in" / "Asia Prod.csv").write_bytes(b"Source IP\n1.1.1.1\n3.3.3.3\n4.4.4.4\n")
        session().catalog.clearCache()  # the executors have lost what they held

    said = reducing(tmp_path, monkeypatch, meanwhile)
    assert "2 rows were read and 0 arrived" in said
    assert "run again" in said


def test_a_stage_that_is_computed_again_on_the_same_input_is_no_harm(tmp_path, monkeypatch):
    tree = make_tree(tmp_path / "in", {"Asia Prod.csv": b"Source IP\n1.1.1.1\n2.2.2.2\n"})
    reassemble = engine.reassemble

    def reassemble_and_lose(manifests: object) -> object:
        session().catalog.clearCache()
        return reassemble(manifests)

    monkeypatch.setattr(engine, "reassemble", reassemble_and_lose)
    made = reduce_tree(tree, tmp_path / "out", engine="spark")
    assert made.combined == b"Source IP,Environment\n1.1.1.1,Asia Prod\n2.2.2.2,Asia Prod\n"


def test_executors_that_see_another_tree_are_found_out(tmp_path, monkeypatch):
    tree = make_tree(tmp_path / "in", {"Asia Prod.csv": b"Source IP\n1.1.1.1\n"})
    other = make_tree(tmp_path / "other", {"Asia Prod.csv": b"Source IP\n"})
    stage = engine.executor.Stage
    monkeypatch.setattr(engine.executor, "Stage", lambda _, *rest: stage(str(other), *rest))
    with pytest.raises(SparkFailed, match=r"'Asia Prod\.csv' is as it was listed, but an executor says"):
        reduce_tree(tree, tmp_path / "out", engine="spark")
    other.rename(tmp_path / "gone")
    with pytest.raises(SparkFailed, match="an executor does not see the input directory"):
        reduce_tree(tree, tmp_path / "out", engine="spark")
