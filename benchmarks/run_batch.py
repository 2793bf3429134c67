"""Measures `host-processor batch` and its peers: every question, every system in turn, answers checked.

python -m benchmarks.run_batch                                           everything, at full size
python -m benchmarks.run_batch --scale 0.02 --repetitions 1              a first look
python -m benchmarks.run_batch --workloads hour --systems grep,duckdb
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from benchmarks import run
from benchmarks.log_workloads import LOG_NAME, LogData, LogWorkload, load, ready
from benchmarks.make_logs import ASKED
from benchmarks.systems import System, peers
from benchmarks.workloads import REPOSITORY

PEERS = Path(__file__).resolve().parent / "peers" / "batch"


class Asked(System):
    """A system that is asked whom Aadvik connected to: LOG RESULT HOST START END."""

    def call(self, workload: LogWorkload, data: LogData, output: Path) -> tuple[list[str], dict[str, str]]:
        """Return the command line and the environment that answer, with the result in `output`."""
        moments = [str(workload.start_ms), str(workload.end_ms)]
        log, result = str(data.tree / LOG_NAME), str(self.result(output))
        return [*self.command, log, result, ASKED.decode(), *moments], self.environment()

    def is_right(self, output: Path, data: LogData) -> bool:
        """Return whether the last line of the result is right; the limit has only counted lines."""
        last_line = self.result(output).read_text().splitlines()[-1]
        if self.kind == "limit":
            return int(last_line) == data.lines
        return last_line == ",".join(data.answer.names)


def ourselves(python: Path) -> System:
    """Return the Host processor, started by a shell that sends its answer to the result."""
    program = shlex.quote(str(python)) + " -m reduction.hosts"
    shown = subprocess.run(
        [python, "-m", "reduction.hosts", "--version"], capture_output=True, text=True, check=True
    )
    script = f'exec {program} batch -f "$1" -H "$3" -s "$4" -e "$5" >"$2"'
    return Asked("host-processor", "reducer", ("sh", "-c", script, "sh"), REPOSITORY, shown.stdout.strip())


def main() -> int:
    """The command line; 1 if the Host processor gave no right answer somewhere."""
    suite = run.Suite(
        workloads=load(),
        peers=peers(PEERS, Asked),
        ours=lambda asked: [ourselves(asked.python)],
        ready=lambda workload, asked: ready(workload, asked.scale, asked.cache),
    )
    return run.measure_suite(suite, run.arguments(__doc__ or ""))


if __name__ == "__main__":
    sys.exit(main())
