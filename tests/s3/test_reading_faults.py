"""A store that fails, is slow, or changes: what is read is what was listed, or it is reported."""

import json
import os
import re
import signal

import pytest
from workdir import KEY, each, each_engine

RIGHT = b"Source IP,Environment\n1.1.1.1,Asia Prod\n3.3.3.3,NA Prod\n"
OLD = b"Source IP,Environment\n9.9.9.9,Old Prod\n"
SLOW_DOWN = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
DENIED = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
TARGET = "EU Prod"


@pytest.fixture
def three(world, monkeypatch):
    """Three objects, the second of which is to have its troubles; botocore itself tries only twice."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    world.csv("Asia Prod.csv", KEY, "1.1.1.1")
    world.csv("EU Prod.csv", KEY, "2.2.2.2")
    world.csv("NA Prod.csv", KEY, "3.3.3.3")
    world.put("out/Combined.csv", OLD)
    return world


def ignored(world) -> dict[str, tuple[str, str]]:
    report = json.loads(world.get("out/Combined.report.json"))
    return {file["path"]: (file["reason"], file["detail"]) for file in report["files"]["ignored"]}


@each(
    "disturbance",
    internal_error=({"status": 500, "times": 3},),
    unavailable=({"status": 503, "times": 2},),
    slow_down=({"status": 503, "body": SLOW_DOWN, "times": 5},),
    too_many_requests=({"status": 429, "times": 1},),
    half_an_answer=({"cut_at": 0.5, "times": 2},),
    no_answer=({"cut_at": 0.0, "times": 1},),
    slow=({"seconds": 1.5, "times": 1},),
)
def test_what_passes_does_no_harm(three, disturbance):
    harm = three.proxy.add("GET", TARGET, **disturbance)
    three.succeeds()
    assert harm.met >= disturbance["times"]
    assert ignored(three) == {}
    assert three.combined == three.of_folders()


@each_engine
@each(
    "disturbance", "said",
    error=({"status": 500}, r"the store kept failing \(500\)"),
    slow_down=({"status": 503, "body": SLOW_DOWN}, r"\(503 SlowDown\)"),
    half_an_answer=({"cut_at": 0.5}, r"the connection broke off"),
    denied=({"status": 403, "body": DENIED}, r"access denied \(403\)"),
    teapot=({"status": 418}, r"the store answered 418"),
)  # fmt: skip
def test_an_object_that_is_not_to_be_had_is_broken_and_reported(three, engine, disturbance, said):
    three.proxy.add("GET", TARGET, **disturbance)
    outcome = three.succeeds(engine=engine)
    assert three.combined == RIGHT
    reason, detail = ignored(three)["EU Prod.csv"]
    assert reason == "broken"
    assert re.search(said, detail)
    assert "'EU Prod.csv' is skipped, broken" in outcome.stderr
    assert three.reduce(engine=engine, strict="true").exit_code == 7


@each_engine
@each(
    "becomes",
    longer=(b"Source IP\n2.2.2.2\n2.2.2.3\n",),
    of_the_same_size=(b"Source IP\n2.2.2.9\n",),
    gone=(None,),
)
def test_an_object_that_changes_after_it_was_listed_is_ignored(three, engine, becomes):
    def change():
        three.delete("in/EU Prod.csv") if becomes is None else three.put("in/EU Prod.csv", becomes)

    three.proxy.add("GET", TARGET, before=change, times=1)
    three.succeeds(engine=engine)
    assert three.combined == RIGHT
    reason, detail = ignored(three)["EU Prod.csv"]
    assert reason == "changed-while-read"
    assert ("removed after it was listed" if becomes is None else "another version") in detail


def test_an_object_that_is_written_with_the_same_bytes_is_the_same(three):
    content = three.get("in/EU Prod.csv")
    three.proxy.add("GET", TARGET, before=lambda: three.put("in/EU Prod.csv", content), times=1)
    three.succeeds()
    assert three.combined == three.of_folders()


@each("becomes", other=(True,), gone=(False,))
def test_a_large_object_that_changes_between_two_ranges_counts_not_at_all(three, becomes):
    rows = b"2.2.2.2,x\n" * 1_000_000
    three.put("in/EU Prod.csv", b"Source IP,Text\n" + rows)

    def change():
        three.put("in/EU Prod.csv", b"Source IP,Tixt\n" + rows) if becomes else three.delete("in/EU Prod.csv")

    three.proxy.add("GET", TARGET, before=change, times=1)
    three.succeeds()
    assert three.combined == RIGHT
    assert ignored(three)["EU Prod.csv"][0] == "changed-while-read"


def test_a_listing_that_fails_passingly_is_made(three):
    harm = three.proxy.add("GET", r"list-type=2&prefix=in/", status=503, times=1)
    three.succeeds()
    assert harm.met > 1


EXPIRED = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"


@each_engine
def test_credentials_that_expire_in_mid_run_end_it_and_the_old_result_stays(three, engine):
    three.proxy.add("GET", TARGET, status=403, body=EXPIRED)
    outcome = three.reduce(engine=engine)
    assert outcome.exit_code == 4
    assert re.search(
        r"ERROR: runner \d of 2 failed .*credentials are rejected \(403 ExpiredToken\)", outcome.stderr
    )
    assert "Traceback" not in outcome.stderr
    assert three.combined == OLD
    assert three.listed() == ["Combined.csv"]


@each("number", killed=(signal.SIGKILL,), out_of_memory=(signal.SIGSEGV,))
def test_a_runner_that_is_killed_while_it_reads_ends_the_run(three, number):
    held = three.workdir.root / "held"
    three.proxy.add("GET", TARGET, before=held.touch, seconds=30)
    run = three.start(log_level="DEBUG")
    line = run.wait_for("'EU Prod.csv'")
    runner = re.search(r"Runner \[(\d)\]", line)[1]
    pid = next(
        re.search(r"pid (\d+)", said)[1]
        for said in run.said
        if f"Runner [{runner}]" in said and "pid" in said
    )
    os.kill(int(pid), number)
    outcome = run.finish()
    assert outcome.exit_code == 4
    assert "while reading 'EU Prod.csv'" in outcome.stderr
    assert three.combined == OLD
    assert three.working_folders() == []


@each("number", "code", terminated=(signal.SIGTERM, 143), interrupted=(signal.SIGINT, 130))
def test_a_run_that_is_stopped_while_it_reads_leaves_nothing(three, number, code):
    three.proxy.add("GET", TARGET, seconds=30)
    run = three.start(log_level="DEBUG")
    run.wait_for("'EU Prod.csv'")
    run.signal_group(number)
    assert run.finish().exit_code == code
    assert three.listed() == ["Combined.csv"]
    assert three.combined == OLD
    assert three.working_folders() == []
