"""Runs the controller over and over, each time killed one step on the file system later than the time before.

    python step_killer.py TEMPLATE ATTEMPTS MODE[,CONFIGURED MODE …]

TEMPLATE has `input` and `output`; every attempt works on a copy of it, below ATTEMPTS. In each a fork of this
process runs the first mode, and kills itself with SIGKILL just before its first, second, third … step. Then
the same and the other modes are run to their end. A JSON line says what was found; the last one is that of
the attempt that came to its end before its turn to be killed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from killer import Killer, forked

from reduction.app import controller
from reduction.runtime.atomic_file import AtomicFile

STEPS = ("open", "fsync", "replace", "unlink", "close")  # of `os`; reads change nothing


class ControllerKiller(Killer):
    """Kills the controller.

    MEMORY_OF_ROWS in the environment are the bytes that the native engine has for rows.
    """

    def arm(self) -> None:
        """See `Killer`."""
        if memory := os.environ.get("MEMORY_OF_ROWS"):
            from reduction.engines.native import engine

            engine.row_budget = lambda *_: int(memory)  # type: ignore[assignment]
        self.guard(STEPS)
        AtomicFile.write = self._torn(AtomicFile.write)  # type: ignore[method-assign]
        AtomicFile.append = self._torn_append(AtomicFile.append)  # type: ignore[method-assign]

    def _torn(self, really: Callable[[AtomicFile, bytes], None]) -> Callable[[AtomicFile, bytes], None]:
        def write(file: AtomicFile, data: bytes) -> None:
            if self.step("write"):
                really(file, data[: len(data) // 2])
                file._file.flush()
                self.die()
            really(file, data)

        return write

    def _torn_append(self, really: Callable[[AtomicFile, Any], None]) -> Callable[[AtomicFile, Any], None]:
        def append(file: AtomicFile, writer: Any) -> None:
            if self.step("append"):
                descriptor = file._file.fileno()
                start = os.fstat(descriptor).st_size
                really(file, writer)
                os.truncate(descriptor, (start + os.fstat(descriptor).st_size) // 2)
                self.die()
            really(file, writer)

        return append


def run(folder: Path, mode: str, kill_at: int | None) -> tuple[int, str]:
    """Run the controller in a fork; returns its exit code (-9 if it was killed) and the step it died at."""

    def reduce() -> int:
        os.environ |= {
            "REDUCER_MODE": mode,
            "REDUCER_INPUT_DIR": str(folder / "input"),
            "REDUCER_OUTPUT_DIR": str(folder / "output"),
        }
        return controller.main(["--inline"])

    return forked(folder, reduce, ControllerKiller, kill_at)


def found(folder: Path, code: int) -> dict[str, Any]:
    """What a run left behind."""
    output = folder / "output"
    combined = output / "Combined.csv"
    return {
        "code": code,
        "combined": combined.read_text() if combined.exists() else None,
        "leftovers": sorted(path.name for path in output.glob(".Combined*")),
    }


def main() -> None:
    """Attempt after attempt, until one is not killed any more."""
    template, attempts = Path(sys.argv[1]), Path(sys.argv[2])
    first, *others = sys.argv[3].split(",")
    kill_at = 0
    killed = True
    while killed:
        kill_at += 1
        folder = attempts / str(kill_at)
        shutil.copytree(template, folder)
        code, step = run(folder, first, kill_at)
        killed = code == -signal.SIGKILL
        reported = {"step": step, "killed": {"mode": first, **found(folder, code)}, "then": []}
        for mode in others:
            reported["then"].append({"mode": mode, **found(folder, run(folder, mode, None)[0])})  # type: ignore[attr-defined]
        reported["log"] = (folder / "log").read_text()
        print(json.dumps(reported), flush=True)  # noqa: T201 - it is what the test reads
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
