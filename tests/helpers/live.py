"""A real Airflow for tests: its folder with the DAGs, its processes, and its REST interface."""

from __future__ import annotations

import bz2
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from workdir import KEY, ROOT, Workdir

EXAMPLE = ROOT / "misc" / "airflow_use_example.py"
COMMAND = Path(sys.executable).with_name("airflow")
PATIENCE = 120.0  # seconds after which something counts as hanging
Found = TypeVar("Found")


def wait_until(what: str, ask: Callable[[], Found | None]) -> Found:
    """Ask again and again until there is an answer; fails when that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (answer := ask()) is not None:
            return answer
        time.sleep(0.1)  # between two questions; nothing relies on it
    pytest.fail(f"in {PATIENCE} s there was no {what}")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def slow(world: Workdir, *runners: int) -> None:
    """Gives these of five runners work for some seconds; nothing unpacks bzip2 quickly.

    Files are dealt out from the largest to the smallest, so the runners before have larger ones, which are
    plain and read at once.
    """
    draw = random.Random(1).randrange
    rows = "".join(f"{draw(1, 224)}.{draw(256)}.{draw(256)}.{draw(256)}\n" for _ in range(100_000))
    packed = bz2.compress(KEY.encode() + b"\n") + bz2.compress(rows.encode()) * 60
    row, one_more = b"1.1.1.1\n", bz2.compress(b"1.1.1.1\n")
    for runner in range(1, max(runners) + 1):
        more = max(runners) - runner
        content = packed + one_more * more
        if runner not in runners:
            head = KEY.encode() + b"\n"
            count, blank_lines = divmod(len(content) - len(head), len(row))
            content = head + row * count + b"\n" * blank_lines
        world.file(f"Asia Prod {runner}.csv", content)


def changed(text: str, before: str, after: str) -> str:
    """The text with one place changed, as a user would do it."""
    assert text.count(before) == 1
    return text.replace(before, after)


class Dags:
    """A folder for Airflow, with the example twice: `reducer` as it is, `reducer_on_hosts` without Docker."""

    def __init__(self, root: Path) -> None:
        self.root = root
        dags = root / "dags"
        dags.mkdir()
        text = EXAMPLE.read_text()
        (dags / "reducer.py").write_text(text)
        text = changed(text, "IN_DOCKER = True", "IN_DOCKER = False")
        (dags / "hosts.py").write_text(changed(text, "@dag(", '@dag("reducer_on_hosts", '))
        own = {name: value for name, value in os.environ.items() if not name.startswith("REDUCER_")}
        own.pop("PYTHONPATH", None)  # where these tests find the Reducer; Airflow does not
        self.environment = own | {
            "AIRFLOW_HOME": str(root),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
        }

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `airflow` to its end."""
        done = subprocess.run(
            [COMMAND, *arguments],
            env=self.environment | environment,
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        sys.stdout.write(f"$ airflow {' '.join(arguments)}\n{done.stdout}\nexit code {done.returncode}\n")
        return done


class Airflow:
    """The processes of one Airflow, started and stopped by `with`, and what one can ask of it."""

    services: tuple[tuple[str, ...], ...] = (("api-server",), ("scheduler",), ("dag-processor",))

    def __init__(self, dags: Dags, settings: dict[str, str], *more: tuple[str, ...]) -> None:
        port = free_port()
        self.root = dags.root
        self.url = f"http://127.0.0.1:{port}"
        self.environment = dags.environment | {
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "of-no-worth-outside-of-these-tests",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
            **settings,
        }
        self.commands = self.services + more
        self.processes: list[tuple[subprocess.Popen[bytes], Path]] = []
        self.session = requests.Session()
        self.runs = 0

    def __enter__(self) -> Airflow:
        try:
            for command in self.commands:
                self.start(command)
            wait_until("healthy Airflow", self._health)
            answer = self.session.get(f"{self.url}/auth/token", timeout=PATIENCE)
            self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            for dag in ("reducer", "reducer_on_hosts"):
                wait_until(f"DAG {dag}", lambda dag=dag: self._unpaused(dag))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()
        for process, _ in self.processes:
            process.terminate()
        for process, _ in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            with suppress(ProcessLookupError):  # what it left behind, and itself if it would not end
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=20)

    def start(self, command: tuple[str, ...]) -> int:
        """Starts one more process, which ends with the others; returns its id."""
        path = self.root / f"process-{len(self.processes)}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [COMMAND, *command],
                env=self.environment,
                cwd=self.root,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append((process, path))
        return process.pid

    def _health(self) -> bool | None:
        for process, log in self.processes:
            if process.poll() is not None:
                pytest.fail(f"{process.args} ended with {process.returncode}: {log.read_text()[-2000:]}")
        try:
            health = self.session.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
        except requests.RequestException:
            return None
        parts = ("metadatabase", "scheduler", "dag_processor")
        return all(health[part]["status"] == "healthy" for part in parts) or None

    def _unpaused(self, dag: str) -> bool | None:
        answer = self.session.patch(
            f"{self.url}/api/v2/dags/{dag}", json={"is_paused": False}, timeout=PATIENCE
        )
        return answer.ok or None

    def ask(self, method: str, path: str, **how: Any) -> Any:
        """What the REST interface answers."""
        answer = self.session.request(method, f"{self.url}/api/v2/{path}", timeout=PATIENCE, **how)
        assert answer.ok, f"{answer.status_code} {answer.text}"
        return answer.json()

    def trigger(self, dag: str, **params: object) -> Run:
        """Starts a run without waiting for it."""
        self.runs += 1
        run_id = f"test-{self.runs}"
        conf = {name: str(value) for name, value in params.items()}
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        self.ask("POST", f"dags/{dag}/dagRuns", json=body)
        return Run(self, dag, run_id)


