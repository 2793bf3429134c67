"""The DAG on three Celery workers, each with the queue of one node; PostgreSQL and Redis as in earnest.

Only this checks `queue=`: other executors pay no heed to it.
"""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest
import servers
from live import Airflow, Dags, Run, slow, wait_until
from workdir import ROOT

SAMPLE = ROOT / "task/reducer/regions"


def worker(node: str) -> tuple[str, ...]:
    """The worker of a node, which serves the node's queue only, one task at a time."""
    options = ("-q", f"node-{node}", "-H", f"node-{node}@%h", "-c", "1", "--skip-serve-logs")
    return ("celery", "worker", *options, "--without-gossip", "--without-mingle")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """An Airflow with the workers of the nodes A and C; that of B has not come up."""
    with servers.postgres() as database, servers.redis() as broker:
        dags = Dags(tmp_path_factory.mktemp("celery"))
        dags.environment |= {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{database}",
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
            # A task whose worker is not heard of for so many seconds is given up, and tried again.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        }
        assert dags.run("db", "migrate").returncode == 0
        with Airflow(dags, {}, worker("a"), worker("c")) as running:
            yield running


@pytest.fixture(scope="module")
def workers_b() -> list[int]:
    """The process ids of the workers of node B, one after the other."""
    return []


def has(run: Run, states: dict[str, str | None]) -> bool | None:
    """Whether the tasks stand like this."""
    return {task: state for task, state in run.states().items() if task in states} == states or None


def test_a_node_works_for_its_queue_only_and_the_result_is_that_of_one_machine(
    cluster, workers_b, workdir, one_machine
):
    run = cluster.trigger("reducer_on_hosts", input_dir=SAMPLE, output_dir=workdir.output, checkout=ROOT)
    others_done = {"reduce_1_to_2": "success", "reduce_5_to_5": "success"}
    without_b = others_done | {"reduce_3_to_4": "queued", "collect": None}
    wait_until("success of the nodes A and C", lambda: has(run, without_b))
    partials = sorted(path.name for path in workdir.output.glob(".Combined_*.json"))
    assert partials == [".Combined_1.json", ".Combined_2.json", ".Combined_5.json"]
    workers_b.append(cluster.start(worker("b")))
    assert run.finish() == "success"
    assert (workdir.output / "Combined.csv").read_bytes() == one_machine(SAMPLE)
    assert {task["queue"] for task in run.tasks().values()} == {"node-a", "node-b", "node-c"}


def test_three_nodes_work_at_the_same_time_in_docker(cluster, workers_b, world, image, one_machine):
    assert workers_b, "the worker of node B is started by the first test"
    slow(world, 1, 3, 5)
    run = cluster.trigger("reducer", input_dir=world.input, output_dir=world.output, image=image)
    assert run.finish() == "success"
    assert (world.output / "Combined.csv").read_bytes() == one_machine(world.input)
    tasks = run.tasks()
    reduces = [tasks[task] for task in tasks if task != "collect"]
    assert max(task["start_date"] for task in reduces) < min(task["end_date"] for task in reduces)


def test_a_node_that_is_lost_with_its_worker_is_given_up_and_tried_again_when_it_is_back(
    cluster, workers_b, world, one_machine
):
    slow(world, 3)
    run = cluster.trigger("reducer_on_hosts", input_dir=world.input, output_dir=world.output, checkout=ROOT)
    wait_until("partial of runner 4", lambda: (world.output / ".Combined_4.json").exists() or None)
    worker_b = psutil.Process(workers_b[-1])
    for process in [*worker_b.children(recursive=True), worker_b]:
        process.kill()
    assert not (world.output / ".Combined_3.json").exists()
    wait_until("the loss noticed", lambda: has(run, {"reduce_3_to_4": "queued"}))
    workers_b.append(cluster.start(worker("b")))
    assert run.finish() == "success"
    assert {task: of["try_number"] for task, of in run.tasks().items() if of["try_number"] > 1} == {
        "reduce_3_to_4": 2
    }
    assert (world.output / "Combined.csv").read_bytes() == one_machine(world.input)
