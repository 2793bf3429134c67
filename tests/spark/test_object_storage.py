"""Trees and results in a bucket, read by executors: on one session, and by real processes on a cluster.

Executors have an environment of their own. That of the session's Python workers is `executors` here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import workdir as workdir_module
from faulty_proxy import FaultyProxy
from random_csv import deceiving
from s3_servers import UNSET_VARIABLES, bucket_behind_proxy, variables_for
from s3_world import ACCESS_KEY, SECRET_KEY, World
from spark_world import cluster, free_port, session
from workdir import KEY, Outcome, Workdir, each

from reduction.engines.spark import engine, planning

ALIKE = ("bytes", "files", "rows", "addresses", "result")  # what a report says whatever the engine
OLD = b"Source IP,Environment\n9.9.9.9,Old Prod\n"
RIGHT = b"Source IP,Environment\n1.1.1.1,Asia Prod\n3.3.3.3,NA Prod\n"
TARGET = "EU Prod"
TOKEN = "sessiontokenofthetests/0123456789"
SECRETS = (ACCESS_KEY, SECRET_KEY, TOKEN, "Signature=", "AWS4-HMAC")
EXPIRED = f"<Error><Code>ExpiredToken</Code><Message>{' '.join(SECRETS)}</Message></Error>"


@pytest.fixture(scope="module")
def proxy(moto_port: int) -> Iterator[FaultyProxy]:
    """One for all tests: where the variables stay the same, Spark uses a worker again."""
    made = FaultyProxy(moto_port)
    yield made
    made.close()


@pytest.fixture(scope="module")
def variables(proxy: FaultyProxy, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How the store is reached; botocore itself tries only once."""
    mine = {"AWS_MAX_ATTEMPTS": "1", "AWS_SESSION_TOKEN": TOKEN}
    return variables_for(proxy, tmp_path_factory.mktemp("aws")) | mine


