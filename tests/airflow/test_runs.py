"""The DAG in a real Airflow, in Docker and without: what comes out, and each way to go wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from live import Airflow, Run, slow, wait_until
from workdir import KEY, ROOT, Workdir, each

NODE_2 = "reduce_3_to_4"
SAMPLE = ROOT / "task/reducer/regions"
OLD = b"Source IP,Environment\n9.9.9.9,Old Prod\n"
Trigger = Callable[..., Run]


@pytest.fixture
def hosts(airflow: Airflow, world: Workdir) -> Trigger:
    """Starts a run of the DAG without Docker."""
    params = {"input_dir": world.input, "output_dir": world.output, "checkout": ROOT}
    return lambda **more: airflow.trigger("reducer_on_hosts", **params | more)


@pytest.fixture(params=["reducer", "reducer_on_hosts"])
def both(request: pytest.FixtureRequest, hosts: Trigger, airflow: Airflow, world: Workdir) -> Trigger:
    """The same, or in Docker."""
    if request.param == "reducer_on_hosts":
        return hosts
    image = request.getfixturevalue("image")
    params = {"input_dir": world.input, "output_dir": world.output, "image": image}
    return lambda **more: airflow.trigger("reducer", **params | more)


def result(world: Workdir) -> bytes:
    return (world.output / "Combined.csv").read_bytes()


def written(world: Workdir) -> tuple[int, int]:
    """Distinguishes one file from another that has the same contents."""
    status = (world.output / "Combined.csv").stat()
    return status.st_ino, status.st_mtime_ns


def leftovers(world: Workdir) -> list[str]:
    return sorted(path.name for path in world.output.glob(".*"))


# Getting it right ----------------------------------------------------------------------------------------


def test_three_nodes_and_a_collect_make_the_result_of_one_machine(both, world, one_machine):
    run = both(input_dir=SAMPLE)
    assert run.finish() == "success"
    assert result(world) == SAMPLE.with_name("regions.expected.csv").read_bytes() == one_machine(SAMPLE)
    assert leftovers(world) == []
    assert (world.output / "Combined.csv").stat().st_uid == os.getuid()
    assert f'"{run.run_id}"' in (world.output / "Combined.report.json").read_text()


# A node is killed ----------------------------------------------------------------------------------------


def kill_container(run: Run) -> None:
    import docker

    def of_the_node() -> object | None:
        wanted = {f"REDUCER_RUN_ID={run.run_id}", "REDUCER_LOW_RUNNER=3"}
        for container in client.containers.list(ignore_removed=True):
            if wanted <= set(container.attrs["Config"]["Env"]):
                return container
        return None

    client = docker.from_env()
    try:
        wait_until("container of the second node", of_the_node).kill()  # type: ignore[attr-defined]
    finally:
        client.close()


def kill_process(run: Run) -> None:
    wanted = {f"REDUCER_RUN_ID={run.run_id}", "REDUCER_LOW_RUNNER=3"}

    def of_the_node() -> int | None:
        for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
            try:
                environment = set((folder / "environ").read_text(errors="replace").split("\0"))
                command = (folder / "cmdline").read_text().split("\0")
            except OSError:
                continue  # it has ended meanwhile, or is not ours
            if wanted <= environment and "reducer.py" in command:
                return int(folder.name)
        return None

    os.kill(wait_until("process of the second node", of_the_node), signal.SIGKILL)


def test_a_killed_node_is_tried_again_and_the_result_is_right(both, world, one_machine):
    slow(world, 3)
    (world.output / "Combined.csv").write_bytes(OLD)
    run = both()
    # Runner 4 is done, runner 3 of the same node is in the middle.
    wait_until("partial of runner 4", lambda: (world.output / ".Combined_4.json").exists() or None)
    assert not (world.output / ".Combined_3.json").exists()
    (kill_container if run.dag == "reducer" else kill_process)(run)
    assert run.finish() == "success"
    tries = {task: of["try_number"] for task, of in run.tasks().items()}
    assert tries == {"reduce_1_to_2": 1, NODE_2: 2, "reduce_5_to_5": 1, "collect": 1}
    assert ("'StatusCode': 137" if run.dag == "reducer" else "exit code -9") in run.log(NODE_2, 1)
    assert result(world) == one_machine(world.input)
    assert leftovers(world) == []


def test_a_file_that_comes_before_the_second_try_of_a_node_makes_collect_reject(hosts, world, one_machine):
    slow(world, 3)
    (world.output / "Combined.csv").write_bytes(OLD)
    run = hosts()
    for runner in (1, 2, 4, 5):
        partial = world.output / f".Combined_{runner}.json"
        wait_until(f"partial of runner {runner}", lambda partial=partial: partial.exists() or None)
    world.csv("Asia Prod 12.csv", KEY, "12.12.12.12")
    kill_process(run)
    assert run.finish() == "failed"
    assert (run.states()[NODE_2], run.tasks()["collect"]["try_number"]) == ("success", 1)
    assert "is from other input (7 splits) than partial '.Combined_1.csv' (6 splits)" in run.log("collect", 1)
    assert result(world) == OLD
    assert run.clear().finish() == "success"
    assert result(world) == one_machine(world.input)


# What cannot be fixed by another try --------------------------------------------------------------------


def test_a_directory_that_is_not_there_fails_the_run_with_the_reducers_words(hosts, world):
    run = hosts(output_dir=world.root / "nowhere")
    assert run.finish() == "failed"
    assert run.states() == {
        "reduce_1_to_2": "failed", NODE_2: "failed", "reduce_5_to_5": "failed", "collect": "upstream_failed",
    }  # fmt: skip
    assert run.tasks()[NODE_2]["try_number"] == 3
    assert "nowhere' does not exist" in run.log(NODE_2, 3)


def test_a_node_that_fails_for_good_fails_the_run_and_is_enough_to_clear_when_it_is_fixed(
    both, world, one_machine
):
    (world.output / "Combined.csv").write_bytes(OLD)
    in_the_way = world.output / ".Combined_3.json" / "folder"
    in_the_way.mkdir(parents=True)
    run = both()
    assert run.finish() == "failed"
    others = {"reduce_1_to_2": "success", "reduce_5_to_5": "success"}
    assert run.states() == others | {NODE_2: "failed", "collect": "upstream_failed"}
    for number in (1, 2, 3):
        log = run.log(NODE_2, number)
        assert "ERROR: " in log
        assert ".Combined_3.json" in log
    assert result(world) == OLD
    in_the_way.rmdir()
    in_the_way.parent.rmdir()
    assert run.clear(NODE_2, "collect").finish() == "success"
    assert run.tasks()["reduce_1_to_2"]["try_number"] == 1
    assert result(world) == one_machine(world.input)


def test_a_rejected_collect_is_not_tried_again_and_says_what_to_do(both, world, one_machine):
    """A file comes, then one node is repeated and collect, as if the others had nothing to do with it."""
    run = both()
    assert run.finish() == "success"
    before = result(world)
    world.csv("Asia Prod 12.csv", KEY, "12.12.12.12")
    assert run.clear(NODE_2, "collect").finish() == "failed"
    assert run.states()[NODE_2] == "success"
    assert run.tasks()["collect"]["try_number"] == 2  # the first was that of the good run
    log = run.log("collect", 2)
    assert "no partial of runner 1, 2, 5 of 5" in log
    assert "run REDUCER_MODE=reduce REDUCER_LOW_RUNNER=1 REDUCER_HIGH_RUNNER=2" in log
    assert "no retry: collect rejected the partials" in log
    assert result(world) == before
    assert run.clear("reduce_1_to_2", "reduce_5_to_5", "collect").finish() == "success"
    assert result(world) == one_machine(world.input) != before


# Clearing and running again ------------------------------------------------------------------------------


@each("tasks", collect=(("collect",),), a_node_and_collect=((NODE_2, "collect"),))
def test_what_is_cleared_after_a_good_run_changes_nothing(hosts, world, tasks):
    run = hosts()
    assert run.finish() == "success"
    before = written(world), result(world)
    assert run.clear(*tasks).finish() == "success"
    assert "is already collected, nothing to do" in run.log("collect", 2)
    assert (written(world), result(world)) == before
    assert leftovers(world) == []


def test_a_whole_run_that_is_cleared_reduces_the_tree_as_it_is_then(hosts, world, one_machine):
    run = hosts()
    assert run.finish() == "success"
    world.csv("Asia Prod 12.csv", KEY, "12.12.12.12")
    assert run.clear().finish() == "success"
    assert b"12.12.12.12" in result(world)
    assert result(world) == one_machine(world.input)


def test_collect_of_an_older_run_is_rejected_and_the_newer_result_stands(hosts, world):
    older = hosts()
    assert older.finish() == "success"
    world.csv("Asia Prod 12.csv", KEY, "12.12.12.12")
    newer = hosts()
    assert newer.finish() == "success"
    after = result(world)
    assert b"12.12.12.12" in after
    assert older.clear("collect").finish() == "failed"
    assert "no partial of runner 1, 2, 3, 4, 5 of 5" in older.log("collect", 2)
    assert result(world) == after


def test_two_runs_triggered_at_once_work_one_after_the_other(hosts, world):
    slow(world, 3)
    first, second = hosts(), hosts()
    wait_until("partial of runner 4", lambda: (world.output / ".Combined_4.json").exists() or None)
    assert second.tasks()["collect"]["start_date"] is None
    assert [first.finish(), second.finish()] == ["success", "success"]
    starts = [task["start_date"] for task in second.tasks().values()]
    assert min(starts) > first.tasks()["collect"]["end_date"]
