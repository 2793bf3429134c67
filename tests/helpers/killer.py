"""Kills a process at one of its steps; the base of the scripts that do so at each step in turn."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


class Killer:
    """Counts the steps of all threads and kills this process at one of them."""

    def __init__(self, at: int, report: int) -> None:
        self._left = at
        self._report = report
        self._lock = threading.Lock()

    def step(self, name: str) -> bool:
        """Take note of a step; returns whether it is the one to die at."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.write(self._report, name.encode(errors="surrogateescape"))
            return self._left == 0

    def arm(self) -> None:
        """Let every step from now on count."""
        raise NotImplementedError

    def guard(self, names: Sequence[str]) -> None:
        """Let every call of these functions of `os` be a step."""
        for name in names:
            setattr(os, name, self.guarded(name, getattr(os, name)))

    def guarded(self, name: str, really: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that is a step and then `really`."""

        def call(*arguments: Any, **named: Any) -> Any:
            if self.step(f"{name} {arguments[0]}"):
                self.die()
            return really(*arguments, **named)

        return call

    @staticmethod
    def die() -> None:
        """End as kill -9 ends a process."""
        os.kill(os.getpid(), signal.SIGKILL)


def forked(
    folder: Path, work: Callable[[], int], killer: type[Killer], kill_at: int | None
) -> tuple[int, str]:
    """Do `work` in a fork that logs to `log` in `folder`.

    Returns its exit code (-9 if it was killed) and the step it died at.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.dup2(os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
            if kill_at is not None:
                killer(kill_at, writing).arm()
            code = work()
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as step:
        return os.waitstatus_to_exitcode(status), step.read()
