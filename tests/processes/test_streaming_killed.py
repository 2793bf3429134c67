"""Streaming killed at any step and started again writes each report once, as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

START = 1565654400000
SECONDS = 20
COMMON = [
    "streaming",
    "-H",
    "H",
    "--clock",
    "event",
    "-t",
    str(SECONDS),
    "--lateness",
    "5",
    "--format",
    "json",
]
KEPT = ["--once", "--state", "state", "--output", "out", "-b", "8", "-q", "1"]


def lines(first: int, last: int) -> bytes:
    """One every two seconds, out of order now and then, one of them malformed."""
    text = []
    for number in range(first, last):
        at = START + 2000 * number - (4000 if number % 7 == 3 else 0)
        source, target = ("H", f"t{number % 5}") if number % 3 else (f"s{number % 4}", "H")
        text.append(f"{at} {source} {target}" if number != 5 else "nonsense")
    return "".join(f"{line}\n" for line in text).encode()


def attempts(template: Path, rotation: str, *arguments: str) -> list[dict[str, Any]]:
    """What was found after a kill at each step and another start."""
    done = subprocess.run(
        [
            sys.executable,
            Path(__file__).parents[1] / "helpers" / "host_killer.py",
            template,
            template.with_name("attempts"),
            rotation,
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reported = [json.loads(line) for line in done.stdout.splitlines()]
    for attempt in reported[:-1]:
        assert attempt["first"] == -9
    assert reported[-1]["first"] == 0, reported[-1]["log"]
    return reported


def check(reported: list[dict[str, Any]], *steps: str) -> None:
    """All attempts end alike, in the way of the undisturbed one."""
    undisturbed = reported[-1]
    assert undisturbed["out"].count("\n") >= 3
    for attempt in reported:
        story = f"killed at {attempt['step']!r}:\n{attempt['log']}"
        assert attempt["last"] == 0, story
        assert attempt["out"] == undisturbed["out"], story
        assert attempt["files"] == undisturbed["files"], story
    happened = " ".join(attempt["step"] for attempt in reported)
    for step in ("sqlite COMMIT", "write", "fsync", *steps):
        assert step in happened, "the kills reach this step"


def born(reported: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those that were killed before their state knew of the log, which was then rotated unseen."""
    unborn = list(takewhile(lambda attempt: attempt["out"] != reported[-1]["out"], reported))
    assert 1 <= len(unborn) <= 20
    assert {attempt["out"] for attempt in unborn} == {reported[0]["out"]}
    assert reported[-1]["out"].endswith(reported[0]["out"]), "the log that came next is read whole"
    return reported[len(unborn) :]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    folder = tmp_path / "template"
    folder.mkdir()
    return folder


def test_a_folder_of_files(template):
    (template / "in" / "processed").mkdir(parents=True)
    (template / "in" / "processed" / "1.txt").write_bytes(b"of an earlier day\n")
    for number in range(2):
        (template / "in" / f"{number}.txt").write_bytes(lines(20 * number, 20 * number + 20))
    reported = attempts(template, "none", *COMMON, *KEPT, "-T", "in")
    check(reported, "link", "unlink", "pread")
    assert reported[-1]["files"] == [f"in/processed/{name}.txt" for name in ("0", "1.1", "1")]
    assert sum(json.loads(line)["lines"] for line in reported[-1]["out"].splitlines()) == 39


@pytest.mark.parametrize("rotation", ["rename", "copy"])
def test_a_log_that_is_followed_and_rotated_before_the_next_start(template, rotation):
    """The log that comes next begins in a window of its own: what was open at the end is reported."""
    (template / "app.log").write_bytes(lines(0, 30))
    (template / "next").write_bytes(lines(40, 60))
    reported = attempts(template, rotation, *COMMON, *KEPT, "--follow", "app.log")
    check(born(reported), "pread")
    assert sum(json.loads(line)["lines"] for line in reported[-1]["out"].splitlines()) == 49
