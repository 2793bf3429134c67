"""Where runners are, told in memory that outlives them, and shown."""

from __future__ import annotations

import logging
import subprocess
import sys
import time

import pytest

from reduction.pipeline.splits import Split
from reduction.runtime import logs, progress_bar
from reduction.runtime.progress import ProgressSnapshot, SharedProgress
from reduction.runtime.progress_bar import ProgressReporter


def split(size: int) -> Split:
    return Split("Asia Prod.csv", size, 0, 0, size)


def test_at_first_nobody_is_anywhere():
    board = SharedProgress(3)
    assert [board.snapshot(index) for index in range(3)] == [ProgressSnapshot(None, 0, 0)] * 3


def test_a_slot_tells_unit_bytes_and_files():
    board = SharedProgress(2)
    slot = board.slot(1)
    slot.start_split(7)
    slot.read_bytes(10)
    slot.read_bytes(5)
    assert board.snapshot(1) == ProgressSnapshot(7, 15, 0)
    slot.finish_split(40, ends_file=True)
    assert board.snapshot(1) == ProgressSnapshot(None, 40, 1), "a file that was left half-way counts as done"
    slot.start_split(8)
    slot.read_bytes(1)
    assert board.snapshot(1) == ProgressSnapshot(8, 41, 1)
    assert board.snapshot(0) == ProgressSnapshot(None, 0, 0), "neighbours are not touched"


def test_a_cut_file_is_done_with_its_last_unit():
    board = SharedProgress(1)
    for start, stop in [(0, 10), (20, 25), (10, 20)]:
        board.slot(0).finish_split(stop - start, ends_file=stop == 25)
        assert board.snapshot(0).files == int(start != 0)
    assert board.snapshot(0) == ProgressSnapshot(None, 25, 1)


def test_sizes_beyond_four_gigabytes_are_told():
    board = SharedProgress(1)
    board.slot(0).finish_split(10 << 40, ends_file=True)
    board.slot(0).read_bytes(5 << 40)
    assert board.snapshot(0).bytes == 15 << 40


def test_what_a_killed_process_told_is_still_there():
    """In a process of its own, because this one may have threads, and then it should not fork."""
    script = """if True:
        import os, signal
        from reduction.runtime.progress import SharedProgress
        board = SharedProgress(2)
        child = os.fork()
        if child == 0:
            slot = board.slot(1)
            slot.start_split(3)
            slot.read_bytes(99)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        print(tuple(board.snapshot(1)))
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "(3, 99, 0)\n"


@pytest.fixture
def clock(monkeypatch):
    """A clock that is moved by hand; and a log at INFO that is no terminal."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    logger = logging.getLogger(logs.ROOT)
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", True)
    return now


def test_a_log_line_comes_every_five_seconds_with_share_speed_and_time_left(clock, caplog):
    caplog.set_level(logging.INFO, logs.ROOT)
    with ProgressReporter(4, 100_000_000) as shown:
        for second in range(13):
            clock[0] = 1000.0 + second
            shown.update(second // 4, second * 5_000_000)
    assert caplog.messages == [
        "25 %: 1 of 4 files, 25.0 of 100.0 MB, 5.0 MB/s, 15 s left",
        "50 %: 2 of 4 files, 50.0 of 100.0 MB, 5.0 MB/s, 10 s left",
    ]


@pytest.mark.parametrize(
    ("done", "total", "line"), [(0, 10**6, "0 %"), (0, 0, "100 %"), (10**6, 10**6, "100 %")]
)
def test_a_log_line_can_be_made_of_nothing_and_of_everything(clock, caplog, done, total, line):
    caplog.set_level(logging.INFO, logs.ROOT)
    with ProgressReporter(1, total) as shown:
        clock[0] += progress_bar._SECONDS_BETWEEN_LINES
        shown.update(0, done)
    assert caplog.messages[0].startswith(line)
