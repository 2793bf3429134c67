"""What is said at the end of a run, and when a repeated collect has nothing to do."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from pathlib import Path

import pytest

from reduction.pipeline import report
from reduction.pipeline.collect import ExpectedRun, was_collected
from reduction.pipeline.output import LocalOutput
from reduction.pipeline.partials import Manifest
from reduction.pipeline.report import Report, Result
from reduction.pipeline.stats import RejectedRow, SkippedFile, SkipReason, Stats

COMBINED = b"Source IP,Environment\n1.1.1.1,Asia Prod\n"
STATS = Stats(
    taken=1234, bytes=56_000_000, read=1_000_010, valid=1_000_000,
    rejected=Counter({"not-an-address": 7, "no-key": 3}),
    ignored=[SkippedFile("x.txt", "other-type", "the name does not end in .csv")],
    examples=[RejectedRow("Asia Prod.csv", 3, "no-key", "1 fields, the key is field 2")],
)  # fmt: skip
REPORT = Report(
    run_id="id", fingerprint="f", engine="reference", why_engine="requested by REDUCER_ENGINE", runners=2,
    seconds=2.0, slowest_runner_seconds=1.5, stats=STATS, addresses={"Asia Prod": 1200, "NA Prod": 34},
    result=Result("Combined.csv", len(COMBINED), f"{zlib.crc32(COMBINED):08x}"),
)  # fmt: skip


def test_the_summary_reports_files_rows_distinct_time_and_where(tmp_path):
    assert list(REPORT.summary(LocalOutput(tmp_path).locate)) == [
        "files: 1,234 accepted, 1 skipped",
        "rows: 1,000,010 read = 1,000,000 valid + 10 rejected (no-key 3, not-an-address 7)",
        "distinct: 1,234; Asia Prod 1,200; NA Prod 34",
        "time: 2.00 s, 56.0 MB, 28.0 MB/s",
        f"result: {tmp_path}/Combined.csv; report: {tmp_path}/Combined.report.json",
    ]


def test_the_summary_of_nothing(tmp_path):
    lines = list(
        REPORT._replace(stats=Stats(), addresses={}, result=None, seconds=0.0).summary(
            LocalOutput(tmp_path).locate
        )
    )
    assert lines[1:3] == ["rows: 0 read = 0 valid + 0 rejected", "distinct: 0"]
    assert lines[4].startswith("result: none, because no row was valid")


def test_the_summary_names_the_environments_with_most_addresses_and_counts_the_others(tmp_path):
    addresses = {f"e {n}": n for n in range(1, 9)}
    line = list(REPORT._replace(addresses=addresses).summary(LocalOutput(tmp_path).locate))[2]
    assert line == "distinct: 36; e 8 8; e 7 7; e 6 6; e 5 5; e 4 4; 3 others 6"


def test_the_report_on_disk_holds_everything(tmp_path):
    REPORT.write(tmp_path)
    plain = json.loads((tmp_path / "Combined.report.json").read_bytes())
    assert plain == report.read_plain(tmp_path)
    assert plain["run_id"] == "id"
    assert plain["engine"] == {"name": "reference", "why": "requested by REDUCER_ENGINE"}
    assert (plain["runners"], plain["seconds"], plain["bytes"]) == (2, 2.0, 56_000_000)
    assert plain["files"]["taken"] == 1234
    assert plain["files"]["ignored"] == [
        {"path": "x.txt", "reason": "other-type", "detail": "the name does not end in .csv"}
    ]
    rows = plain["rows"]
    assert rows["read"] == rows["valid"] + sum(rows["rejected"].values())
    assert rows["distinct"] == sum(plain["addresses"].values())
    assert rows["rejected_examples"][0]["line"] == 3


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"format": 99}', b"\xff"])
def test_what_is_no_report_is_not_read(tmp_path, content):
    (tmp_path / "Combined.report.json").write_bytes(content)
    assert report.read_plain(tmp_path) is None


def test_strict_objects_to_everything_that_did_not_count():
    assert REPORT.objections() == ["1 skipped file", "10 rejected rows"]


def test_strict_does_not_object_to_a_clean_run_or_to_an_old_result():
    old = SkippedFile("Combined.csv", SkipReason.OWN_RESULT, "the result of a run is not input")
    clean = Stats(taken=1, read=1, valid=1, ignored=[old, old])
    assert REPORT._replace(stats=clean).objections() == []


@pytest.mark.parametrize("reason", [reason for reason in SkipReason if reason != SkipReason.OWN_RESULT])
def test_strict_objects_to_any_other_ignored_file(reason):
    stats = Stats(ignored=[SkippedFile("x", str(reason), "")])
    assert REPORT._replace(stats=stats).objections() == ["1 skipped file"]


# Collected before ----------------------------------------------------------------------------------------

EXPECTED = ExpectedRun("id", 2)


def manifest(**changes: object) -> Manifest:
    of_run = Manifest("id", 1, 2, 1, "f", "reference", 1.0, 0, "0", {}, Stats())
    return of_run._replace(**changes)


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """An output directory in which the run was collected."""
    (tmp_path / "Combined.csv").write_bytes(COMBINED)
    REPORT.write(tmp_path)
    return tmp_path


def test_a_run_whose_report_and_result_stand_was_collected(done):
    assert was_collected(done, EXPECTED, [])
    assert was_collected(done, EXPECTED, [manifest(), manifest(runner=2)])


def test_a_run_without_result_was_collected_if_there_is_none(done):
    REPORT._replace(result=None).write(done)
    assert not was_collected(done, EXPECTED, [])
    (done / "Combined.csv").unlink()
    assert was_collected(done, EXPECTED, [])


@pytest.mark.parametrize("expected", [ExpectedRun("other", 2), ExpectedRun("id", 3)])
def test_another_run_was_not_collected(done, expected):
    assert not was_collected(done, expected, [])


@pytest.mark.parametrize("changes", [{"run_id": "other"}, {"fingerprint": "other"}])
def test_partials_that_saw_something_else_are_no_repetition(done, changes):
    assert not was_collected(done, EXPECTED, [manifest(**changes)])


@pytest.mark.parametrize(
    "content", [None, b"", COMBINED + b"\n", COMBINED[:-1], COMBINED.replace(b"1.1.1.1", b"1.1.1.2")]
)
def test_a_result_that_is_no_longer_the_one_of_the_report_was_not_collected(done, content):
    (done / "Combined.csv").unlink()
    if content is not None:
        (done / "Combined.csv").write_bytes(content)
    assert not was_collected(done, EXPECTED, [])


def test_a_folder_in_the_place_of_the_result_was_not_collected(done):
    (done / "Combined.csv").unlink()
    (done / "Combined.csv").mkdir()
    assert not was_collected(done, EXPECTED, [])


@pytest.mark.parametrize("result", [{}, {"bytes": 1}, [], "x", 3])
def test_a_report_that_somebody_edited_is_no_proof(done, result):
    path = done / "Combined.report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"result": result}))
    assert not was_collected(done, EXPECTED, [])


def test_without_a_report_nothing_was_collected(done):
    (done / "Combined.report.json").unlink()
    assert not was_collected(done, EXPECTED, [])
