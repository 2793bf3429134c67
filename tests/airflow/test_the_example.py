"""The DAG as a file: it parses in silence, its shares fit, its tasks are what a node needs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from datetime import timedelta
from types import ModuleType

import pytest
from live import EXAMPLE, Dags, changed
from workdir import each

TASKS = {"reduce_1_to_2": "node-a", "reduce_3_to_4": "node-b", "reduce_5_to_5": "node-c", "collect": "node-a"}


def loaded(home: Dags, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", home.root / "dags" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["reducer", "hosts"])
def example(request: pytest.FixtureRequest, home: Dags) -> ModuleType:
    return loaded(home, request.param)


def test_it_parses_without_a_single_warning(home):
    run = [sys.executable, "-W", "error", EXAMPLE]
    done = subprocess.run(run, env=home.environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_deprecated_import_would_be_noticed(home):
    text = changed(EXAMPLE.read_text(), "import BaseOperator, ", "import BaseOperator, DAG as _D, ")
    path = home.root / "old.py"
    path.write_text(text + "\nfrom airflow.models.param import Param as _\n")
    run = [sys.executable, "-W", "error", path]
    done = subprocess.run(run, env=home.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "airflow.models.param" in done.stderr


def test_airflow_takes_it(home):
    listed = home.run("dags", "list-import-errors")
    assert listed.returncode == 0
    assert "No data found" in listed.stdout


@each(
    "nodes",
    as_written=(None,),
    one=([("q", 1)],),
    many=([("q", 3), ("r", 1), ("q", 8), ("s", 2)],),
)
def test_the_shares_tile_all_runners(home, nodes):
    module = loaded(home, "hosts")
    shares = list(module.shares([module.Node(*node) for node in nodes] if nodes else module.NODES))
    runners = [runner for _, low, high in shares for runner in range(low, high + 1)]
    expected = sum(runners for _, runners in nodes) if nodes else 5
    assert runners == list(range(1, expected + 1))


def test_a_node_is_a_task_in_its_own_queue_and_collect_comes_last(example):
    dag = example.reducer()
    assert {task.task_id: task.queue for task in dag.tasks} == TASKS
    assert dag.task_dict["collect"].upstream_task_ids == TASKS.keys() - {"collect"}
    assert dag.max_active_runs == 1
    assert dag.doc_md == example.__doc__


def test_every_task_knows_the_run_the_quantity_and_its_share(example):
    for task in example.reducer().tasks:
        variables = task.environment if example.IN_DOCKER else task.env
        assert variables["REDUCER_RUN_ID"] == "{{ run_id }}"
        assert variables["REDUCER_RUNNERS_QTY"] == "5"
        if task.task_id == "collect":
            assert variables["REDUCER_MODE"] == "collect"
        else:
            low, high = variables["REDUCER_LOW_RUNNER"], variables["REDUCER_HIGH_RUNNER"]
            assert (variables["REDUCER_MODE"], task.task_id) == ("reduce", f"reduce_{low}_to_{high}")


def test_every_task_is_tried_again_and_not_for_ever(example):
    for task in example.reducer().tasks:
        assert task.retries == 2
        assert task.execution_timeout <= timedelta(days=1)
        assert task.retry_delay == timedelta(seconds=1)  # what the configuration of these tests says


def test_a_container_reads_its_input_only_and_leaves_nothing_behind(home):
    for task in loaded(home, "reducer").reducer().tasks:
        inbound, outbound = task.mounts
        assert (inbound["Target"], inbound["ReadOnly"]) == ("/app/inbound", True)
        assert (outbound["Target"], outbound["ReadOnly"]) == ("/app/outbound", False)
        assert task.auto_remove == "force"
        assert not task.mount_tmp_dir
        assert task.user == f"{os.getuid()}:{os.getgid()}"


@each(
    "message", "action",
    rejected_in_docker=("Docker container failed: {'StatusCode': 5, 'Error': None}", "fail"),
    rejected=("Bash command failed. The command returned a non-zero exit code 5.", "fail"),
    configuration=("Bash command failed. The command returned a non-zero exit code 3.", "fail"),
    strict=("Docker container failed: {'StatusCode': 7}", "fail"),
    runner_failed=("Docker container failed: {'StatusCode': 4}", "default"),
    killed_in_docker=("Docker container failed: {'StatusCode': 137}", "default"),
    killed=("Bash command failed. The command returned a non-zero exit code -9.", "default"),
    not_the_first_digit=("Bash command failed. The command returned a non-zero exit code 70.", "default"),
    no_code=("Cannot connect to the Docker daemon", "default"),
)  # fmt: skip
def test_only_what_another_try_may_fix_is_tried_again(home, message, action):
    policy = loaded(home, "hosts").RetryUnlessInVain()
    assert policy.evaluate(exception=RuntimeError(message), try_number=1, max_tries=2).action.value == action
