"""Keeps what was measured: a table as CSV, and beside it a text that says where and with what."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path

from benchmarks import machine
from benchmarks.systems import System
from benchmarks.workloads import HERE

RECORD = HERE / "record"


@dataclass(frozen=True)
class Line:
    """What one system did on one workload; figures are empty where there is none.

    `faster_than_best_peer` is 2 if the best peer takes twice as long; `times_the_limit` is 3 if the limit
    takes a third.
    """

    workload: str
    scale: float
    input_bytes: int
    rows: int
    system: str
    version: str
    status: str  # ok, WRONG, FAILED, TOO SLOW
    repetitions: int
    median_seconds: float | None
    least_seconds: float | None
    most_seconds: float | None
    processor_seconds: float | None
    peak_bytes: int | None
    faster_than_best_peer: float | None
    times_the_limit: float | None
    remark: str


def keep(lines: Sequence[Line], systems: Sequence[System], load_at_start: float, into: Path = RECORD) -> Path:
    """Write a record of today; one that is there is not replaced."""
    folder = into / machine.folder_name()
    folder.mkdir(parents=True, exist_ok=True)
    today = date.today().isoformat()
    names = [today, *(f"{today}-{number}" for number in range(2, 1000))]
    path = next(path for name in names if not (path := folder / f"{name}.csv").exists())
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Line)], lineterminator="\n")
        table.writeheader()
        table.writerows(_rounded(line) for line in lines)
    facts = machine.description(load_at_start) | {system.name: system.version for system in systems}
    path.with_suffix(".txt").write_text("".join(f"{name}: {value}\n" for name, value in facts.items()))
    return path


def _rounded(line: Line) -> dict[str, object]:
    return {
        name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(line).items()
    }


def read(path: Path) -> list[dict[str, str]]:
    """Return the lines of a record."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def newest(folder: Path = RECORD) -> Path:
    """Return the newest record; raises `FileNotFoundError` if there is none."""
    found = sorted(folder.glob("*/*.csv"), key=lambda path: (path.name[:10], path.stat().st_mtime))
    if not found:
        raise FileNotFoundError(f"no record below '{folder}'")
    return found[-1]
