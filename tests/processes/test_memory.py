"""A stated memory limit is kept to, by real processes, however many distinct rows there are."""

from __future__ import annotations

import os
import random
import re
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from workdir import KEY, OLD, PATIENCE, Outcome, Workdir, engine_param

pytestmark = [*engine_param("native").marks]
MEMORY = 80  # MiB for all processes: the least that is taken
EACH = 37  # MiB of it for the one runner
ROWS = 80 << 16  # in 128 MB, an eighth of what the image is tried with


def write_distinct(path: Path) -> None:
    """Rows of as many addresses in no order, every other one IPv6: 10 bytes each for who holds them all."""
    shuffled = random.Random(1)
    lines = [
        f"@.{n >> 8}.{n & 255},1234567\n" if n % 2 else f"2001:db8:#::{n:x},12345\n" for n in range(1 << 16)
    ]
    shuffled.shuffle(lines)
    block = "".join(lines).encode()
    with path.open("wb") as file:
        file.write(f"{KEY},Count\n".encode())
        for upper in shuffled.sample(range(1 << 16), ROWS >> 16):
            file.write(block.replace(b"@", b"%d.%d" % (upper >> 8, upper & 255)).replace(b"#", b"%x" % upper))


@pytest.fixture(scope="module")
def distinct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("distinct") / "rows"
    write_distinct(path)
    yield path
    path.unlink()


@pytest.fixture
def world(workdir: Workdir, distinct: Path) -> Workdir:
    workdir.set(engine="native", log_level="DEBUG")
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1")
    assert workdir.reduce().combined == OLD
    os.link(distinct, workdir.input / "NA Prod.csv")
    workdir.passing.append(workdir.input / "NA Prod.csv")
    return workdir


def watched(world: Workdir, **how: object) -> tuple[Outcome, dict[str, int]]:
    """A run to its end, and the peak of the resident memory of each of its processes, KiB by id."""
    running = world.start(**how)
    peaks: dict[str, int] = {}
    deadline = time.monotonic() + PATIENCE
    while running.process.poll() is None and time.monotonic() < deadline:
        for pid in (str(running.process.pid), *re.findall(r"started, pid (\d+)", "".join(running.said))):
            try:
                found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
            except OSError:
                continue
            if found:
                peaks[pid] = int(found[1])
        time.sleep(0.005)  # between two looks; a peak is never forgotten while the process lives
    return running.finish(), peaks


def limited_to(mebibytes: int) -> None:
    """In the child: so much data of its own each process may have."""
    resource.setrlimit(resource.RLIMIT_DATA, (mebibytes << 20, mebibytes << 20))


@pytest.mark.parametrize("split_size", ["0", "16 MiB"])
def test_runners_keep_to_their_memory(world, split_size):
    outcome, peaks = watched(
        world, memory=f"{MEMORY} MiB", split_size=split_size, before=lambda: limited_to(2 * EACH)
    )
    assert outcome.exit_code == 0
    assert outcome.report["rows"]["distinct"] == ROWS + 1
    assert f"{MEMORY} MiB of memory (REDUCER_MEMORY) for 1 runner here, {EACH} MiB each" in outcome.stderr
    runners = {pid: peak for pid, peak in peaks.items() if pid != str(outcome.pid)}
    assert runners
    assert max(runners.values()) <= EACH << 10
    assert peaks[str(outcome.pid)] <= (MEMORY - EACH) << 10


def test_the_limit_of_that_test_is_a_real_one(world):
    """With the memory of a large machine in mind, the same run does not get by with it."""
    outcome = world.reduce(memory="64 GiB", before=lambda: limited_to(2 * EACH))
    assert outcome.exit_code == 4
    assert "MemoryError" in outcome.stderr
    assert (outcome.combined, outcome.leftovers) == (OLD, [])


def test_a_disk_that_is_full_of_temporary_files_is_exit_code_6(world):
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    outcome = world.reduce(memory=f"{MEMORY} MiB", before=small_files)
    assert outcome.exit_code == 6
    assert "rows that do not fit into memory cannot be kept in a temporary file" in outcome.stderr
    assert (outcome.combined, outcome.leftovers) == (OLD, [])
    assert not list(world.output.glob(".*"))


def test_more_runners_than_memory_carries_are_warned_of(with_result):
    outcome = with_result.reduce(engine="native", memory=f"{MEMORY} MiB", runners=3)
    assert outcome.exit_code == 0
    assert "WARNING: each runner gets 12 MiB but engine native needs at least 32 MiB" in outcome.stderr
