"""Reads workloads.toml: what is measured, checked and scaled. It makes no data (that is `make_data`)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from benchmarks.fields import KINDS

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
REGIONS = ("Asia", "EMEA", "LATAM", "NA")
STAGES = ("Dev", "Prod", "Stage")
ENVIRONMENTS = tuple(f"{region} {stage}" for region in REGIONS for stage in STAGES)
KEY = "Source IP"


class TableError(ValueError):
    """workloads.toml says something that makes no sense."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One table of workloads.toml; the meaning of each entry is described there."""

    name: str
    about: str
    seed: int = 0
    files: int = 0
    rows: int = 0
    pool: int = 0
    columns: tuple[tuple[str, str], ...] = ()
    shrinks: str = "rows"
    environments: int = len(ENVIRONMENTS)
    huge: float = 0.0
    gzip: bool = False
    quoted: bool = False
    mixed_headers: bool = False
    folder: str | None = None
    expected: str | None = None

    @property
    def hints(self) -> tuple[str, ...]:
        """What peers are given about the data."""
        known = {"--gzip": self.gzip, "--quoted": self.quoted, "--mixed-headers": self.mixed_headers}
        return tuple(flag for flag, holds in known.items() if holds)

    def rows_of(self, file: int) -> int:
        """Return how many rows the file with that number has, counted from 0."""
        huge, files = 0, self.files
        if self.huge:
            huge = int(self.rows * self.huge)
            if file == 0:
                return huge
            file, files = file - 1, files - 1
        each, over = divmod(self.rows - huge, files)
        return each + (file < over)

    def scaled(self, scale: float) -> Workload:
        """Return the same workload with less of everything; `scale` is 1 or less."""
        if self.folder is not None:
            return self
        files = max(1, round(self.files * scale)) if self.shrinks == "files" else self.files
        rows = max(files, round(self.rows * scale))
        return replace(self, files=files, rows=rows, pool=max(1, round(self.pool * scale)))


def load(path: Path = HERE / "workloads.toml") -> dict[str, Workload]:
    """Return all workloads by name; raises `TableError` for the first that makes no sense."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: _checked(name, table) for name, table in tables.items()}


def _checked(name: str, table: dict[str, Any]) -> Workload:
    known = {field.name for field in fields(Workload)} - {"name"}
    if unknown := sorted(table.keys() - known):
        raise TableError(f"{name}: unknown entries {unknown}")
    table = dict(table, columns=tuple((header, kind) for header, kind in table.get("columns", ())))
    workload = Workload(name=name, **table)
    if error := _error(workload):
        raise TableError(f"{name}: {error}")
    return workload


def _error(workload: Workload) -> str | None:
    if workload.folder is not None or workload.expected is not None:
        paths = (workload.folder, workload.expected)
        return None if all(path and (REPOSITORY / path).exists() for path in paths) else "no such samples"
    keys = [header for header, kind in workload.columns if kind == "address"]
    kinds = {kind for _, kind in workload.columns}
    rules = {
        "seed, files, rows and pool are at least 1": min(
            workload.seed, workload.files, workload.rows, workload.pool
        )
        < 1,
        f"exactly one column is of kind 'address', and that is '{KEY}'": keys != [KEY],
        "no such kind of column": not kinds <= {"address", *KINDS},
        "shrinks is 'rows' or 'files'": workload.shrinks not in {"rows", "files"},
        f"environments is 1 to {len(ENVIRONMENTS)}": not 1 <= workload.environments <= len(ENVIRONMENTS),
        "huge is a share below 1": not 0 <= workload.huge < 1,
        "huge needs a second file": workload.huge > 0 and workload.files == 1,
    }
    return next((rule for rule, is_broken in rules.items() if is_broken), None)
