"""Files that are cut into splits: nobody sees it in the result, whatever is in them."""

from __future__ import annotations

import bz2
import gzip
import json
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from inline_run import Outcome, as_the_reference
from random_csv import deceiving
from workdir import engine_param

from reduction.app import config
from reduction.app.controller import collect_all
from reduction.app.plan import make_plan
from reduction.app.runner import reduce_share
from reduction.pipeline.output import LocalOutput
from reduction.runtime.progress import NullProgress

pytestmark = [*engine_param("native").marks]
HEADER = b"Source IP,Environment\n"
OTHER = {"NA Prod.csv": b"Source IP\n4.4.4.4\n"}

DECEIVING = deceiving(rows=40)


def reduced(content: bytes, split_size: int, runners: int = 3) -> Outcome:
    """What native makes of a file, cut, and another one."""
    return as_the_reference(
        {"Asia Prod.csv": content} | OTHER, engine="native", split_size=split_size, runners_qty=runners
    )


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logging.getLogger("reduction"), "propagate", True)
    caplog.set_level(logging.INFO, "reduction")
    return caplog


WITH_EVERYTHING = (
    b'\xef\xbb\xbf\r\n"Co\r\nunt",Source IP,x\r\n1,1.1.1.1\r\n\r\n2,"2.2.2.2","a\r\n3,3.3.3.3,\r\n"\r'
    b'\n\n"",,,,\r4\r5,"5.5.""5.5",""\n6,::1,"\n"\r\n7,x\xff\n' + b"8," + b"8" * 20
)


@pytest.mark.parametrize("split_size", [*range(1, 32), *range(32, len(WITH_EVERYTHING), 5)])
def test_a_file_with_everything_may_be_cut_anywhere(split_size):
    reduced(WITH_EVERYTHING, split_size, runners=2)


def test_a_file_that_deceives_is_read_once_more_and_said_to_be(log):
    made = reduced(DECEIVING, split_size=60)
    assert made.report["addresses"] == {"Asia Prod": 3, "NA Prod": 1}
    assert "re-reading 'Asia Prod.csv'" in log.text


def test_an_honest_file_is_not_read_twice(log):
    rows = b"".join(b'10.0.%d.1,"a, ""b"",\n c"\n' % n for n in range(200))
    reduced(b"Source IP,Note\n" + rows, split_size=100)
    assert "17 splits of large files" in log.text
    assert "re-reading" not in log.text


def test_rejected_rows_of_a_cut_file_are_warned_of_once_with_their_lines(log):
    made = reduced(b"Source IP\n" + b"1.1.1.1\n" * 50 + b"no\n" * 8, split_size=40)
    assert [row["line"] for row in made.report["rows"]["rejected_examples"]] == [52, 53, 54, 55, 56]
    logged = [record.getMessage() for record in log.records if record.name == "reduction.files"]
    assert set(logged) == {"'Asia Prod.csv': 8 of 58 rows rejected (not-an-address 8), first on line 52: no"}
    assert len(logged) == 2, "by the reference and by native"


@pytest.mark.parametrize("end", [b"\0", b'"2.2.2.2\n3.3.3.3\n'], ids=["a NUL byte", "an open quote"])
def test_an_error_that_the_last_unit_finds_takes_back_the_rows_of_all(end):
    made = reduced(b"Source IP\n" + b"1.1.1.1\r\n" * 40 + end, split_size=50, runners=5)
    assert made.combined == HEADER + b"4.4.4.4,NA Prod\n"
    [ignored] = made.report["files"]["ignored"]
    assert ignored["reason"] == "broken"
    assert ignored["detail"].startswith("line 42: ")


def test_without_any_good_file_there_is_no_result():
    made = as_the_reference(
        {"Asia Prod.csv": b"Source IP\n" + b"1.1.1.1\n" * 40 + b"\0"},
        engine="native", split_size=50, runners_qty=2,
    )  # fmt: skip
    assert made.combined is None