class Run:
    """One run of a DAG."""

    def __init__(self, airflow: Airflow, dag: str, run_id: str) -> None:
        self.airflow = airflow
        self.dag = dag
        self.run_id = run_id
        self.path = f"dags/{dag}/dagRuns/{run_id}"

    def finish(self) -> str:
        """Waits for the end and returns the state; the test's output gets the log of every task."""
        state = wait_until(f"end of {self.run_id}", self._ended)
        for task, instance in self.tasks().items():
            sys.stdout.write(f"--- {self.run_id} {task}: {instance['state']}, try {instance['try_number']}\n")
            for number in range(1, instance["try_number"] + 1):
                sys.stdout.write(f"{self.log(task, number)}\n")
        return state

    def _ended(self) -> str | None:
        state = self.airflow.ask("GET", self.path)["state"]
        return state if state in ("success", "failed") else None

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Task → what Airflow knows of it, such as `state` and `try_number`."""
        answer = self.airflow.ask("GET", f"{self.path}/taskInstances")
        return {instance["task_id"]: instance for instance in answer["task_instances"]}

    def states(self) -> dict[str, str]:
        """Task → how it ended."""
        return {task: instance["state"] for task, instance in self.tasks().items()}

    def log(self, task: str, number: int) -> str:
        """The log of one try of a task, as the user interface shows it."""
        path = f"{self.path}/taskInstances/{task}/logs/{number}?full_content=true"
        content = self.airflow.ask("GET", path, headers={"Accept": "application/json"})["content"]
        return "\n".join(line if isinstance(line, str) else " ".join(_as_text(line)) for line in content)

    def clear(self, *tasks: str) -> Run:
        """Lets these tasks run once more, or all, as the button does."""
        body: dict[str, Any] = {"dry_run": False, "only_failed": False, "dag_run_id": self.run_id}
        if tasks:
            body["task_ids"] = tasks
        self.airflow.ask("POST", f"dags/{self.dag}/clearTaskInstances", json=body)
        return self


def _as_text(line: dict[str, Any]) -> Iterator[str]:
    yield line["event"]
    yield line.get("reason", "")
    for error in line.get("error_detail") or []:
        yield f"{error['exc_type']}: {error['exc_value']}"