@pytest.fixture
def world(
    workdir: Workdir,
    proxy: FaultyProxy,
    moto_port: int,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    """Three objects and an old result."""
    for name in UNSET_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    proxy.failures.clear()
    proxy.requests.clear()
    with bucket_behind_proxy(proxy, moto_port, workdir) as made:
        for name, address in (("Asia Prod", "1.1.1.1"), ("EU Prod", "2.2.2.2"), ("NA Prod", "3.3.3.3")):
            made.csv(f"{name}.csv", KEY, address)
        made.put("out/Combined.csv", OLD)
        workdir.set(runners=None)
        yield made


@pytest.fixture
def executors(world: World, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of the workers of this process's session, to be changed before the run."""
    of_workers = session().sparkContext.environment | variables
    monkeypatch.setattr(session().sparkContext, "environment", of_workers)
    monkeypatch.setattr(planning, "_LEAST_TASK", 1)  # a task for each object
    return of_workers


def reduce(world: World, **variables: object) -> Outcome:
    return world.workdir.reduce(engine="spark", **variables)


def report(world: World) -> dict[str, Any]:
    return json.loads(world.get("out/Combined.report.json"))


def ignored(world: World) -> dict[str, tuple[str, str]]:
    return {file["path"]: (file["reason"], file["detail"]) for file in report(world)["files"]["ignored"]}


def fails(world: World, sentence: str, **variables: object) -> None:
    """Reduce in vain: exit code 4, this sentence, no secret, and the old result is there."""
    outcome = reduce(world, log_level="DEBUG", **variables)
    assert outcome.exit_code == 4
    [logged] = [line for line in outcome.stderr.splitlines() if " - ERROR: the Spark job failed" in line]
    assert sentence in logged
    assert secrets_in(outcome.stderr) == []
    assert world.listed() == ["Combined.csv"]
    assert world.combined == OLD


def secrets_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


# A good end ----------------------------------------------------------------------------------------------


def test_objects_give_the_bytes_and_the_stats_of_native_on_files(world, executors):
    rows = b"".join(b"10.0.%d.%d,x\n" % (n >> 8, n & 255) for n in range(50_000))
    world.file("deep/a b/NA Prod 2.csv", b"Source IP,Text\n" + rows * 16)
    for n in range(12):
        world.csv(f"deep/Asia Stage {n}.csv", KEY, f"2001:db8::{n}", "1.1.1.1", "oops")
    world.file("EU Prod 2.csv", b"Source IP\n\0")
    world.file("EU Prod 3.csv", b"")
    assert reduce(world).exit_code == 0
    of_files = world.workdir.reduce(
        input_dir=world.workdir.input, output_dir=world.workdir.output, engine="native", runners=1
    )
    assert world.combined == of_files.combined_bytes
    assert {name: report(world)[name] for name in ALIKE} == {name: of_files.report[name] for name in ALIKE}
    asked = [logged for logged in world.proxy.requests if logged.startswith("GET") and ".csv" in logged]
    assert len(asked) == 18 + 1, "each object was read once, the large one in two ranges"
    assert world.listed() == ["Combined.csv", "Combined.report.json"]


def test_objects_are_cut_as_files_are_and_read_once_more_where_pieces_do_not_fit(world, executors):
    world.file("Asia Prod 2.csv", deceiving(rows=40))
    world.csv("NA Prod 2.csv", KEY, *(f"10.0.0.{n}" for n in range(100)), "oops")
    outcome = reduce(world, split_size=60)
    assert outcome.exit_code == 0
    assert "28 splits were read" in outcome.stderr, "8 and 17 of two objects, and three whole ones"
    assert "re-reading 'Asia Prod 2.csv'" in outcome.stderr
    assert "'NA Prod 2.csv' is read once more" not in outcome.stderr
    of_files = world.workdir.reduce(
        input_dir=world.workdir.input, output_dir=world.workdir.output, engine="reference", runners=1
    )
    assert world.combined == of_files.combined_bytes
    assert {name: report(world)[name] for name in ALIKE} == {name: of_files.report[name] for name in ALIKE}


def test_the_clients_of_fsspec_work_beside_a_session_that_is_there(world, executors):
    """They start threads, in the driver and in workers that take one task after the other."""
    there = {"input_dir": f"file://{world.workdir.input}", "output_dir": f"file://{world.workdir.output}"}
    for _ in range(2):
        assert reduce(world, **there).exit_code == 0
    assert (world.workdir.output / "Combined.csv").read_bytes() == world.of_folders()


@each("becomes", other=(b"Source IP\n2.2.2.9\n",), gone=(None,))
def test_an_object_that_changes_after_it_was_listed_is_ignored(world, executors, becomes):
    def change() -> None:
        world.delete("in/EU Prod.csv") if becomes is None else world.put("in/EU Prod.csv", becomes)

    world.proxy.add("GET", TARGET, before=change, times=1)
    assert reduce(world).exit_code == 0
    assert world.combined == RIGHT
    reason, detail = ignored(world)["EU Prod.csv"]
    assert reason == "changed-while-read"
    assert ("removed after it was listed" if becomes is None else "replaced after it was listed") in detail


def test_an_object_that_nobody_may_read_is_broken_and_reported(world, executors):
    world.proxy.add("GET", TARGET, status=403)
    outcome = reduce(world)
    assert outcome.exit_code == 0
    assert world.combined == RIGHT
    assert ignored(world)["EU Prod.csv"] == (
        "broken",
        "cannot be read to its end: access denied (403):"
        " this user must be allowed to list, get, put and delete objects there",
    )
    assert "'EU Prod.csv' is skipped, broken" in outcome.stderr


# An end with a sentence ----------------------------------------------------------------------------------


def test_executors_without_credentials_are_reported_of(world, executors):
    executors |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    fails(world, ".csv': no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or")


def test_executors_without_boto3_are_reported_of(world, executors):
    (world.workdir.root / "boto3.py").write_text("raise ImportError\n")
    executors["PYTHONPATH"] = str(world.workdir.root)
    fails(world, f"on an executor: {world.tree}: needs boto3: pip install boto3")


def test_executors_that_do_not_reach_the_store_are_reported_of(world, executors):
    executors["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{free_port()}"
    fails(world, "cannot connect to the endpoint: check the network and AWS_ENDPOINT_URL; then run again")


def test_credentials_that_expire_while_executors_read_end_the_job_and_are_not_repeated(world, executors):
    world.proxy.add("GET", TARGET, status=403, body=EXPIRED)
    fails(world, "while reading 'EU Prod.csv': the credentials are rejected (403 ExpiredToken): renew")


@each(
    "answer", "detail",
    gone=({"status": 404}, "removed after it was listed"),
    other=({"status": 412}, "replaced after it was listed"),
    rejected=({"status": 403}, "cannot be read to its end: access denied (403)"),
)  # fmt: skip
def test_executors_that_see_another_bucket_or_have_fewer_rights_are_found_out(
    world, executors, moto_port, answer, detail
):
    theirs = FaultyProxy(moto_port)
    theirs.add("GET", TARGET, **answer)
    executors["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{theirs.port}"
    fails(world, f"'EU Prod.csv' is as it was listed, but an executor says: {detail}")
    theirs.close()


def test_a_stage_that_is_computed_again_on_a_replaced_object_fails(world, executors, monkeypatch):
    reassemble = engine.reassemble

    def reassemble_and_replace(manifests: object) -> object:
        whole = reassemble(manifests)
        world.put("in/EU Prod.csv", b"Source IP\n2.2.2.9\n")
        session().catalog.clearCache()  # the executors have lost what they held
        return whole

    monkeypatch.setattr(engine, "reassemble", reassemble_and_replace)
    fails(world, "3 rows were read and 2 arrived to be sorted")


# Real processes ------------------------------------------------------------------------------------------


def test_a_cluster_reads_a_bucket_and_no_secret_is_anywhere(world, monkeypatch, tmp_path):
    """Spark's own records too: its event log, and what executors say, at its most talkative."""
    monkeypatch.setattr(workdir_module, "PATIENCE", 300.0)
    (world.workdir.root / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(world.workdir.root / "tmp"))
    (tmp_path / "events").mkdir()
    (tmp_path / "cluster").mkdir()
    world.csv("EU Prod 2.csv", KEY, "oops")
    with cluster(tmp_path / "cluster", workers=1) as made:  # with these variables
        with (made.conf / "spark-defaults.conf").open("a") as defaults:
            defaults.write(f"spark.eventLog.enabled true\nspark.eventLog.dir file://{tmp_path}/events\n")
            defaults.write("spark.eventLog.compress false\n")
            talkative = f"-Dlog4j2.configurationFile={made.folder}/log4j2.properties -Dlog4j2.level=debug"
            defaults.write(f"spark.executor.extraJavaOptions {talkative}\n")
        monkeypatch.setenv("SPARK_CONF_DIR", str(made.conf))
        running = world.start(engine="spark", spark_master=made.master, log_level="DEBUG")
        outcome = running.finish()
    assert outcome.exit_code == 0
    assert world.combined == world.of_folders()
    assert world.listed() == ["Combined.csv", "Combined.report.json"]
    assert [path for path in world.scratch_folders() if "reducer" in path.name] == []
    written = {path: path.read_text("latin-1") for path in tmp_path.rglob("*") if path.is_file()}
    assert any("SparkListenerTaskEnd" in text for text in written.values())
    assert any("DEBUG" in text for path, text in written.items() if path.name == "stderr")
    assert {path.name: found for path, text in written.items() if (found := secrets_in(text))} == {}
    assert secrets_in(outcome.stdout + outcome.stderr) == []
