"""What is seen of a long run: a line every few seconds in a log, a bar on a terminal.

The run is made long by stopping its runner, not by giving it much to do.
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from workdir import PATIENCE, ROOT, Workdir

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - (Reducer|Runner \[\d+\]) - [A-Z]+: .+")
PROGRESS = re.compile(
    r"Reducer - INFO: (\d+)%: (\d+) of (\d+) files?, ([\d.]+ .?B) of ([\d.]+ .?B)"
    r"(, [\d.]+ .?B/s, \d+ s left)?$"
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def big(workdir: Workdir) -> Workdir:
    """Input whose runner can be caught in the middle."""
    workdir.big("Asia Prod 1.csv", rows=400_000)
    return workdir


def stop(line: str) -> int:
    """Stop the runner that says in this line who it is."""
    pid = int(re.findall(r"started, pid (\d+)", line)[0])
    os.kill(pid, signal.SIGSTOP)
    return pid


def moment(line: str) -> datetime:
    return datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f")


def test_a_log_gets_a_line_every_few_seconds(big):
    running = big.start(log_level="DEBUG")
    begun = running.wait_for("started, pid")
    pid = stop(begun)
    line = running.wait_for("%: ")
    os.kill(pid, signal.SIGCONT)
    outcome = running.finish()
    assert outcome.exit_code == 0
    share, files, of = PROGRESS.search(line.strip()).groups()[:3]
    assert 0 <= int(share) <= 100
    assert (int(files), int(of)) == (0, 1)
    assert 4 < (moment(line) - moment(begun)).total_seconds() < 10
    assert "\x1b" not in outcome.stderr


class Terminal:
    """A run whose standard error is a terminal."""

    def __init__(self, workdir: Workdir, *options: str, **variables: object) -> None:
        workdir.set(**variables)
        inherited = {name: text for name, text in os.environ.items() if not name.startswith("REDUCER_")}
        self._screen, behind = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "reducer.py"), *options],
            env=inherited | workdir.variables | {"TERM": "xterm-256color", "COLUMNS": "160"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=behind,
            start_new_session=True,
        )
        os.close(behind)
        self.shown = ""

    def read_until(self, is_enough: Callable[[str], bool]) -> None:
        """Read what is shown until it is enough; fails if that never comes."""
        deadline = time.monotonic() + PATIENCE
        while not is_enough(self.shown):
            ready, _, _ = select.select([self._screen], [], [], max(0, deadline - time.monotonic()))
            if not ready or not self._read():
                pytest.fail(f"never came: {self.shown}")

    def finish(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        try:
            more = os.read(self._screen, 1 << 16)
        except OSError:  # Linux says so when nobody has the other end any more
            return False
        self.shown += more.decode(errors="replace")
        return bool(more)

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._screen)


@pytest.fixture
def terminal(big: Workdir) -> Iterator[Terminal]:
    """A terminal in which a run has begun, its runner stopped."""
    terminal = Terminal(big, log_level="DEBUG", engine="reference", runners=1)
    yield terminal
    terminal.close()


def test_a_terminal_shows_a_bar_and_readable_lines_of_the_log(terminal, big):
    terminal.read_until(lambda shown: "started, pid" in shown)
    pid = stop(terminal.shown)
    terminal.read_until(lambda shown: "reducing" in shown and "0/1 files" in shown)
    os.kill(pid, signal.SIGCONT)
    assert terminal.finish() == 0
    shown = ESCAPES.sub("", terminal.shown)
    parts = [part for part in re.split(r"[\r\n]+", shown) if re.match(r"\d{4}-\d\d-\d\d ", part)]
    assert all(LINE.fullmatch(part.rstrip()) for part in parts), parts
    for text in (
        "Runner [1] - INFO: done in",
        "Reducer - INFO: files: 1 accepted",
        "Reducer - INFO: result: ",
    ):
        assert any(text in part for part in parts), text
    assert "%: " not in shown, "a terminal has the bar, not the lines of a log"
    assert "files" not in ESCAPES.sub("", terminal.shown.rpartition("result: ")[2].partition("\n")[2]), (
        "it is gone"
    )
    assert Path(big.output, "Combined.csv").exists()


def test_a_terminal_is_given_back_as_it_was(terminal):
    """The cursor that the bar hid is there again, also after Ctrl-C."""
    terminal.read_until(lambda shown: "started, pid" in shown)
    pid = stop(terminal.shown)
    terminal.read_until(lambda shown: "reducing" in shown)
    os.killpg(terminal.process.pid, signal.SIGINT)
    os.kill(pid, signal.SIGCONT)
    assert terminal.finish() == 130
    assert terminal.shown.count("\x1b[?25l") == terminal.shown.count("\x1b[?25h")
    assert "interrupted" in terminal.shown


def test_a_terminal_that_wants_only_errors_gets_no_bar(big):
    terminal = Terminal(big, log_level="ERROR", engine="reference", runners=1)
    try:
        assert terminal.finish() == 0
        assert terminal.shown == ""
    finally:
        terminal.close()
