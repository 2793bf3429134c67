"""Measures the Reducer and its peers: every workload, every system, one after the other, answers checked.

python -m benchmarks.run                                             everything, at full size
python -m benchmarks.run --scale 0.02 --repetitions 1                a first look
python -m benchmarks.run --workloads narrow,tiny --systems polars,wc --engines pandas,native
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine, make_data, records
from benchmarks.make_data import Data
from benchmarks.measure import Measured, measure
from benchmarks.records import Line
from benchmarks.systems import System, peers, reducers
from benchmarks.workloads import REPOSITORY, Workload, load


class Attempt:
    """What one system did on one workload in all rounds."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.status = "ok"
        self.remark = ""
        self.peak: int | None = None
        self.seconds: list[float] = []
        self.processor_seconds: list[float] = []

    def judge(self, run: Measured, output: Path, data: Data, limit: float) -> None:
        """Note how a run ended; a wrong answer is worth nothing, however fast it came."""
        if not run.in_time:
            self.status, self.remark = "TOO SLOW", f"stopped after {limit:g} s"
        elif run.exit_code != 0 or not self.system.result(output).exists():
            self.status, self.remark = "FAILED", f"exit {run.exit_code}: {run.last_line[:200]}"
        elif not self.system.is_right(output, data):
            self.status, self.remark = "WRONG", "not the right answer"

    @property
    def median(self) -> float | None:
        """The median of its times, if all its answers were right."""
        return statistics.median(self.seconds) if self.status == "ok" and self.seconds else None


def run_workload(
    workload: Workload, data: Data, systems: Sequence[System], asked: argparse.Namespace
) -> list[Attempt]:
    """Measure all systems on one workload: first memory, then `repetitions` rounds of time."""
    attempts = [Attempt(system) for system in systems]
    warm(data.tree)
    for number in range(asked.repetitions + 1):
        for attempt in attempts:
            if attempt.status != "ok":
                continue
            show(f"{workload.name}: {attempt.system.name}, round {number} of {asked.repetitions}")
            with tempfile.TemporaryDirectory(dir=asked.cache) as scratch:
                run = run_once(workload, data, attempt, Path(scratch), asked, memory=number == 0)
            if number == 0:
                attempt.peak = run.peak
            else:
                attempt.seconds.append(run.seconds)
                attempt.processor_seconds.append(run.processor_seconds)
    show("")
    return attempts


def run_once(
    workload: Workload,
    data: Data,
    attempt: Attempt,
    scratch: Path,
    asked: argparse.Namespace,
    *,
    memory: bool,
) -> Measured:
    """Run one system once and check its answer."""
    output = scratch / "output"
    output.mkdir()
    command, variables = attempt.system.call(workload, data, output)
    os.sync()  # or one system waits for the disk to take what another has written
    run = measure(
        command, variables, attempt.system.folder, asked.limit, memory=memory, log=scratch / "printed"
    )
    attempt.judge(run, output, data, asked.limit)
    return run


def warm(tree: Path) -> None:
    """Read all input once, so that nobody is the one who waits for the disk."""
    for path in filter(Path.is_file, tree.rglob("*")):
        with path.open("rb") as file:
            while file.read(1 << 22):
                pass


def lines_of(workload: Workload, scale: float, data: Data, attempts: Sequence[Attempt]) -> list[Line]:
    """Return what is shown and kept of a workload."""
    of_peers = [attempt.median for attempt in attempts if attempt.system.kind == "peer" and attempt.median]
    of_limit = [attempt.median for attempt in attempts if attempt.system.kind == "limit" and attempt.median]
    lines = []
    for attempt in attempts:
        median = attempt.median
        seconds = attempt.seconds if median else [None]
        lines.append(
            Line(
                workload=workload.name,
                scale=scale if workload.folder is None else 1.0,
                input_bytes=data.bytes,
                rows=data.answer.rows,
                system=attempt.system.name,
                version=attempt.system.version,
                status=attempt.status,
                repetitions=len(attempt.seconds),
                median_seconds=median,
                least_seconds=min(seconds),
                most_seconds=max(seconds),
                processor_seconds=statistics.median(attempt.processor_seconds) if median else None,
                peak_bytes=attempt.peak if attempt.status == "ok" else None,
                faster_than_best_peer=min(of_peers) / median if of_peers and median else None,
                times_the_limit=median / of_limit[0] if of_limit and median else None,
                remark=attempt.remark,
            )
        )
    return lines


