"""A small world for tests: a folder with input files, from which the application is run as a real process.

`Workdir` makes files and sets variables; a run gives an `Outcome`. Each outcome prints its story (variables,
exit code, both streams, folder listing), which pytest shows when the test fails.

Not here: what is right. That belongs to the tests.
"""

import csv
import gc
import io
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from reduction import engines

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds after which a process counts as hanging
KEY = "Source IP"

REQUIRED_ENGINES = os.environ.get("REDUCTION_REQUIRE_ENGINES", "").split(",")


def engine_param(name: str) -> Any:
    """An engine to test: skipped where it is not installed, unless it is required to be."""
    missing = not engines.is_installed(name) and name not in REQUIRED_ENGINES
    return pytest.param(name, marks=pytest.mark.skipif(missing, reason=f"engine {name} is not installed"))


TESTED = [name for name in engines.NAMES if name not in (engines.AUTO, "spark")]
if engines.is_installed("spark"):  # in an environment of its own: `make test-spark`
    TESTED.append("spark")

each_engine = pytest.mark.parametrize("engine", [engine_param(name) for name in TESTED])


def each(*names: str, **table: tuple[object, ...]) -> pytest.MarkDecorator:
    """One test for each row of a table; the row's name ends up in the test's."""
    return pytest.mark.parametrize(names, [pytest.param(*row, id=name) for name, row in table.items()])


class Workdir:
    """One test's folder: `input` to fill, `output` to look at, and the variables for the next run."""

    def __init__(self, root: Path):
        self.root = root
        self.input = root / "input"
        self.output = root / "output"
        self.input.mkdir()
        self.output.mkdir()
        self.variables: dict[str, str] = {}
        self.processes: list[Running] = []
        self.passing: list[Path] = []
        self.set(input_dir=self.input, output_dir=self.output, engine="reference", runners=1)

    def csv(self, name: str, *lines: str, end: str = "\n") -> Path:
        """An input file of these lines, each ended with `end`."""
        return self.file(name, "".join(line + end for line in lines))

    def file(self, name: str, content: str | bytes) -> Path:
        """An input file of exactly this content."""
        path = self.input / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def big(self, name: str, rows: int = 3_000_000) -> Path:
        """An input file that takes its time to read; it does not outlive the test."""
        lines = "".join(f"10.{n >> 8}.{n & 255}.1,1\n" for n in range(10_000))
        path = self.file(name, "Source IP,Count\n" + lines * (rows // 10_000))
        self.passing.append(path)
        return path

    def set(self, **variables: object) -> None:
        """Sets variables for every run to come; see `named`."""
        self.variables = merged(self.variables, variables)

    def reduce(self, *options: str, **how: Any) -> "Outcome":
        """Runs `python reducer.py` to its end; `how` is that of `start`. Spark: in this process."""
        if how.get("engine") == "spark":
            return in_this_process(self, options, how | {"runners": 1})
        return self.start("reducer.py", *options, **how).finish()

    def run_one(self, runner_id: object, *options: str, **how: Any) -> "Outcome":
        """Runs `python runner.py ID` to its end."""
        return self.start("runner.py", str(runner_id), *options, **how).finish()

    def start(
        self,
        script: str = "reducer.py",
        *options: str,
        cwd: Path | None = None,
        before: Callable[[], object] | None = None,
        **variables: object,
    ) -> "Running":
        """Starts the application without waiting; `before` is called in the child before it begins."""
        settings = merged(self.variables, variables)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("REDUCER_") and k != "LOG_LEVEL"}
        process = subprocess.Popen(
            [sys.executable, str(ROOT / script), *options],
            cwd=cwd or self.root,
            env=inherited | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            start_new_session=True,
            preexec_fn=before,  # noqa: PLW1509 - no threads of ours hold locks that the child could need
        )
        output = Path(settings.get("REDUCER_OUTPUT_DIR", self.output))
        running = Running(process, [script, *options], settings, self.root, output)
        self.processes.append(running)
        return running

    def close(self) -> None:
        """Leaves no process behind, whatever became of the test."""
        for running in self.processes:
            running.stop()
        for path in self.passing:
            path.unlink(missing_ok=True)


def in_this_process(world: Workdir, options: tuple[str, ...], variables: dict[str, Any]) -> "Outcome":
    """Runs the controller here, on the one Spark session of this process: starting another takes seconds."""
    from spark_world import session

    from reduction.app import controller

    session()
    settings = merged(world.variables, variables)
    handlers = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("REDUCER_") and k != "LOG_LEVEL"}
    logger = logging.getLogger("reduction")
    before = logger.handlers, logger.level, logger.propagate
    said = io.StringIO()
    try:
        with patch.dict(os.environ, inherited | settings, clear=True), redirect_stderr(said):
            exit_code = controller.main(options)
    finally:
        logger.handlers, logger.level, logger.propagate = before
        gc.unfreeze()
        for number, handler in handlers:
            signal.signal(number, handler)
    process = SimpleNamespace(returncode=exit_code, pid=os.getpid())
    output = Path(settings["REDUCER_OUTPUT_DIR"])
    ended: Any = SimpleNamespace(
        process=process, said=[said.getvalue()], command=["reducer.py", *options], variables=settings,
        root=world.root, output=output,
    )  # fmt: skip
    outcome = Outcome(ended, "")
    sys.stdout.write(f"{outcome!r}\n")
    return outcome


