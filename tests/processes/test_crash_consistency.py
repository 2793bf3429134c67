"""Killed between any two steps on the file system: the result is the old one or the new one, never another.

And whatever was left, the next run is right and sweeps it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from workdir import KEY, Workdir, engine_param

OLD = "Source IP,Environment\n1.1.1.1,Asia Prod\n"
NEW = "Source IP,Environment\n1.1.1.1,Asia Prod\n2.2.2.2,Asia Prod\n3.3.3.3,NA Prod\n"


@pytest.fixture
def world(workdir: Workdir) -> Workdir:
    """A result stands; since then files have come, so the next run makes another one."""
    workdir.set(runners=2)
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1")
    assert workdir.reduce().combined_bytes == OLD.encode()
    workdir.csv("Asia Prod 2.csv", KEY, "2.2.2.2", "1.1.1.1")
    workdir.csv("deep/NA Prod.csv", KEY, "3.3.3.3", "nonsense")
    return workdir


def attempts(workdir: Workdir, *modes: str) -> list[dict[str, Any]]:
    """What was found after a kill at each step of a run of the first mode, and after the others."""
    template = workdir.root / "template"
    template.mkdir()
    for folder in (workdir.input, workdir.output):
        shutil.copytree(folder, template / folder.name)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REDUCER_")}
    done = subprocess.run(
        [
            sys.executable,
            Path(__file__).parents[1] / "helpers" / "step_killer.py",
            template,
            workdir.root / "attempts",
            ",".join(modes),
        ],
        env=inherited | workdir.variables,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reported = [json.loads(line) for line in done.stdout.splitlines()]
    for attempt in reported[:-1]:
        assert attempt["killed"]["code"] == -9
    assert reported[-1]["killed"]["code"] == 0, reported[-1]["log"]
    return reported


def steps(reported: list[dict[str, Any]]) -> str:
    return "\n".join(attempt["step"] for attempt in reported)


def check(reported: list[dict[str, Any]], old: str | None, new: str | None) -> None:
    """Nothing but old and new is ever seen, and the last run of each attempt makes all good."""
    for attempt in reported:
        story = f"killed at {attempt['step']!r}:\n{attempt['log']}"
        for state in (attempt["killed"], *attempt["then"]):
            assert state["combined"] in (old, new), story
            if state["code"] == 0 and state["mode"] != "reduce":
                assert state["combined"] == new, story
        last = attempt["then"][-1]
        assert (last["code"], last["combined"], last["leftovers"]) == (0, new, []), story


def test_a_run_killed_at_any_step(world):
    reported = attempts(world, "reduce_collect", "reduce_collect")
    check(reported, OLD, NEW)
    assert {attempt["killed"]["combined"] for attempt in reported} == {OLD, NEW}
    assert any(attempt["killed"]["leftovers"] for attempt in reported)
    for part in ("fsync", "write", "Combined.report.json", ".Combined_1.csv", ".Combined_2.json", "unlink"):
        assert part in steps(reported), "the kills reach this step"


def test_a_reduce_killed_at_any_step_is_never_half_collected(world):
    """Partials of an older run lie there; collect right after the kill rejects them, or is right."""
    world.set(mode="reduce")
    (world.input / "deep" / "NA Prod.csv").rename(world.root / "aside")
    assert world.reduce().exit_code == 0
    (world.root / "aside").rename(world.input / "deep" / "NA Prod.csv")
    reported = attempts(world, "reduce", "collect", "reduce", "collect")
    check(reported, OLD, NEW)
    codes = {attempt["then"][0]["code"] for attempt in reported}
    assert codes == {0, 5}
    assert all(attempt["killed"]["combined"] == OLD for attempt in reported)


def test_a_collect_killed_at_any_step_can_be_repeated(world):
    world.set(mode="reduce")
    assert world.reduce().exit_code == 0
    reported = attempts(world, "collect", "collect")
    check(reported, OLD, NEW)
    assert {attempt["killed"]["combined"] for attempt in reported} == {OLD, NEW}


@pytest.mark.parametrize("engine", [engine_param("native")])
def test_a_collect_that_reads_a_cut_file_once_more_killed_at_any_step_can_be_repeated(world, engine):
    """Seen from within the note, its lines look like rows: the splits do not fit together."""
    note = "\n7.7.7.7,7" * 40
    (world.input / "Asia Prod 2.csv").write_text(f'{KEY},Note\n2.2.2.2,"{note}"\n1.1.1.1,\n')
    world.set(mode="reduce", engine=engine, split_size=60)
    assert world.reduce().exit_code == 0
    reported = attempts(world, "collect", "collect")
    check(reported, OLD, NEW)
    assert {attempt["killed"]["combined"] for attempt in reported} == {OLD, NEW}
    assert ".Combined_0.json" in steps(reported), (
        "the kills reach the partial of the file that is read once more"
    )


@pytest.mark.parametrize("engine", [engine_param("native")])
def test_a_run_that_spills_killed_at_any_step(world, engine, monkeypatch):
    """Rows go to temporary files, also those of a file that turns out bad at its end."""
    monkeypatch.setenv("MEMORY_OF_ROWS", "1")
    world.file("Asia Prod 3.csv", f"{KEY}\n" + "7.7.7.7\n" * 9_000 + "\0")
    world.set(engine=engine)
    reported = attempts(world, "reduce_collect", "reduce_collect")
    check(reported, OLD, NEW)
    assert {attempt["killed"]["combined"] for attempt in reported} == {OLD, NEW}
    temporary = [
        attempt
        for attempt in reported
        if re.search(r"unlink .*/\.Combined_1\.csv\.\w+\.tmp", attempt["step"])
    ]
    assert len(temporary) > 1
    for attempt in temporary:
        assert len(attempt["killed"]["leftovers"]) > 1, "a temporary file that still had its name"


def test_a_repeated_collect_killed_at_any_step_can_be_repeated_again(world):
    """Half of the partials are there again, because an orchestrator repeated one node."""
    assert world.reduce().combined_bytes == NEW.encode()
    assert world.reduce(mode="reduce", low=2, high=2).exit_code == 0
    reported = attempts(world, "collect", "collect")
    check(reported, NEW, NEW)
    assert "unlink" in steps(reported)


def test_a_run_without_valid_rows_killed_at_any_step(world):
    for path in world.input.rglob("*.csv"):
        path.write_text("Source IP\nnonsense\n")
    reported = attempts(world, "reduce_collect", "reduce_collect")
    check(reported, OLD, None)
    assert {attempt["killed"]["combined"] for attempt in reported} == {OLD, None}


def test_a_node_killed_at_any_step_can_do_its_part_again(world):
    """What the dead node left of its own runners is swept by its repetition, and the other node's stays."""
    assert world.reduce(mode="reduce", low=1, high=1).exit_code == 0
    world.set(low=2, high=2)
    reported = attempts(world, "reduce", "reduce", "collect")
    check(reported, OLD, NEW)
    whole = [".Combined_1.csv", ".Combined_1.json", ".Combined_2.csv", ".Combined_2.json"]
    for attempt in reported:
        again = [name for name in attempt["then"][0]["leftovers"] if not name.startswith(".Combined.")]
        assert again == whole, attempt["step"]
    assert any(set(whole[:2]) <= set(attempt["killed"]["leftovers"]) != set(whole) for attempt in reported)
