"""Progress of runners in shared memory, which survives them, and its display."""

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


def test_at_first_every_slot_is_empty():
    progress = SharedProgress(3)
    assert [progress.snapshot(index) for index in range(3)] == [ProgressSnapshot(None, 0, 0)] * 3


def test_a_slot_has_the_current_split_bytes_and_files():
    progress = SharedProgress(2)
    slot = progress.slot(1)
    slot.start_split(7)
    slot.read_bytes(10)
    slot.read_bytes(5)
    assert progress.snapshot(1) == ProgressSnapshot(7, 15, 0)
    slot.finish_split(40, ends_file=True)
    assert progress.snapshot(1) == ProgressSnapshot(None, 40, 1), (
        "a file that was left half-way counts as done"
    )
    slot.start_split(8)
    slot.read_bytes(1)
    assert progress.snapshot(1) == ProgressSnapshot(8, 41, 1)
    assert progress.snapshot(0) == ProgressSnapshot(None, 0, 0), "neighbours are not touched"


def test_a_split_file_is_done_with_its_last_split():
    progress = SharedProgress(1)
    for start, stop in [(0, 10), (20, 25), (10, 20)]:
        progress.slot(0).finish_split(stop - start, ends_file=stop == 25)
        assert progress.snapshot(0).files == int(start != 0)
    assert progress.snapshot(0) == ProgressSnapshot(None, 25, 1)


def test_sizes_may_exceed_four_gigabytes():
    progress = SharedProgress(1)
    progress.slot(0).finish_split(10 << 40, ends_file=True)
    progress.slot(0).read_bytes(5 << 40)
    assert progress.snapshot(0).bytes == 15 << 40


def test_the_progress_of_a_killed_process_is_still_there():
    """In a process of its own, because this one may have threads and should not fork then."""
    script = """if True:
        import os, signal
        from reduction.runtime.progress import SharedProgress
        progress = SharedProgress(2)
        child = os.fork()
        if child == 0:
            slot = progress.slot(1)
            slot.start_split(3)
            slot.read_bytes(99)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        print(tuple(progress.snapshot(1)))
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "(3, 99, 0)\n"


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by the test; and a log that is captured."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    logger = logging.getLogger(logs.ROOT)
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", True)
    return now


def test_every_five_seconds_a_log_line_has_percentage_rate_and_time_left(clock, caplog):
    caplog.set_level(logging.INFO, logs.ROOT)
    with ProgressReporter(4, 100_000_000) as reporter:
        for second in range(13):
            clock[0] = 1000.0 + second
            reporter.update(second // 4, second * 5_000_000)
    assert caplog.messages == [
        "25%: 1 of 4 files, 25.0 MB of 100.0 MB, 5.0 MB/s, 15 s left",
        "50%: 2 of 4 files, 50.0 MB of 100.0 MB, 5.0 MB/s, 10 s left",
    ]


@pytest.mark.parametrize(
    ("done", "total", "line"),
    [
        (0, 10**6, "0%: 0 of 1 file, 0 B of 1.0 MB"),
        (0, 0, "100%: 0 of 1 file, 0 B of 0 B"),
        (10**6, 10**6, "100%: 0 of 1 file, 1.0 MB of 1.0 MB, 200.0 KB/s, 0 s left"),
    ],
)
def test_a_log_line_has_a_rate_only_if_bytes_were_read(clock, caplog, done, total, line):
    caplog.set_level(logging.INFO, logs.ROOT)
    with ProgressReporter(1, total) as reporter:
        clock[0] += progress_bar._SECONDS_BETWEEN_LINES
        reporter.update(0, done)
    assert caplog.messages == [line]
