"""Runs the whole plan in this process, through `config`, `runner` and `collect`: what most tests need."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reduction import engines
from reduction.app import config
from reduction.app.controller import collect_all, run_workers
from reduction.app.plan import make_plan
from reduction.pipeline import partials
from reduction.pipeline.output import LocalOutput


@dataclass(frozen=True)
class Outcome:
    """The bytes of Combined.csv (None if there is none) and the report as it stands on disk."""

    combined: bytes | None
    report: dict[str, Any]

    def stats(self) -> dict[str, Any]:
        """Return what the report says alike for every engine, number of runners and batch size."""
        return {name: self.report[name] for name in ("bytes", "files", "rows", "addresses", "result")}


def make_tree(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write `files` below `folder`, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def reduce_tree(tree: Path, output: Path, collector: str | None = None, **variables: object) -> Outcome:
    """Reduce `tree` into `output`; `variables` are those of `config`, in lower case, without prefix.

    Another engine may collect than reduces.
    """
    environment = {"REDUCER_INPUT_DIR": str(tree), "REDUCER_OUTPUT_DIR": str(output)}
    environment |= {f"REDUCER_{name.upper()}": str(value) for name, value in variables.items()}
    settings = config.load(environment)
    output.mkdir(exist_ok=True)
    partials.remove_all(output)
    plan = make_plan(settings)
    run_workers(plan, LocalOutput(output), inline=True)
    if collector is not None:
        plan = plan._replace(engine=engines.choose(collector))
    collect_all(plan, LocalOutput(output), time.monotonic())
    combined = output / "Combined.csv"
    return Outcome(
        combined.read_bytes() if combined.exists() else None,
        json.loads((output / "Combined.report.json").read_bytes()),
    )


def as_the_reference(tree: Mapping[str, bytes], collector: str | None = None, **variables: object) -> Outcome:
    """Reduce a tree with these variables; it must give what one runner of the reference engine gives."""
    with TemporaryDirectory() as name:
        folder = make_tree(Path(name) / "in", tree)
        expected = reduce_tree(folder, Path(name) / "expected", engine="reference", runners_qty=1)
        made = reduce_tree(folder, Path(name) / "out", collector, **variables)
    assert made.combined == expected.combined
    assert made.stats() == expected.stats()
    return made