def host_processor(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs `host-processor` to its end."""
    command = [sys.executable, "-m", "reduction.hosts", *map(str, arguments)]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    sys.stdout.write(f"{outcome!r}\n")
    return outcome


def named(key: str) -> str:
    """`batch_size` → `REDUCER_BATCH_SIZE`; `runners`, `low`, `high` are short for the long names."""
    short = {"runners": "runners_qty", "low": "low_runner", "high": "high_runner"}
    return "LOG_LEVEL" if key == "log_level" else f"REDUCER_{short.get(key, key)}".upper()


def merged(variables: dict[str, str], changes: dict[str, object]) -> dict[str, str]:
    """The variables with the changes made; None takes one away."""
    both = variables | {named(key): value for key, value in changes.items()}
    return {key: str(value) for key, value in both.items() if value is not None}


@dataclass
class Running:
    """A started application, whose log can be waited for."""

    process: subprocess.Popen[str]
    command: list[str]
    variables: dict[str, str]
    root: Path
    output: Path

    def __post_init__(self) -> None:
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stderr
        with suppress(ValueError):  # closed by stop()
            for line in self.process.stderr:
                self.said.append(line)
                self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, text: str) -> str:
        """The next line on standard error that contains the text."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"{self.command} did not say {text!r} in {PATIENCE} s, but: {''.join(self.said)}")
            if line is None:
                pytest.fail(f"{self.command} ended without saying {text!r}, but: {''.join(self.said)}")
            if text in line:
                return line

    def signal_group(self, number: signal.Signals) -> None:
        """What a terminal or a container does: the signal goes to the controller and all its children."""
        os.killpg(self.process.pid, number)

    def finish(self) -> "Outcome":
        """Waits for the end."""
        try:
            self.process.wait(timeout=PATIENCE)
            self._listener.join(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            pytest.fail(f"{self.command} was not done in {PATIENCE} s and said: {''.join(self.said)}")
        assert self.process.stdout
        outcome = Outcome(self, self.process.stdout.read())
        sys.stdout.write(f"{outcome!r}\n")
        return outcome

    def stop(self) -> None:
        """Kills what still runs and closes the pipes."""
        with suppress(ProcessLookupError):
            self.signal_group(signal.SIGKILL)
        self.process.wait(timeout=PATIENCE)
        self._listener.join(timeout=PATIENCE)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


class Outcome:
    """How a run ended, and what was in the output directory at that moment."""

    def __init__(self, running: Running, stdout: str):
        self.exit_code = running.process.returncode
        self.pid = running.process.pid
        self.stdout = stdout
        self.stderr = "".join(running.said)
        self.command = running.command
        self.variables = running.variables
        self.listing = sorted(listed(running.root))
        output = running.output
        self.combined_bytes = content(output / "Combined.csv")
        report = content(output / "Combined.report.json")
        self.report = json.loads(report.decode()) if report else None
        self.leftovers = sorted(path.name for path in output.glob(".Combined*"))

    @property
    def combined(self) -> list[tuple[str, ...]] | None:
        """The rows of Combined.csv below its header; None without a Combined.csv."""
        if self.combined_bytes is None:
            return None
        header, *rows = csv.reader(io.StringIO(self.combined_bytes.decode(), newline=""))
        assert header == ["Source IP", "Environment"]
        return [tuple(row) for row in rows]

    @property
    def addresses(self) -> list[str]:
        """The addresses of Combined.csv in its order; none without it."""
        return [row[0] for row in self.combined or []]

    @property
    def ignored(self) -> dict[str, str]:
        """Path → reason, from the report; a folder may be written with or without its last slash."""
        return {entry["path"].rstrip("/"): entry["reason"] for entry in self.report["files"]["ignored"]}

    @property
    def rejected(self) -> dict[str, int]:
        """Reason → rows, from the report."""
        return self.report["rows"]["rejected"]

    def __repr__(self) -> str:
        settings = [f"{name}={value}" for name, value in sorted(self.variables.items())]
        return "\n".join([
            f"$ {' '.join(settings)} python {' '.join(self.command)}",
            f"exit code {self.exit_code}",
            f"--- standard output\n{self.stdout}",
            f"--- standard error\n{self.stderr}",
            "--- folder",
            *self.listing,
        ])  # fmt: skip


def content(path: Path) -> bytes | None:
    """The bytes of a file; None if there is none."""
    return path.read_bytes() if path.is_file() else None


def listed(folder: Path) -> Iterator[str]:
    """Every file below the folder with its size."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            yield f"{path.lstat().st_size:>10} {str(path.relative_to(folder))!r}"


@pytest.fixture
def workdir(tmp_path: Path) -> Iterator[Workdir]:
    """A fresh world for one test."""
    world = Workdir(tmp_path)
    yield world
    world.close()


OLD = [("1.1.1.1", "Asia Prod")]


@pytest.fixture
def with_result(workdir: Workdir) -> Workdir:
    """A world in which a run has succeeded: there is a result to lose."""
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1")
    assert workdir.reduce().combined == OLD
    return workdir
