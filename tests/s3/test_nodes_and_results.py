"""Several nodes on one bucket, each way to get it wrong, and results that are written atomically."""

import json
import os
import re
import signal

import pytest
from workdir import KEY, each

QTY = 5
OLD = b"Source IP,Environment\n9.9.9.9,Old Prod\n"
PARTIALS = [f".Combined_{n}.{kind}" for n in range(1, QTY + 1) for kind in ("csv", "json")]
ERROR = "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"


@pytest.fixture
def cluster(world, monkeypatch):
    """Eight objects, five runners, an old result."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    for n in range(1, 8):
        world.csv(f"Asia Prod {n}.csv", KEY, f"{n}.{n}.{n}.{n}", "1.1.1.1")
    world.csv("deep/NA Prod.csv", KEY, "8.8.8.8")
    world.put("out/Combined.csv", OLD)
    world.workdir.set(runners=QTY)
    return world


def node(cluster, low: int, high: int, **variables):
    return cluster.succeeds(mode="reduce", low=low, high=high, **variables)


def collect(cluster, **variables):
    return cluster.reduce(mode="collect", **variables)


def test_three_nodes_and_a_collect_make_the_result_of_one_machine(cluster):
    node(cluster, 1, 2)
    node(cluster, 3, 4, engine="pandas")
    node(cluster, 5, 5, engine="reference")
    assert cluster.listed() == [*PARTIALS, "Combined.csv"]
    assert cluster.combined == OLD
    assert collect(cluster).exit_code == 0
    assert cluster.combined == cluster.of_folders()
    assert cluster.listed() == ["Combined.csv", "Combined.report.json"]
    assert cluster.working_folders() == []


def test_nodes_may_work_at_the_same_time_and_one_may_be_a_runner_alone(cluster):
    nodes = [cluster.start(mode="reduce", low=low, high=high) for low, high in [(1, 2), (3, 4)]]
    nodes.append(cluster.workdir.start("runner.py", "5"))
    assert [running.finish().exit_code for running in nodes] == [0, 0, 0]
    assert collect(cluster).exit_code == 0
    assert cluster.combined == cluster.of_folders()


def test_the_last_node_may_reduce_and_collect(cluster):
    node(cluster, 1, 2)
    cluster.succeeds(low=3, high=5)
    assert cluster.combined == cluster.of_folders()


def test_a_run_of_one_process_puts_no_partial(cluster):
    cluster.succeeds()
    put = [
        request for request in cluster.proxy.requests if request.startswith("PUT") and "probe" not in request
    ]
    assert [request.rpartition("/")[2] for request in put] == ["Combined.report.json", "Combined.csv"]


def test_collect_repeated_after_success_is_a_success_and_puts_nothing(cluster):
    node(cluster, 1, 5)
    assert collect(cluster).exit_code == 0
    first = cluster.get("out/Combined.report.json")
    cluster.proxy.requests.clear()
    again = collect(cluster)
    assert again.exit_code == 0
    assert "collected before" in again.stderr
    assert [
        request for request in cluster.proxy.requests if request.startswith("PUT") and "probe" not in request
    ] == []
    assert (cluster.get("out/Combined.report.json"), cluster.combined) == (first, cluster.of_folders())


@each("lost", result=("Combined.csv",), report=("Combined.report.json",))
def test_a_success_whose_result_or_report_is_gone_is_none(cluster, lost):
    cluster.succeeds()
    cluster.delete(f"out/{lost}")
    assert collect(cluster).exit_code == 5


def node_missing(cluster):
    node(cluster, 1, 2)
    node(cluster, 4, 5)


def other_object_between_nodes(cluster):
    node(cluster, 1, 2)
    cluster.csv("Asia Prod 3.csv", KEY, "3.3.3.4")
    node(cluster, 3, 5)


def lost(name: str):
    def prepare(cluster):
        node(cluster, 1, 5)
        cluster.delete(f"out/{name}")

    return prepare


def damaged(name: str):
    def prepare(cluster):
        node(cluster, 1, 5)
        cluster.put(f"out/{name}", cluster.get(f"out/{name}")[:-5])

    return prepare


@each(
    "prepare", "named",
    node_missing=(node_missing, "runner 3 of 5"),
    object_replaced=(other_object_between_nodes, r"\.Combined_1\.csv"),
    partial_lost=(lost(".Combined_3.csv"), r"\.Combined_3\.csv"),
    manifest_lost=(lost(".Combined_3.json"), "runner 3 of 5"),
    partial_damaged=(damaged(".Combined_3.csv"), r"\.Combined_3\.csv"),
    manifest_damaged=(damaged(".Combined_3.json"), r"\.Combined_3\.json"),
)  # fmt: skip
def test_collect_rejects_and_the_repeated_part_is_enough(cluster, prepare, named):
    prepare(cluster)
    outcome = collect(cluster)
    assert outcome.exit_code == 5
    assert re.search(named, outcome.stderr)
    assert "REDUCER_MODE=reduce" in outcome.stderr
    assert cluster.combined == OLD
    node(cluster, 1, 3)
    assert collect(cluster).exit_code == 0
    assert cluster.combined == cluster.of_folders()


def test_a_partial_that_goes_while_it_is_collected_is_rejected(cluster):
    node(cluster, 1, 5)
    name = ".Combined_3.csv"
    cluster.proxy.add("GET", rf"{name}", before=lambda: cluster.delete(f"out/{name}"), times=1)
    assert collect(cluster).exit_code == 5
    assert cluster.combined == OLD


def test_partials_that_can_not_be_read_are_rejected(cluster):
    node(cluster, 1, 5)
    cluster.proxy.add("GET", r"Combined_3\.csv", status=500, body=ERROR)
    outcome = collect(cluster)
    assert outcome.exit_code == 5
    assert "the store kept failing (500 InternalError): run again later" in outcome.stderr
    assert cluster.combined == OLD
    cluster.proxy.disturbances.clear()
    assert collect(cluster).exit_code == 0


@each(
    "at",
    reading=(("GET", "Asia Prod 3"),),
    putting=(("PUT", r"Combined_3\.csv"),),
    committing=(("PUT", r"_3\.json"),),
)
def test_a_node_that_is_killed_at_work_may_be_repeated(cluster, at):
    node(cluster, 1, 2)
    came = cluster.workdir.root / "came"
    os.mkfifo(came)
    cluster.proxy.add(*at, before=lambda: came.open("w").close(), seconds=20, times=1)
    run = cluster.start(mode="reduce", low=3, high=5)
    came.open().close()
    os.killpg(run.process.pid, signal.SIGKILL)
    assert run.finish().exit_code == -signal.SIGKILL
    cluster.proxy.disturbances.clear()
    rejected = collect(cluster)
    assert rejected.exit_code == 5
    assert re.search(r"no partial of runner (\d, )*3", rejected.stderr)
    assert cluster.combined == OLD
    node(cluster, 3, 5)
    assert collect(cluster).exit_code == 0
    assert cluster.combined == cluster.of_folders()
    assert cluster.listed() == ["Combined.csv", "Combined.report.json"]
    assert cluster.working_folders() == [], "the folder of the killed run was swept by the next"


def test_a_node_that_fails_leaves_no_partial_of_its_range(cluster):
    node(cluster, 1, 5)
    cluster.proxy.add("PUT", r"Combined_4\.json", status=500, body=ERROR)
    outcome = cluster.reduce(mode="reduce", low=3, high=4)
    assert outcome.exit_code == 6
    assert re.search(r"Combined_4\.json' can't be written: .*500 InternalError.*run again", outcome.stderr)
    assert [name for name in cluster.listed() if re.match(r"\.Combined_[34]", name)] == []
    assert len(cluster.listed()) == 7


def test_leftovers_of_other_runs_go_with_a_run_of_all(cluster):
    for name in (
        ".Combined_17.csv",
        ".Combined_17.json",
        ".Combined.probe.0a1b2c3d.tmp",
        ".Combined_3.csv.0a1b2c3d.tmp",
    ):
        cluster.put(f"out/{name}", b"old")
    cluster.put("out/.Combined_notes", b"of somebody else")
    cluster.succeeds()
    assert cluster.listed() == [".Combined_notes", "Combined.csv", "Combined.report.json"]


# Results -------------------------------------------------------------------------------------------------


@each("failing", report=(r"Combined\.report\.json",), result=(r"Combined\.csv",))
@each(
    "answer",
    error=({"status": 500, "body": ERROR},),
    denied=({"status": 403},),
    broken_off=({"cut_at": 0.0, "status": None},),
)
def test_a_result_that_can_not_be_put_is_exit_code_6_and_the_old_one_stays(cluster, failing, answer):
    disturbance = answer | (
        {"before": lambda: (_ for _ in ()).throw(ConnectionError)} if "cut_at" in answer else {}
    )
    cluster.proxy.add("PUT", f"out/{failing}", **disturbance)
    outcome = cluster.reduce()
    assert outcome.exit_code == 6
    assert re.search(
        rf"'{cluster.out}/{failing}' can't be written: .* untouched; then run again", outcome.stderr
    )
    assert cluster.combined == OLD
    assert [name for name in cluster.listed() if name.startswith(".")] == []
    cluster.proxy.disturbances.clear()
    cluster.succeeds()
    assert cluster.combined == cluster.of_folders()


@pytest.fixture
def large(world, monkeypatch):
    """Input whose result is put in parts."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    for n in range(4):
        lines = "".join(
            f"10.{n}.{m >> 8 & 255}.{m & 255}\n11.{n}.{m >> 8 & 255}.{m & 255}\n" for m in range(65536)
        )
        world.file(f"Asia Prod {n}.csv", f"Source IP\n{lines}".encode())
    world.put("out/Combined.csv", OLD)
    return world


def test_a_large_result_is_put_in_parts(large):
    large.succeeds()
    assert large.combined == large.of_folders()
    assert any(request.startswith("PUT") and "partNumber=2" in request for request in large.proxy.requests)


def test_parts_that_were_put_in_vain_are_removed(large):
    large.proxy.add("PUT", "partNumber=2", status=500, body=ERROR)
    assert large.reduce().exit_code == 6
    assert large.combined == OLD
    assert "Uploads" not in large.s3.list_multipart_uploads(Bucket=large.bucket)


def test_large_partials_travel(large):
    large.succeeds(mode="reduce", low=1, high=1)
    large.succeeds(mode="reduce", low=2, high=2)
    large.succeeds(mode="collect")
    assert large.combined == large.of_folders()
    assert json.loads(large.get("out/Combined.report.json"))["rows"]["distinct"] == 4 * 2 * 65536
