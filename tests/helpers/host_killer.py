"""Runs streaming over and over, each time killed one step later than the time before.

    python host_killer.py TEMPLATE ATTEMPTS ROTATION ARGUMENT…

Every attempt works on a copy of the folder TEMPLATE, below ATTEMPTS. In each a fork of this process streams
with the arguments, and kills itself with SIGKILL at its first, second, third … step: a change in a folder, a
write (of which half is done), a read, or some hundred steps of SQLite's own. Then, if ROTATION is not `none`,
the log that is followed is rotated, and another fork streams to its end. A JSON line says what was found;
the last one is that of the attempt that came to its end before its turn to be killed.

A kill is no loss of power: what was written is there. So nothing is flushed to disk, which takes time.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import watchdog.observers  # noqa: F401 - loaded once, and not in each fork
from killer import Killer, forked

from reduction.hosts import __main__ as program
from reduction.hosts.streaming import checkpoint

STEPS = ("open", "link", "unlink", "truncate", "pread")  # of `os`
SQLITE_STEPS = 400
SQLITE_VERBS = ("BEGIN", "COMMIT")


class HostKiller(Killer):
    """Kills the Host processor."""

    def arm(self) -> None:
        """See `Killer`."""
        self.guard(STEPS)
        os.fsync = self.guarded("fsync", lambda _: None)
        really_write = os.write

        def write(descriptor: int, data: bytes) -> int:
            if descriptor > 2 and descriptor != self._report and self.step("write"):
                really_write(descriptor, bytes(data)[: len(data) // 2])
                self.die()
            return really_write(descriptor, data)

        os.write = write  # type: ignore[assignment]
        killer = self

        class Base(sqlite3.Connection):
            def __init__(self, *arguments: Any, **named: Any) -> None:
                super().__init__(*arguments, **named)
                self.set_progress_handler(self._resume, SQLITE_STEPS)

            def _resume(self) -> int:
                if killer.step("sqlite"):
                    killer.die()
                return 0

            def execute(self, *arguments: Any) -> sqlite3.Cursor:
                if arguments[0].startswith("PRAGMA synchronous"):
                    return super().execute("PRAGMA synchronous = OFF")
                verb = arguments[0].split()[0]
                if verb in SQLITE_VERBS and killer.step(f"sqlite {verb}"):
                    killer.die()
                return super().execute(*arguments)

        really_connect = sqlite3.connect
        checkpoint.sqlite3.connect = lambda *a, **named: really_connect(*a, factory=Base, **named)  # type: ignore


def streamed(folder: Path, arguments: list[str], kill_at: int | None) -> tuple[int, str]:
    """StreamProcessor in a fork; returns its exit code (-9 if it was killed) and the step it died at."""

    def stream() -> int:
        os.chdir(folder)
        return program.main(arguments)

    return forked(folder, stream, HostKiller, kill_at)


def rotate(folder: Path, rotation: str) -> None:
    """Let the log that was followed make room for the one that comes after it."""
    if rotation == "rename":
        (folder / "app.log").rename(folder / "app.log.1")
        (folder / "next").rename(folder / "app.log")
    elif rotation == "copy":
        shutil.copy(folder / "app.log", folder / "app.log.1")
        os.truncate(folder / "app.log", 0)
        (folder / "app.log").write_bytes((folder / "next").read_bytes())


def main() -> None:
    """Attempt after attempt, until one is not killed any more."""
    template, attempts, rotation, *arguments = sys.argv[1:]
    kill_at = 0
    killed = True
    while killed:
        kill_at += 1
        folder = Path(attempts) / str(kill_at)
        shutil.copytree(template, folder)
        first, step = streamed(folder, arguments, kill_at)
        killed = first == -signal.SIGKILL
        rotate(folder, rotation)
        last, _ = streamed(folder, arguments, None) if killed or rotation != "none" else (first, "")
        reported = {
            "step": step, "first": first, "last": last, "out": (folder / "out").read_text(),
            "files": sorted(str(p.relative_to(folder)) for p in folder.rglob("*.txt")),
            "log": (folder / "log").read_text(),
        }  # fmt: skip
        print(json.dumps(reported), flush=True)  # noqa: T201 - it is what the test reads
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
