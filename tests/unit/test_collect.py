"""Collect, when the disk fails at any step: the old result stays, and a repetition makes all good."""

from __future__ import annotations

import errno
import itertools
import os
import time
import zlib
from pathlib import Path

import pytest

from reduction import engines
from reduction.errors import PartialsRejected, WriteError
from reduction.pipeline import partials
from reduction.pipeline.collect import Collector, ExpectedRun, check_partials, write_result
from reduction.pipeline.partials import Manifest
from reduction.pipeline.report import Report
from reduction.pipeline.stats import AccountingError, Stats

HEADER = b"Source IP,Environment\n"
OLD = HEADER + b"9.9.9.9,Asia Prod\n"
NEW = HEADER + b"1.1.1.1,Asia Prod\n2.2.2.2,Asia Prod\n::1,NA Prod\n"
OLD_REPORT = b'{"format": 1, "run_id": "older"}'
SHARES = {
    1: (b"1.1.1.1,Asia Prod\n::1,NA Prod\n", {"Asia Prod": 1, "NA Prod": 1}),
    2: (b"1.1.1.1,Asia Prod\n2.2.2.2,Asia Prod\n", {"Asia Prod": 2}),
}


def manifest(runner: int, rows: bytes, addresses: dict[str, int], valid: int = 5) -> Manifest:
    return Manifest(
        run_id="id", runner=runner, runners=2, splits=2, fingerprint="f", engine="reference", seconds=0.5,
        bytes=len(rows), crc32=f"{zlib.crc32(rows):08x}", addresses=addresses,
        stats=Stats(taken=1, bytes=100, read=valid, valid=valid),
    )  # fmt: skip


def reduced(directory: Path) -> Path:
    """An output directory with an old result and the partials of a new run."""
    directory.mkdir()
    (directory / "Combined.csv").write_bytes(OLD)
    (directory / "Combined.report.json").write_bytes(OLD_REPORT)
    for runner, (rows, addresses) in SHARES.items():
        partials.partial_path(directory, runner).write_bytes(HEADER + rows)
        partials.commit(directory, manifest(runner, HEADER + rows, addresses))
    return directory


def collected(directory: Path, engine: str = "reference") -> Report | None:
    expected = ExpectedRun("id", 2)
    partial_set = check_partials(directory, expected, engine)
    if partial_set is None:
        return None
    assert partial_set.reassembly.reread == [], "nothing was split"
    collector = Collector(engines.load(engine), "because", time.monotonic())
    return write_result(directory, expected, partial_set, collector)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def failing_at(patch: pytest.MonkeyPatch, turn: int) -> list[str]:
    """Let one step on the disk fail, the `turn`-th; returns a list that will name it."""
    failed: list[str] = []
    turns = itertools.count()

    def guarded(name: str) -> None:
        really = getattr(os, name)

        def call(*arguments: object, **named: object) -> object:
            if next(turns) == turn:
                failed.append(f"{name} {arguments[0]}")
                raise OSError(errno.ENOSPC, "No space left on device")
            return really(*arguments, **named)

        patch.setattr(os, name, call)

    for name in ("open", "fsync", "replace", "unlink"):
        guarded(name)
    return failed


@pytest.mark.parametrize("engine", ["reference", "pandas"])
def test_partials_become_the_result_and_are_removed(tmp_path, engine):
    directory = reduced(tmp_path / "out")
    report = collected(directory, engine)
    assert report.distinct == 3
    assert report.addresses == {"Asia Prod": 2, "NA Prod": 1}
    assert (directory / "Combined.csv").read_bytes() == NEW
    assert names(directory) == ["Combined.csv", "Combined.report.json"]


def test_a_disk_that_fails_at_any_step_costs_nothing_that_stood_and_can_be_tried_again(tmp_path, monkeypatch):
    for turn in range(100):
        directory = reduced(tmp_path / str(turn))
        with monkeypatch.context() as patch:
            failed = failing_at(patch, turn)
            try:
                collected(directory)
            except WriteError:
                stood = (directory / "Combined.csv").read_bytes()
                assert stood == OLD or failed[0].startswith("unlink"), failed
                assert not [name for name in names(directory) if name.endswith(".tmp")], failed
            else:
                assert (directory / "Combined.csv").read_bytes() == NEW, failed
        if not failed:
            break
        collected(directory)
        assert (directory / "Combined.csv").read_bytes() == NEW, failed
        assert names(directory) == ["Combined.csv", "Combined.report.json"], failed
    assert 10 < turn < 99, "every step had its turn"


def test_a_result_that_does_not_fit_on_the_disk_leaves_the_old_report_beside_the_old_result(
    tmp_path, monkeypatch
):
    directory = reduced(tmp_path / "out")
    fsync = os.fsync

    def full(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name.startswith(".Combined.csv."):
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(WriteError, match=r"Combined\.csv"):
            collected(directory)
    assert (directory / "Combined.csv").read_bytes() == OLD
    assert (directory / "Combined.report.json").read_bytes() == OLD_REPORT


@pytest.mark.parametrize(
    ("addresses", "valid"),
    [
        ({"Asia Prod": 1, "NA Prod": 1}, 1),
        ({"Asia Prod": 2, "NA Prod": 1}, 5),
        ({"Asia Prod": 0, "NA Prod": 1}, 0),
    ],
)
def test_a_partial_whose_numbers_cannot_be_true_makes_no_result(tmp_path, addresses, valid):
    directory = reduced(tmp_path / "out")
    partials.commit(directory, manifest(1, HEADER + SHARES[1][0], addresses, valid))
    if addresses["Asia Prod"] == 2:
        partials.commit(directory, manifest(2, HEADER + SHARES[2][0], {"Asia Prod": 3}))
    with pytest.raises(AccountingError):
        collected(directory)
    assert (directory / "Combined.csv").read_bytes() == OLD
    assert len(names(directory)) == 6


def test_a_half_written_result_is_swept_before_its_space_is_needed_again(tmp_path):
    directory = reduced(tmp_path / "out")
    (directory / ".Combined.csv.0123abcd.tmp").write_bytes(b"x")
    partials.manifest_path(directory, 2).unlink()
    with pytest.raises(PartialsRejected, match="no partial of runner 2"):
        collected(directory)
    assert ".Combined.csv.0123abcd.tmp" not in names(directory)
    assert (directory / "Combined.csv").read_bytes() == OLD
