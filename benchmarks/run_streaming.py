"""Measures `host-processor streaming` and its peers on finished logs, each on one processor, answers checked.

python -m benchmarks.run_streaming                                        everything, at full size
python -m benchmarks.run_streaming --scale 0.02 --repetitions 1           a first look
python -m benchmarks.run_streaming --workloads day --systems awk,duckdb
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import log_workloads, run
from benchmarks.log_workloads import LOG_NAME, LogWorkload
from benchmarks.make_logs import ASKED
from benchmarks.systems import System, peers
from benchmarks.workloads import HERE, REPOSITORY

PEERS = HERE / "peers" / "streaming"


@dataclass(frozen=True)
class Windows:
    """The right answer: a line for each hour, as peers/streaming/peers.toml describes."""

    lines: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many hours there are."""
        return len(self.lines)


@dataclass(frozen=True)
class StreamData:
    """A log in a folder of its own, and the right answer."""

    tree: Path
    bytes: int
    lines: int
    answer: Windows
    files: int = 1


class Asked(System):
    """A system that reports every hour: LOG RESULT HOST."""

    def call(self, workload: LogWorkload, data: StreamData, output: Path) -> tuple[list[str], dict[str, str]]:
        """Return the command line and the environment that answer, with the result in `output`."""
        del workload
        log, result = str(data.tree / LOG_NAME), str(self.result(output))
        return [*self.command, log, result, ASKED.decode()], self.environment()

    def is_right(self, output: Path, data: StreamData) -> bool:
        """Return whether the result is the right answer; the limit has only counted lines."""
        lines = self.result(output).read_text().splitlines()
        if self.kind == "limit":
            return int(lines[0]) == data.lines
        if self.kind == "reducer":
            lines = [as_peers_write(line) for line in lines]
        return lines == list(data.answer.lines)


def as_peers_write(line: str) -> str:
    """Return a report as the line that peers write of an hour."""
    report = json.loads(line)
    busiest = report["busiest"]
    hosts = (",".join(names) for names in (busiest["hosts"], report["outgoing"], report["incoming"]))
    return "\t".join(map(str, (report["window_start"], report["lines"], busiest["connections"], *hosts)))


def ourselves(python: Path) -> System:
    """Return the Host processor; the log is followed, because a folder's would be moved away."""
    program = shlex.quote(str(python)) + " -m reduction.hosts"
    shown = subprocess.run(
        [python, "-m", "reduction.hosts", "--version"], capture_output=True, text=True, check=True
    )
    options = "--once --clock event -t 3600 --format json"
    script = f'exec {program} streaming {options} --follow "$1" -H "$3" --output "$2"'
    command = ("taskset", "-c", "0", "sh", "-c", script, "sh")
    return Asked("host-processor", "reducer", command, REPOSITORY, shown.stdout.strip())


def ready(workload: LogWorkload, scale: float, cache: Path) -> StreamData:
    """Return the log of a workload; the right answer came from the plain loop, once."""
    made = log_workloads.ready(workload, scale, cache)
    loop = PEERS / "use_python.py"
    right = made.tree.parent / "windows.tsv"
    if not right.exists():
        fresh = right.with_suffix(".new")
        subprocess.run([sys.executable, loop, made.tree / LOG_NAME, fresh, ASKED.decode()], check=True)
        fresh.rename(right)
    return StreamData(made.tree, made.bytes, made.lines, Windows(tuple(right.read_text().splitlines())))


def main() -> int:
    """The command line; 1 if the Host processor gave no right answer somewhere."""
    suite = run.Suite(
        workloads=log_workloads.load(HERE / "stream_workloads.toml"),
        peers=peers(PEERS, Asked),
        ours=lambda asked: [ourselves(asked.python)],
        ready=lambda workload, asked: ready(workload, asked.scale, asked.cache),
    )
    return run.measure_suite(suite, run.arguments(__doc__ or ""))


if __name__ == "__main__":
    sys.exit(main())
