"""`python reducer.py` with REDUCER_ENGINE=spark as a real process: alone, and on a real cluster."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import workdir as workdir_module
from spark_world import Cluster, cluster, command_of, descendants, free_port, wait_until
from workdir import KEY, OLD, ROOT, Outcome, Workdir

TASK = ROOT / "task" / "reducer"
ALIKE = ("bytes", "files", "rows", "addresses", "result")  # what a report says whatever the engine


def spark(world: Workdir, master: str, **variables: object) -> Outcome:
    return world.start(engine="spark", spark_master=master, runners=None, **variables).finish()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A JVM takes its time to start, and most where others work as well."""
    monkeypatch.setattr(workdir_module, "PATIENCE", 300.0)


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master and two workers of one core each."""
    with cluster(tmp_path_factory.mktemp("cluster"), workers=2) as made:
        yield made


@pytest.fixture
def near(workers: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The same, for drivers that this test starts."""
    monkeypatch.setenv("SPARK_CONF_DIR", str(workers.conf))
    return workers


def test_a_cluster_gives_the_bytes_and_the_stats_of_native(workdir, near):
    made = spark(workdir, near.master, input_dir=TASK / "regions")
    assert made.exit_code == 0
    assert made.combined_bytes == (TASK / "regions.expected.csv").read_bytes()
    auto = workdir.reduce(input_dir=TASK / "regions", engine="auto")
    assert {name: made.report[name] for name in ALIKE} == {name: auto.report[name] for name in ALIKE}
    assert made.report["runners"] == 1
    assert "\tat " not in made.stderr, "no page of the JVM's stack"


def test_the_example_for_spark_submit_reduces(workdir, near):
    submit = Path(sys.executable).parent / "spark-submit"
    command = [
        submit,
        "--master",
        near.master,
        ROOT / "misc" / "spark_example.py",
        TASK / "exercise",
        workdir.output,
    ]
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert (workdir.output / "Combined.csv").read_bytes() == (TASK / "exercise.expected.csv").read_bytes()


def test_a_worker_that_is_killed_does_not_change_the_result(workdir, near):
    for number in range(4):
        lines = "".join(f"10.{number}.{n >> 8}.{n & 255}\n" for n in range(40_000))
        workdir.file(f"Asia Prod {number}.csv", "Source IP\n" + lines * 50)
    third = near.worker()
    running = workdir.start(engine="spark", spark_master=near.master, runners=None)
    executor = wait_until("the worker runs an executor", lambda: executors(third.pid))
    wait_until("it reads", lambda: [pid for pid in descendants(executor[0]) if "daemon" in command_of(pid)])
    os.kill(executor[0], signal.SIGKILL)
    os.killpg(third.pid, signal.SIGKILL)
    made = running.finish()
    assert made.exit_code == 0
    assert made.report["rows"] | {"rejected_examples": []} == {
        "read": 8_000_000, "valid": 8_000_000, "distinct": 160_000, "rejected": {}, "rejected_examples": [],
    }  # fmt: skip
    assert made.combined_bytes == workdir.reduce(engine="auto").combined_bytes


def executors(worker: int) -> list[int]:
    return [pid for pid in descendants(worker) if "CoarseGrainedExecutorBackend" in command_of(pid)]


def test_a_master_that_does_not_answer_is_named(with_result):
    master = f"spark://127.0.0.1:{free_port()}"
    made = spark(with_result, master)
    assert made.exit_code == 4
    assert f"no master answers at REDUCER_SPARK_MASTER={master}" in made.stderr
    assert (made.combined, made.leftovers) == (OLD, [])


def test_without_java_the_error_says_what_to_install(with_result, tmp_path, monkeypatch):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "sh", "env", "dirname", "basename", "ls", "nice", "ps", "uname", "cat"):
        if place := shutil.which(name):
            (tools / name).symlink_to(place)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    made = spark(with_result, "local[1]")
    assert made.exit_code == 3
    assert "it needs Java 17 or newer" in made.stderr
    assert (made.combined, made.leftovers) == (OLD, [])


def test_executors_without_the_package_are_reported(with_result, near, monkeypatch):
    bare = with_result.root / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    site = next((bare / "lib").glob("python*/site-packages"))
    ours = next((Path(sys.prefix) / "lib").glob("python*/site-packages"))
    for name in ("pyspark", "py4j", "pyarrow", "numpy", "numpy.libs", "pyarrow.libs"):
        if (ours / name).exists():
            (site / name).symlink_to(ours / name)
    monkeypatch.setenv("PYSPARK_PYTHON", str(bare / "bin" / "python"))
    made = spark(with_result, near.master)
    assert made.exit_code == 4
    assert "the executors' Python has no module 'reduction'" in made.stderr
    assert (made.combined, made.leftovers) == (OLD, [])
    assert "\tat " not in made.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_job_and_leaves_nothing_behind(with_result, number, code):
    for part in range(3):
        with_result.big(f"NA Prod {part}.csv", rows=6_000_000)
    running = with_result.start(engine="spark", spark_master="local[2]", runners=None)
    running.wait_for("Spark 4")
    started = descendants(running.process.pid)
    assert [pid for pid in started if "java" in command_of(pid)]
    running.process.send_signal(number)
    made = running.finish()
    assert made.exit_code == code
    assert (made.combined, made.leftovers) == (OLD, [])
    wait_until("all processes are gone", lambda: not [pid for pid in started if command_of(pid)])
    assert "\tat " not in made.stderr


def test_a_killed_jvm_is_reported_in_a_sentence(with_result):
    for part in range(3):
        with_result.big(f"NA Prod {part}.csv", rows=6_000_000)
    running = with_result.start(engine="spark", spark_master="local[2]", runners=None)
    running.wait_for("Spark 4")
    [java] = [pid for pid in descendants(running.process.pid) if re.match(r"\S*java ", command_of(pid))]
    os.kill(java, signal.SIGKILL)
    made = running.finish()
    assert made.exit_code == 4
    assert "the JVM of the driver has ended" in made.stderr
    assert "Traceback" not in made.stderr
    assert (made.combined, made.leftovers) == (OLD, [])


def test_a_quantity_of_runners_is_an_error_and_nothing_is_started(with_result):
    made = with_result.start(engine="spark", runners=2).finish()
    assert made.exit_code == 3
    assert "REDUCER_ENGINE=spark distributes the work itself" in made.stderr
    assert KEY not in made.stderr