@pytest.mark.parametrize("pack", [partial(gzip.compress, compresslevel=0), bz2.compress])
def test_an_archive_that_is_larger_than_a_unit_is_read_by_one_runner(pack: Callable[[bytes], bytes]):
    content = pack(b"Source IP\n" + b"".join(b"10.%d.%d.1\n" % (n % 7, n) for n in range(256)))
    assert reduced(content, split_size=30).report["rows"]["valid"] == 257
    assert reduced(content[:-9], split_size=30).report["rows"]["valid"] == 1


@pytest.mark.parametrize("content", [b"Count\n" + b"1\n" * 90, b"\xff\xfe" + b"1\n" * 90, b"\n" * 200])
def test_a_file_without_key_or_text_is_reported_once(content):
    made = reduced(content, split_size=30)
    assert made.report["files"]["found"] == 2


def test_rows_and_headers_may_be_longer_than_many_units():
    note = b'"' + b"x" * 30_000 + b'"'
    content = b"Note,Source IP\n" + note + b",1.1.1.1\n" + note + b",no\n" + b",2.2.2.2\n"
    reduced(content, split_size=5_000)
    reduced(note + content, split_size=5_000)
    reduced(b'"' + content, split_size=5_000)


# A run in steps ------------------------------------------------------------------------------------------


class Steps:
    """A run of two runners over one split file, with time between them to change something."""

    def __init__(self, folder: Path, content: bytes) -> None:
        self.input = folder / "in"
        self.output = folder / "out"
        self.input.mkdir()
        self.output.mkdir()
        self.path = self.input / "Asia Prod.csv"
        self.path.write_bytes(content)
        self.settings = config.load(
            {
                "REDUCER_INPUT_DIR": str(self.input),
                "REDUCER_OUTPUT_DIR": str(self.output),
                "REDUCER_RUNNERS_QTY": "2",
                "REDUCER_SPLIT_SIZE": "40",
                "REDUCER_ENGINE": "native",
            }
        )
        self.plan = make_plan(self.settings)
        self.located = LocalOutput(self.output)
        self.jobs = self.plan.jobs(self.located)

    def reduce(self, runner: int) -> None:
        reduce_share(self.jobs[runner], NullProgress())

    def collect(self) -> list[tuple[str, str]]:
        """Return the reason and the detail of each file that is skipped."""
        collect_all(self.plan, self.located, 0.0)
        assert list(self.output.glob(".Combined*")) == []
        ignored = json.loads((self.output / "Combined.report.json").read_bytes())["files"]["ignored"]
        return [(file["reason"], file["detail"]) for file in ignored]


@pytest.mark.parametrize("first", [1, 2])
def test_a_file_that_changes_between_two_units_is_ignored_whole(tmp_path, first):
    run = Steps(tmp_path, b"Source IP\n" + b"1.1.1.1\n" * 40)
    run.reduce(first)
    with run.path.open("ab") as file:
        file.write(b"2.2.2.2\n")
    run.reduce(3 - first)
    [(reason, detail)] = run.collect()
    assert reason == "changed-while-read"
    assert detail.startswith("had 330 bytes when listed, now 338")
    assert not (run.output / "Combined.csv").exists()


def test_a_file_that_is_removed_between_two_units_is_ignored_whole(tmp_path):
    run = Steps(tmp_path, b"Source IP\n" + b"1.1.1.1\n" * 40)
    run.reduce(1)
    run.path.unlink()
    run.reduce(2)
    assert run.collect() == [("changed-while-read", "removed after it was listed")]


def test_a_file_that_changes_before_it_is_read_once_more_is_ignored_whole(tmp_path):
    run = Steps(tmp_path, DECEIVING)
    run.reduce(1)
    run.reduce(2)
    os.utime(run.path, (1, 1))
    [(reason, _)] = run.collect()
    assert reason == "changed-while-read"
