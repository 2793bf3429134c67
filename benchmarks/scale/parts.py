"""Measures what the simulation is given: the listing of a large tree, and real runs of many nodes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import make_data
from benchmarks.scale import model
from benchmarks.systems import System, answer_in
from benchmarks.workloads import REPOSITORY, load

_FILES_A_FOLDER = 5000


class WrongAnswer(Exception):
    """A real run of many nodes did not give the right bytes; its figures are worth nothing."""


def listing(objects: int, cache: Path) -> dict[str, float]:
    """List a tree of so many files in a process of its own; seconds and bytes of memory for each split."""
    with tempfile.TemporaryDirectory(dir=cache) as name:
        tree = Path(name)
        sizes = model.sizes_of({"kind": "lognormal", "parameter": 1.0}, objects, objects * 1e7).tolist()
        for number, size in enumerate(sizes):
            folder = tree / f"{number // _FILES_A_FOLDER:06}"
            if number % _FILES_A_FOLDER == 0:
                folder.mkdir()
            descriptor = os.open(folder / f"Asia Prod {number}.csv", os.O_CREAT | os.O_WRONLY)
            os.truncate(descriptor, size)  # takes no room on the disk
            os.close(descriptor)
        command = [sys.executable, "-m", "benchmarks.scale.parts", str(tree)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def look_at(tree: str) -> dict[str, float]:
    """List `tree` and deal it out to 800 runners, of which this node has 16; figures for each split."""
    from reduction.pipeline import discovery

    before = _resident_bytes()
    started = time.perf_counter()
    found = discovery.find(tree)
    listed = time.perf_counter()
    found.fingerprint()
    for runner in range(1, 17):
        found.share_of(runner, 800)
    dealt = time.perf_counter()
    splits = len(found.splits)
    return {
        "units_listed": splits,
        "listed_seconds_a_unit": (listed - started) / splits,
        "dealt_seconds_a_unit": (dealt - listed) / splits,
        "memory_bytes_a_unit": (_resident_bytes() - before) / splits,
    }


def many_nodes(run: Mapping[str, Any], cache: Path, scale: float) -> dict[str, Any]:
    """Reduce a workload with so many nodes, one after the other, and collect; the answer must be right.

    Raises `WrongAnswer`, or CalledProcessError if a node or the collect fails.
    """
    data = make_data.ready(load()[run["workload"]], scale, cache, len(os.sched_getaffinity(0)))
    runners = run["nodes"] * run["runners_a_node"]
    with tempfile.TemporaryDirectory(dir=cache) as name:
        output = Path(name)
        call = _Call(data.tree, output, runners)
        nodes = [
            call.seconds(
                "reduce",
                REDUCER_LOW_RUNNER=str(node * run["runners_a_node"] + 1),
                REDUCER_HIGH_RUNNER=str((node + 1) * run["runners_a_node"]),
            )
            for node in range(run["nodes"])
        ]
        partials = [path.stat().st_size for path in output.glob(".Combined_*.csv")]
        manifests = [path.stat().st_size for path in output.glob(".Combined_*.json")]
        collect = call.seconds("collect")
        if answer_in(output / "Combined.csv") != data.answer:
            raise WrongAnswer(f"{run['workload']} on {run['nodes']} nodes")
        result = (output / "Combined.csv").stat().st_size
    return {
        "workload": run["workload"],
        "nodes": run["nodes"],
        "runners": runners,
        "files": data.files,
        "bytes": data.bytes,
        "rows_of_result": data.answer.rows,
        "node_seconds_median": sorted(nodes)[len(nodes) // 2],
        "node_seconds_most": max(nodes),
        "partials_bytes": sum(partials),
        "manifest_bytes_most": max(manifests),
        "collect_seconds": collect,
        "merged_bytes_a_second": sum(partials) / collect,
        "bytes_a_row": result / data.answer.rows,
    }


def scan_rate(cache: Path, scale: float) -> float:
    """Return how many bytes of 12 columns one runner takes a second, the start of the program included."""
    data = make_data.ready(load()["wide"], scale, cache, len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory(dir=cache) as name:
        call = _Call(data.tree, Path(name), 1)
        return data.bytes / min(call.seconds("reduce_collect") for _ in range(3))


class _Call:
    """Calls the Reducer on one tree with so many runners in all."""

    def __init__(self, tree: Path, output: Path, runners: int) -> None:
        self._variables = System.environment() | {
            "REDUCER_INPUT_DIR": str(tree),
            "REDUCER_OUTPUT_DIR": str(output),
            "REDUCER_RUNNERS_QTY": str(runners),
            "LOG_LEVEL": "WARNING",
        }

    def seconds(self, mode: str, **variables: str) -> float:
        """Return the wall time of one call; raises CalledProcessError if it fails."""
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "reducer.py"],
            cwd=REPOSITORY,
            env=self._variables | {"REDUCER_MODE": mode} | variables,
            check=True,
        )
        return time.perf_counter() - started


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(json.dumps(look_at(sys.argv[1])))
