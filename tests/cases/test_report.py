"""Combined.report.json: every file and row accounted for, and the result described."""

import json
import zlib
from pathlib import Path

from workdir import KEY, each_engine

TASK = Path(__file__).parent.parent.parent / "task" / "reducer"


@each_engine
def test_the_report_accounts_for_every_file_and_row(workdir, engine):
    outcome = workdir.reduce(input_dir=TASK / "regions", engine=engine, runners=2)
    right = json.loads((TASK / "regions.expected.json").read_text())
    report = outcome.report
    assert outcome.ignored == right["files"]["ignored"]
    assert (report["files"]["found"], report["files"]["taken"]) == (47, 30)
    assert {key: report["rows"][key] for key in right["rows"]} == right["rows"]
    assert report["addresses"] == right["addresses"]
    assert (report["format"], report["engine"]["name"]) == (1, engine)
    assert report["runners"] == (1 if engine == "spark" else 2)
    assert report["engine"]["why"]
    assert report["seconds"] > 0
    assert report["bytes"] > 0
    assert all(set(entry) == {"path", "reason", "detail"} for entry in report["files"]["ignored"])


def test_the_report_describes_the_result_file(workdir):
    workdir.csv("Asia Prod.csv", KEY, "1.1.1.1", "2.2.2.2")
    outcome = workdir.reduce()
    result = outcome.report["result"]
    assert (result["file"], result["bytes"]) == ("Combined.csv", len(outcome.combined_bytes))
    sum_ = result["crc32"]
    assert (int(sum_, 16) if isinstance(sum_, str) else sum_) == zlib.crc32(outcome.combined_bytes)


def test_rows_are_counted_before_they_become_distinct(workdir):
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1", "1.1.1.1", "x")
    workdir.csv("Asia Prod 2.csv", KEY, "1.1.1.1")
    workdir.csv("NA Prod 1.csv", KEY, "1.1.1.1")
    report = workdir.reduce(runners=2, compact_at=1).report
    rows = {key: report["rows"][key] for key in ("read", "valid", "distinct", "rejected")}
    assert rows == {"read": 5, "valid": 4, "distinct": 2, "rejected": {"not-an-address": 1}}
    assert report["addresses"] == {"Asia Prod": 1, "NA Prod": 1}


@each_engine
def test_rejected_rows_are_shown_with_file_and_line(workdir, engine):
    workdir.csv(
        "deep/Asia Prod.csv", "Site,Source IP", "a,1.1.1.1", "b,oops", "c,2.2.2.2", "d,3.3.3.3,9", "e"
    )
    examples = workdir.reduce("--inline", engine=engine).report["rows"]["rejected_examples"]
    where = {(entry["path"], entry["line"], entry["reason"]) for entry in examples}
    assert where == {
        ("deep/Asia Prod.csv", 3, "not-an-address"),
        ("deep/Asia Prod.csv", 5, "too-many-fields"),
        ("deep/Asia Prod.csv", 6, "no-key"),
    }
    assert ["oops" in entry["text"] for entry in examples if entry["line"] == 3] == [True]


@each_engine
def test_only_some_rejected_rows_are_shown_and_all_are_counted(workdir, engine):
    workdir.csv("Asia Prod.csv", KEY, *["oops"] * 5000)
    rows = workdir.reduce("--inline", engine=engine, batch_size=100).report["rows"]
    assert rows["rejected"] == {"not-an-address": 5000}
    assert 0 < len(rows["rejected_examples"]) < 500


@each_engine
def test_bytes_that_are_not_utf8_do_not_spoil_the_report(workdir, engine):
    workdir.file("Asia Prod 1.csv", b"Stra\xdfe\n\xff\n")
    workdir.file("Asia Prod 2.csv", b"Source IP\n\xff\xfe\xed\xa0\x80\n1.1.1.1\n")
    outcome = workdir.reduce("--inline", engine=engine)
    assert outcome.exit_code == 0
    assert outcome.combined == [("1.1.1.1", "Asia Prod")]
    assert outcome.ignored == {"Asia Prod 1.csv": "no-key-column"}
    assert outcome.rejected == {"not-an-address": 1}


def test_the_fingerprint_follows_the_input(workdir):
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1")
    first, again = workdir.reduce().report, workdir.reduce().report
    workdir.csv("Asia Prod 2.csv", KEY, "1.1.1.1")
    other = workdir.reduce().report
    assert (first["run_id"], first["fingerprint"]) == (again["run_id"], again["fingerprint"])
    assert first["run_id"] != other["run_id"]
    assert first["fingerprint"] != other["fingerprint"]
