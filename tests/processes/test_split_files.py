"""Split files in real runs: several processes and nodes, a kill, and a collect that reads a file again."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest
from random_csv import deceiving
from workdir import KEY, Outcome, Workdir, engine_param

pytestmark = [*engine_param("native").marks]
FACTS = ("bytes", "files", "rows", "addresses", "result")
OLD = b"Source IP,Environment\n9.9.9.9,Old Prod\n"
DECEIVING = deceiving(rows=400)


@pytest.fixture
def world(workdir: Workdir) -> Workdir:
    """A file of many splits, with quotes and bad rows, and a small one; three runners and an old result."""
    rows = [f'10.0.{n % 200}.{n % 7},"a\n{n}"' for n in range(3000)]
    workdir.csv("Asia Prod.csv", f"{KEY},Note", *rows, "no,x", *rows[:100])
    workdir.csv("deep/NA Prod.csv", KEY, "8.8.8.8")
    (workdir.output / "Combined.csv").write_bytes(OLD)
    workdir.set(engine="native", runners=3, split_size=1000)
    return workdir


def facts(outcome: Outcome) -> dict[str, object]:
    assert outcome.exit_code == 0
    assert outcome.leftovers == []
    return {name: outcome.report[name] for name in FACTS} | {"combined": outcome.combined_bytes}


def expected(world: Workdir) -> dict[str, object]:
    """What the reference engine says; its result is taken away again."""
    reported = facts(world.reduce(engine="reference"))
    for path in world.output.iterdir():
        path.unlink()
    (world.output / "Combined.csv").write_bytes(OLD)
    return reported


def test_runners_share_one_file_and_nobody_sees_it_in_the_result(world):
    right = expected(world)
    outcome = world.reduce(log_level="DEBUG")
    assert facts(outcome) == right
    readers = re.findall(
        r"Runner \[(\d)\] - DEBUG: reading 'Asia Prod.csv', bytes \d+ to \d+", outcome.stderr
    )
    assert set(readers) == {"1", "2", "3"}
    assert len(readers) == -(-(world.input / "Asia Prod.csv").stat().st_size // 1000)
    assert re.search(r"run \w+: found 2 input files", outcome.stderr)


def test_nodes_and_runners_alone_share_one_file(world):
    right = expected(world)
    assert world.reduce(mode="reduce", low=1, high=2).exit_code == 0
    assert world.run_one(3).exit_code == 0
    assert world.run_one(1).exit_code == 0, "a runner may do its part again"
    assert facts(world.reduce(mode="collect")) == right
    again = world.reduce(mode="collect")
    assert facts(again) == right
    assert "nothing to do" in again.stderr


def test_rows_of_a_cut_file_are_kept_apart_in_a_partial(world):
    world.reduce(mode="reduce")
    lines = (world.output / ".Combined_1.csv").read_text().splitlines()
    assert lines[0] == "Source IP,Environment,Split File"
    assert {line.partition(",")[2] for line in lines[1:]} <= {"Asia Prod,0", "NA Prod"}
    manifest = json.loads((world.output / ".Combined_1.json").read_bytes())
    assert sum(result["stats"]["read"] for result in manifest["split_results"]) > 1000


def test_strict_mode_minds_a_row_of_a_cut_file(world):
    outcome = world.reduce(strict="true")
    assert outcome.exit_code == 7
    assert outcome.rejected == {"not-an-address": 1}


def test_a_killed_runner_is_named_with_the_file_that_it_had_a_unit_of(world):
    size = world.big("Asia Prod.csv", rows=9_000_000).stat().st_size
    running = world.start(log_level="DEBUG", split_size=-(-size // 3))
    started = running.wait_for("Runner [2] - DEBUG: started, pid")
    running.wait_for("Runner [2] - DEBUG: reading 'Asia Prod.csv', bytes")
    os.kill(int(re.findall(r"pid (\d+)", started)[0]), signal.SIGKILL)
    outcome = running.finish()
    assert outcome.exit_code == 4
    assert "runner 2 of 3 failed while reading 'Asia Prod.csv'" in outcome.stderr
    assert (outcome.combined_bytes, outcome.leftovers) == (OLD, [])


@pytest.mark.parametrize("runners", [2, 5])
def test_a_node_that_cuts_otherwise_is_rejected_with_the_reason(world, runners):
    world.set(runners=runners, run_id="night")
    assert world.reduce(mode="reduce", low=1, high=1).exit_code == 0
    assert world.reduce(mode="reduce", low=2, high=runners, engine="pandas").exit_code == 0
    outcome = world.reduce(mode="collect")
    assert outcome.exit_code == 5
    assert "engines pandas and native split it differently" in outcome.stderr
    assert world.reduce(mode="reduce", low=2, high=runners, split_size=2000).exit_code == 0
    outcome = world.reduce(mode="collect")
    assert outcome.exit_code == 5
    assert "or REDUCER_SPLIT_SIZE differs" in outcome.stderr
    assert outcome.combined_bytes == OLD


def test_an_engine_that_does_not_cut_cannot_name_the_run_of_one_that_does(world):
    assert world.reduce(mode="reduce").exit_code == 0
    outcome = world.reduce(mode="collect", engine="reference")
    assert outcome.exit_code == 5
    assert "engines native and reference split it differently" in outcome.stderr
    assert world.reduce(mode="collect").exit_code == 0


@pytest.mark.parametrize("engine", ["native", "reference", "pandas"])
def test_a_file_that_deceives_is_read_again_by_collect(world, engine):
    world.file("Asia Prod.csv", DECEIVING)
    right = expected(world)
    world.set(run_id="night")
    assert world.reduce(mode="reduce").exit_code == 0
    outcome = world.reduce(mode="collect", engine=engine)
    assert "Reducer - WARNING: re-reading 'Asia Prod.csv'" in outcome.stderr
    assert facts(outcome) == right


def test_a_collect_that_cannot_see_a_file_it_must_read_again_says_what_to_do(world):
    world.file("Asia Prod.csv", DECEIVING)
    world.set(run_id="night")
    assert world.reduce(mode="reduce").exit_code == 0
    outcome = world.reduce(mode="collect", input_dir=world.root / "elsewhere")
    assert outcome.exit_code == 5
    assert re.search(r"elsewhere/Asia Prod\.csv'.* run again with REDUCER_SPLIT_SIZE=0", outcome.stderr)
    assert outcome.combined_bytes == OLD
    assert facts(world.reduce(mode="collect"))["combined"].count(b"\n") == 5, (  # type: ignore[attr-defined]
        "where it can be seen, all is well"
    )


def test_a_collect_that_cannot_see_the_input_needs_it_only_then(world):
    right = expected(world)
    world.set(run_id="night")
    assert world.reduce(mode="reduce").exit_code == 0
    assert facts(world.reduce(mode="collect", input_dir=world.root / "elsewhere")) == right


def test_a_partial_with_a_split_less_is_rejected(world):
    world.reduce(mode="reduce")
    path = Path(world.output, ".Combined_2.json")
    plain = json.loads(path.read_bytes())
    del plain["split_results"][0]
    path.write_text(json.dumps(plain))
    outcome = world.reduce(mode="collect")
    assert outcome.exit_code == 5
    assert outcome.combined_bytes == OLD