def print_table(workload: Workload, data: Data, lines: Sequence[Line]) -> None:
    """Print what came out for one workload, the fastest first."""
    print(f"\n{workload.name}: {workload.about}")
    print(f"{data.bytes / 1e6:,.1f} MB in {data.files:,} files, {data.answer.rows:,} rows in the answer")
    print(
        f"  {'system':<20}{'median s':>9}{'least':>9}{'most':>9}{'cpu s':>9}{'MB/s':>8}{'peak MiB':>10}"
        f"{'x best peer':>13}{'x limit':>9}"
    )
    for line in sorted(lines, key=lambda line: (line.median_seconds is None, line.median_seconds)):
        if line.median_seconds is None:
            print(f"  {line.system:<20}{line.status}: {line.remark}")
            continue
        print(
            f"  {line.system:<20}{line.median_seconds:9.3f}{line.least_seconds:9.3f}{line.most_seconds:9.3f}"
            f"{line.processor_seconds:9.3f}{data.bytes / 1e6 / line.median_seconds:8,.0f}"
            f"{line.peak_bytes / 2**20:10,.1f}"
            f"{figure(line.faster_than_best_peer):>13}{figure(line.times_the_limit):>9}",
            flush=True,
        )


def figure(ratio: float | None) -> str:
    """Return a ratio as text."""
    return "" if ratio is None else f"{ratio:.2f}"


def show(doing: str) -> None:
    """Say on a terminal what is being done, on one line that is written over."""
    if sys.stderr.isatty():
        print(f"\r{doing:<78}\r", end="", file=sys.stderr, flush=True)


def names(text: str) -> list[str]:
    """Return the names in a list with commas."""
    return [name for name in text.split(",") if name]


def arguments(about: str) -> argparse.ArgumentParser:
    """Return what the command line may say; the first paragraph of `about` describes it."""
    parser = argparse.ArgumentParser(description=about.partition("\n\n")[0])
    parser.add_argument("--workloads", type=names, help="names with commas (default: all)")
    parser.add_argument("--systems", type=names, help="names of peers and limits with commas (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, help="take only this share of the data")
    parser.add_argument("--repetitions", type=int, default=5, help="timed rounds (%(default)s)")
    parser.add_argument("--limit", type=float, default=300, help="seconds that a run may take (%(default)s)")
    parser.add_argument("--cache", type=Path, default=make_data.DEFAULT_CACHE, help="of data (%(default)s)")
    parser.add_argument(
        "--python",
        type=Path,
        default=REPOSITORY / ".venv/bin/python",
        help="the project's own (%(default)s)",
    )
    parser.add_argument("--record", action=argparse.BooleanOptionalAction, help="(default: at full size)")
    return parser


@dataclass(frozen=True)
class Suite:
    """What can be measured together: workloads by name, peers, ourselves, and how the data are had."""

    workloads: Mapping[str, Any]
    peers: Sequence[System]
    ours: Callable[[argparse.Namespace], Sequence[System]]
    ready: Callable[[Any, argparse.Namespace], Any]


def measure_suite(suite: Suite, parser: argparse.ArgumentParser) -> int:
    """Measure what the command line asks for; 1 if one of ourselves gave no right answer somewhere."""
    asked = parser.parse_args()
    others = {system.name: system for system in suite.peers}
    for chosen, known in ((asked.workloads, suite.workloads), (asked.systems, others)):
        if unknown := set(chosen or ()) - known.keys():
            parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    wanted = asked.systems if asked.systems is not None else list(others)
    ours = suite.ours(asked)
    systems = [*ours, *(others[name] for name in wanted)]
    load_at_start = machine.load()
    if load_at_start > machine.BUSY_FROM:
        print(f"This machine is busy (load {load_at_start:.2f}): the times are not to be trusted.")
    asked.cache.mkdir(parents=True, exist_ok=True)
    kept: list[Line] = []
    for name in asked.workloads or suite.workloads:
        workload = suite.workloads[name]
        show(f"{name}: making data")
        data = suite.ready(workload, asked)
        attempts = run_workload(workload, data, systems, asked)
        lines = lines_of(workload, asked.scale, data, attempts)
        print_table(workload, data, lines)
        kept += lines
    if asked.record or (asked.record is None and asked.scale == 1):
        print(f"\nkept: {records.keep(kept, systems, load_at_start)}")
    us = {system.name for system in ours}
    return int(any(line.status != "ok" and line.system in us for line in kept))


def main() -> int:
    """The command line; 1 if the Reducer gave no right answer somewhere."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--engines", type=names, default=["auto"], help="of the Reducer (default: auto)")
    suite = Suite(
        workloads=load(),
        peers=peers(),
        ours=lambda asked: reducers(asked.engines, asked.python),
        ready=lambda workload, asked: make_data.ready(
            workload, asked.scale, asked.cache, len(os.sched_getaffinity(0))
        ),
    )
    return measure_suite(suite, parser)


if __name__ == "__main__":
    sys.exit(main())
