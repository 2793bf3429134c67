"""Runs one process a runner, really: starts all, waits for all, and lets none outlive the others' failure.

Children are forked (docs/adr/0003), so a process that starts runners must not have threads. Only plain values
come back: log lines, and how it ended. Where a runner is, it tells on the `progress.Board`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from types import TracebackType
from typing import Generic, Self, TypeVar

from reduction import logs
from reduction.errors import ReducerError

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_TICK = 0.1  # seconds between two looks at the board
_GRACE = 5.0  # seconds a runner has to end after SIGTERM

_Job = TypeVar("_Job")


@dataclass(frozen=True)
class Failure:
    """How a runner failed: its own exit code and sentence, or what ended it from outside."""

    runner: int
    exit_code: int | None
    cause: str


@dataclass
class _Child:
    process: ForkProcess
    inbox: Connection
    done: bool = False
    failure: Failure | None = field(default=None)


class Runners(Generic[_Job]):
    """The processes of some runners; `work(job, index)` is what each of them does.

    `index` counts the jobs from 0, in their order. To be used in a `with` block.
    """

    def __init__(self, work: Callable[[_Job, int], None], log_level: str) -> None:
        self._work = work
        self._log_level = log_level
        self._children: dict[int, _Child] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what still runs, whatever was raised meanwhile: no process is left behind."""
        with _signals_held():
            self._stop()

    def start(self, jobs: Mapping[int, _Job]) -> None:
        """Start a process for each runner number of `jobs`."""
        for index, (runner, job) in enumerate(jobs.items()):
            self._start(runner, job, index)

    def wait(self, tick: Callable[[], None]) -> Failure | None:
        """Return when all are done, or the first failure; `tick` is called about ten times a second."""
        while running := [child for child in self._children.values() if not child.done]:
            self._hear(running)
            tick()
            for child in running:
                if child.failure:
                    return child.failure
        return None

    def _start(self, runner: int, job: _Job, index: int) -> None:
        context = multiprocessing.get_context("fork")
        inbox, outbox = context.Pipe(duplex=False)
        process = context.Process(
            target=_child_main,
            args=(self._work, job, index, runner, outbox, self._log_level),
            name=f"runner-{runner}",
        )
        with _signals_held():  # or a process could be there that nobody knows of yet
            process.start()
            self._children[runner] = _Child(process, inbox)
        outbox.close()  # or the end of the child would not be seen, and later children would inherit it

    def _hear(self, running: list[_Child]) -> None:
        """Take what the runners say until the next tick is due."""
        by_inbox = {child.inbox: child for child in running}
        for inbox in wait(list(by_inbox), timeout=_TICK):
            child = by_inbox[inbox]  # type: ignore[index]
            try:
                kind, said = child.inbox.recv()
            except EOFError:
                child.failure = _ended_from_outside(child.process)
                continue
            if kind == "log":
                logs.log_forwarded(said)
            elif kind == "done":
                child.done = True
            else:
                child.failure = Failure(*said)

    def _stop(self) -> None:
        """End what still runs; returns when every process is gone."""
        children = list(self._children.values())
        for child in children:
            if not child.done:
                child.process.terminate()
        for child in children:
            child.process.join(_GRACE)
            if child.process.exitcode is None:
                child.process.kill()
                child.process.join()
            child.inbox.close()


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let a signal that would stop this process wait until the block is done."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _child_main(
    work: Callable[[_Job, int], None], job: _Job, index: int, runner: int, outbox: Connection, log_level: str
) -> None:
    """Be a runner: the controller hears SIGINT for all of us, and SIGTERM ends us at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)  # the controller held them while it forked
    logs.to_controller(log_level, runner, outbox)
    _end_with_controller()
    try:
        work(job, index)
    except ReducerError as error:
        outbox.send(("failed", (runner, error.exit_code, str(error))))
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # give memory back, or there may be none left to tell it
        outbox.send(("failed", (runner, None, _told(error))))
    else:
        outbox.send(("done", None))
    outbox.close()
    sys.stderr.flush()
    os._exit(0)  # what the controller set up before the fork is not this process's to tear down


def _end_with_controller() -> None:
    """Let this process end as soon as its parent is gone, even if that was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _told(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({os.path.basename(last.filename)}:{last.lineno})"  # noqa: PTH119


def _ended_from_outside(process: ForkProcess) -> Failure:
    process.join(_GRACE)
    runner = int(process.name.removeprefix("runner-"))
    code = process.exitcode
    if code is None or code >= 0:
        return Failure(runner, None, f"its process ended without a word, exit code {code}")
    name = str(-code)
    with suppress(ValueError):
        name = signal.Signals(-code).name
    hint = "; often this is a lack of memory: try fewer runners" if -code == signal.SIGKILL else ""
    return Failure(runner, None, f"its process was killed from outside by {name}{hint}")
