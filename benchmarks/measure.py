"""Runs one command and says how long it took, on how much processor time, and with how much memory.

Time and memory are never measured in the same run: reading the memory map of a process holds it up.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SECONDS_BETWEEN_LOOKS = 0.02


@dataclass(frozen=True)
class Measured:
    """One run: wall and processor seconds, the peak in bytes (0 if it was not looked for), how it ended."""

    seconds: float
    processor_seconds: float
    peak: int
    exit_code: int | None
    last_line: str

    @property
    def in_time(self) -> bool:
        """False: it was stopped at the time limit."""
        return self.exit_code is not None


class Peak(threading.Thread):
    """Looks at a process and all its descendants now and then; `bytes` is the most they had at one time.

    Counted is the proportional set size: a page that is shared by two processes is half each one's.
    """

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._root = root
        self._over = threading.Event()

    def run(self) -> None:
        """Look until `stop` is called."""
        while not self._over.is_set():
            self.bytes = max(self.bytes, sum(map(proportional_set_size, family(self._root))))
            self._over.wait(SECONDS_BETWEEN_LOOKS)

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


def family(process: int) -> Iterator[int]:
    """Yield a process and all its living descendants."""
    yield process
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with suppress(OSError):
                for child in (thread / "children").read_text().split():
                    yield from family(int(child))


def proportional_set_size(process: int) -> int:
    """Return the memory of a process in bytes; 0 if it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def measure(
    command: Sequence[str],
    variables: dict[str, str],
    folder: Path,
    limit: float,
    *,
    memory: bool,
    log: Path,
) -> Measured:
    """Run a command to its end, or for `limit` seconds; what it prints goes to `log`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with log.open("wb") as printed:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed,
            start_new_session=True,
        )  # fmt: skip
        peak = Peak(process.pid)
        if memory:
            peak.start()
        try:
            exit_code = _wait(process, limit)
        finally:
            seconds = time.perf_counter() - started
            if memory:
                peak.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = log.read_text(errors="replace").split("\n")
    last_line = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return Measured(seconds, used, peak.bytes, exit_code, last_line)


def _wait(process: subprocess.Popen[bytes], limit: float) -> int | None:
    """Return the exit code, or None if the process and its group had to be stopped."""
    overdue = threading.Event()

    def stop_late() -> None:
        overdue.set()
        _stop(process.pid)

    # `Popen.wait` with a timeout looks only every 50 ms, too seldom for what takes a tenth of a second.
    timer = threading.Timer(limit, stop_late)
    timer.start()
    try:
        exit_code = process.wait()
    except BaseException:
        _stop(process.pid)
        process.wait()
        raise
    finally:
        timer.cancel()
    return None if overdue.is_set() else exit_code


def _stop(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
