"""Reduce one input tree on several nodes at once, then collect: a DAG for Airflow 3.3 or newer.

To use it: copy this file into your DAGs folder, write your nodes into `NODES`, and trigger it:

    airflow dags trigger reducer --conf '{"input_dir": "/data/in", "output_dir": "/data/out"}'

Every node must see the same input tree and output directory under these paths (a shared file system). Where
nodes have no Docker, write `IN_DOCKER = False` and keep a checkout of the Reducer on each, made ready by
`make setup`, under the path of the parameter `checkout`.

When something goes wrong, the Reducer's own last message stands in the log of the task, and:

- A node fails or dies: its task is tried again alone and overwrites its own partials; the others keep theirs.
  If it fails for good, the run fails and the old `Combined.csv` stands. Fix the node, then clear its task.
- Collect is repeated, as a retry or cleared after a success: it finds the run complete and changes nothing.
- Collect rejects the partials (exit code 5): one is missing or nodes saw different files; a retry can't
  help and is not done. Clear the tasks of the runners that it names; if files have changed, the whole run.
- The whole run is cleared, or a new one triggered: the tree is reduced as it is then.
- Two runs wait for each other (`max_active_runs`). Give each DAG an output directory of its own: partials of
  another run are rejected, never mixed, but two DAGs would overwrite each other's.
- A worker was killed outright: Docker may go on with its container. Stop that one before you clear the task;
  otherwise the two disturb each other, and collect may reject them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from airflow.providers.docker.operators.docker import DockerOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import BaseOperator, Param, RetryDecision, RetryPolicy, dag
from docker.types import Mount


class Node(NamedTuple):
    """A machine: the Airflow queue that its worker serves, and how many runners (processors) it gives."""

    queue: str
    runners: int


NODES = [Node("node-a", 2), Node("node-b", 2), Node("node-c", 1)]
IN_DOCKER = True

PARAMS = {
    "input_dir": Param("/data/in", type="string", pattern="^/", description="the input tree, on every node"),
    "output_dir": Param("/data/out", type="string", pattern="^/", description="for Combined.csv; must exist"),
    "image": Param("reducer:latest", type="string", description="with Docker: made by misc/do_build.sh"),
    "checkout": Param("/opt/reducer", type="string", pattern="^/", description="without Docker: a checkout"),
}

# Exit codes after which another try would end the same way, or hide what strict mode found.
IN_VAIN = {
    3: "the configuration is invalid",
    5: "collect rejected the partials",
    7: "strict mode found something",
}


class RetryUnlessInVain(RetryPolicy):
    """Retries what may pass, such as a lost node or a full disk."""

    def evaluate(self, exception: BaseException, **_: object) -> RetryDecision:
        """Decide by the exit code, which both operators give in their message only."""
        code = re.search(r"(?:'StatusCode': |exit code )(\d+)", str(exception))
        reason = IN_VAIN.get(int(code[1])) if code else None
        return RetryDecision.fail(f"no retry: {reason}, see above") if reason else RetryDecision.default()


def shares(nodes: Iterable[Node]) -> Iterator[tuple[str, int, int]]:
    """Yield the queue and the first and last runner of each node; together they are 1 to the sum of all."""
    low = 1
    for queue, runners in nodes:
        yield queue, low, low + runners - 1
        low += runners


def reducer_task(task_id: str, queue: str, **variables: object) -> BaseOperator:
    """Return a task that runs the Reducer with these `REDUCER_` variables, in Docker or without."""
    settings = {
        "RUN_ID": "{{ run_id }}",  # stays the same when tasks are retried or cleared
        "RUNNERS_QTY": sum(node.runners for node in NODES),
        **variables,
    }
    environment = {f"REDUCER_{name}": str(value) for name, value in settings.items()}
    common: dict[str, Any] = {
        "task_id": task_id,
        "queue": queue,
        "retries": 2,  # after default_task_retry_delay of airflow.cfg, 5 minutes
        "retry_policy": RetryUnlessInVain(),
        "execution_timeout": timedelta(hours=6),
        "do_xcom_push": False,
    }
    if not IN_DOCKER:
        directories = {
            "REDUCER_INPUT_DIR": "{{ params.input_dir }}",
            "REDUCER_OUTPUT_DIR": "{{ params.output_dir }}",
        }
        return BashOperator(
            bash_command="exec .venv/bin/python reducer.py",
            cwd="{{ params.checkout }}",
            env=environment | directories,
            append_env=True,
            **common,
        )
    return DockerOperator(  # of the daemon that the worker's DOCKER_HOST names, or else the local one
        image="{{ params.image }}",
        environment=environment,
        mounts=[
            Mount("/app/inbound", "{{ params.input_dir }}", type="bind", read_only=True),
            Mount("/app/outbound", "{{ params.output_dir }}", type="bind"),
        ],
        mount_tmp_dir=False,
        user=f"{os.getuid()}:{os.getgid()}",  # results belong to the worker's user
        auto_remove="force",
        **common,
    )


@dag(schedule=None, catchup=False, max_active_runs=1, params=PARAMS, tags=["reducer"], doc_md=__doc__)
def reducer() -> None:
    """Reduce on every node, then collect."""
    # A loop, not mapped tasks: those ignore a queue of their own without a word.
    reduces = [
        reducer_task(f"reduce_{low}_to_{high}", queue, MODE="reduce", LOW_RUNNER=low, HIGH_RUNNER=high)
        for queue, low, high in shares(NODES)
    ]
    reduces >> reducer_task("collect", NODES[0].queue, MODE="collect")


reducer()
