"""Reads log_workloads.toml, and keeps the logs that it asks for."""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.make_logs import ASKED, FIRST_MS, Log, Met, make
from benchmarks.workloads import HERE

_HOUR_MS = 3_600_000
LOG_NAME = "connections.log"


@dataclass(frozen=True)
class Expected:
    """The right answer: whom Aadvik connected to, in the order of the first connection."""

    names: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many they are."""
        return len(self.names)


@dataclass(frozen=True)
class LogData:
    """A log in a folder of its own, and the right answer."""

    tree: Path
    bytes: int
    lines: int
    answer: Expected
    files: int = 1


@dataclass(frozen=True, kw_only=True)
class LogWorkload:
    """One table of log_workloads.toml; the meaning of each entry is described there."""

    name: str
    about: str
    seed: int
    lines: int
    days: float
    hosts: int
    asked: int
    from_hour: int
    hours: int
    folder: None = None  # no workload of this kind is a sample of the repository

    @property
    def log(self) -> Log:
        """What is to be made."""
        return Log(self.seed, self.lines, self.days, self.hosts, self.asked)

    @property
    def start_ms(self) -> int:
        """The first moment of the question."""
        return FIRST_MS + self.from_hour * _HOUR_MS

    @property
    def end_ms(self) -> int:
        """The last moment of the question."""
        return self.start_ms + round((self.hours or self.days * 24) * _HOUR_MS)

    def scaled(self, scale: float) -> LogWorkload:
        """Return the same question about a shorter log."""
        asked = max(1, round(self.asked * scale))
        return replace(self, lines=max(asked, round(self.lines * scale)), asked=asked)

    def answer(self, met: list[Met]) -> Expected:
        """Return whom Aadvik connected to between the two moments."""
        in_time = [one for one in met if one.source == ASKED and self.start_ms <= one.time_ms <= self.end_ms]
        in_time.sort(key=lambda one: one.time_ms)
        return Expected(tuple(dict.fromkeys(one.target.decode() for one in in_time)))


def load(path: Path = HERE / "log_workloads.toml") -> dict[str, LogWorkload]:
    """Return all workloads by name."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: LogWorkload(name=name, **table) for name, table in tables.items()}


def ready(workload: LogWorkload, scale: float, cache: Path) -> LogData:
    """Return the log of a workload at a scale; it is made if it is not in the cache."""
    workload = workload.scaled(scale)
    made_from = hashlib.sha256(json.dumps(asdict(workload.log), sort_keys=True).encode())
    made_from.update((HERE / "make_logs.py").read_bytes())
    folder = cache / f"log-{made_from.hexdigest()[:16]}"
    note = folder / "met.json"  # written last
    if not note.exists():
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "tree").mkdir(parents=True)
        found = make(workload.log, folder / "tree" / LOG_NAME)
        note.write_text(
            json.dumps([[one.time_ms, one.source.decode(), one.target.decode()] for one in found])
        )
    met = [
        Met(time_ms, source.encode(), target.encode())
        for time_ms, source, target in json.loads(note.read_text())
    ]
    size = (folder / "tree" / LOG_NAME).stat().st_size
    return LogData(folder / "tree", size, workload.lines, workload.answer(met))
