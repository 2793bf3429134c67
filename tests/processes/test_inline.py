"""--inline does the same as processes do, in one process."""

from __future__ import annotations

import re

import pytest
from workdir import KEY, Workdir, each_engine


@pytest.fixture
def world(workdir: Workdir) -> Workdir:
    """A bit of everything."""
    for number in range(7):
        workdir.csv(
            f"Asia Prod {number}.csv", f"Count,{KEY}", *[f"{n},10.0.{number // 2}.{n}" for n in range(256)]
        )
        workdir.csv(
            f"deep/NA Prod {number}.csv", KEY, "::1", "2001:db8::A", "1.1.1.1", "nonsense", f"9.9.9.{number}"
        )
    workdir.csv("EU Prod.csv", "Host", "x")
    workdir.file("EU Prod 2.csv", b"Source IP\n1.1.1.1\n\0")
    workdir.file("notes.txt", "x")
    return workdir


def without_times(report: dict) -> dict:
    return {name: value for name, value in report.items() if not name.endswith("seconds")}


@each_engine
@pytest.mark.parametrize("runners", [1, 3, 20])
def test_inline_gives_the_same_bytes_and_stats_as_processes(world, engine, runners):
    processes = world.reduce(engine=engine, runners=runners)
    inline = world.reduce("--inline", engine=engine, runners=runners)
    assert processes.exit_code == inline.exit_code == 0
    assert processes.combined_bytes
    assert inline.combined_bytes == processes.combined_bytes
    assert without_times(inline.report) == without_times(processes.report)
    assert inline.leftovers == processes.leftovers == []


def test_inline_really_is_one_process(world):
    outcome = world.reduce("--inline", log_level="DEBUG", runners=3)
    pids = re.findall(r"started, pid (\d+)", outcome.stderr)
    assert len(pids) == 3
    assert len(set(pids)) == 1


def test_inline_reduces_a_part_and_collects_like_processes(world):
    for low, high, options in ((1, 1, ["--inline"]), (2, 3, [])):
        assert world.reduce(*options, mode="reduce", runners=3, low=low, high=high).exit_code == 0
    collected = world.reduce("--inline", mode="collect", runners=3)
    assert collected.exit_code == 0
    assert collected.combined_bytes == world.reduce(runners=1).combined_bytes
