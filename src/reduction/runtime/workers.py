"""Runs one process a runner, really: starts all, waits for all, and lets none outlive the others' failure.

Children are forked (docs/adr/0003, 0011), so a process that starts runners must not have threads. Only plain
values come back, as lines of JSON: log lines, and how it ended. Where a runner is, it tells on the
`progress.SharedProgress`.
"""

from __future__ import annotations

import functools
import json
import mmap
import os
import select
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Generic, NamedTuple, NoReturn, Self, TypeVar

from reduction.errors import ReducerError
from reduction.runtime import logs

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_TICK = 0.1  # seconds between two looks at the board
_GRACE = 5.0  # seconds a runner has to end after SIGTERM
_READ_AT_ONCE = 1 << 16  # bytes: what a pipe holds
_SPARE = 4 << 20  # bytes of address space

_Job = TypeVar("_Job")


class WorkerFailure(NamedTuple):
    """How a runner failed: its own exit code and sentence, or what ended it from outside."""

    runner: int
    exit_code: int | None
    cause: str


class _Worker:
    """A runner's process, and the end of the pipe through which it tells."""

    def __init__(self, runner: int, pid: int, inbox: int) -> None:
        self.runner = runner
        self.inbox = inbox
        self.done = False
        self.failure: WorkerFailure | None = None
        self._pid = pid
        self._exit_code: int | None = None
        self._rest = b""  # of a line that has not come whole

    def hear(self) -> list[list[Any]] | None:
        """Wait for messages and return them, or None if the process has ended."""
        data = os.read(self.inbox, _READ_AT_ONCE)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def ends(self, seconds: float) -> bool:
        """Return whether the process ends within so many seconds; what it still says is not heard."""
        poll = select.poll()
        poll.register(self.inbox, select.POLLIN)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if poll.poll(left * 1000) and not os.read(self.inbox, _READ_AT_ONCE):
                return True
        return False

    def kill(self, number: int) -> None:
        """Send a signal, if the process is still to be reaped."""
        if self._exit_code is None:
            os.kill(self._pid, number)

    def reap(self) -> int:
        """Wait for the end; return the exit code, or minus the number of the signal that ended it."""
        if self._exit_code is None:
            self._exit_code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._exit_code


class WorkerPool(Generic[_Job]):
    """The processes of some runners; `work(job, index)` is what each of them does.

    `index` counts the jobs from 0, in their order. To be used in a `with` block.
    """

    def __init__(self, work: Callable[[_Job, int], None], log_level: str) -> None:
        self._work = work
        self._log_level = log_level
        self._children: dict[int, _Worker] = {}
        self._lifeline = os.pipe()  # nothing is written: it is at its end when the controller is

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
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if our parent ignored it, no exit code could be had
        for index, (runner, job) in enumerate(jobs.items()):
            self._start(runner, job, index)

    def wait(self, tick: Callable[[], None]) -> WorkerFailure | None:
        """Return when all are done, or the first failure; `tick` is called about ten times a second."""
        while running := [child for child in self._children.values() if not child.done]:
            self._hear(running)
            tick()
            for child in running:
                if child.failure:
                    return child.failure
        return None

    def _start(self, runner: int, job: _Job, index: int) -> None:
        inbox, outbox = os.pipe()
        with _signals_held():  # or a process could be there that nobody knows of yet
            pid = os.fork()
            if pid == 0:
                try:
                    self._be_runner(runner, job, index, outbox)
                finally:  # what the controller set up before the fork is not this process's to tear down
                    os._exit(1)
            self._children[runner] = _Worker(runner, pid, inbox)
        os.close(outbox)  # or the end of the child would not be seen, and later children would inherit it

    def _be_runner(self, runner: int, job: _Job, index: int, outbox: int) -> NoReturn:
        """Be a runner: the controller hears SIGINT for all of us, and SIGTERM ends us at once."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)  # the controller held them while it forked
        os.close(self._lifeline[1])
        _end_at_end_of(self._lifeline[0])

        def send(*message: object) -> None:
            line = memoryview(json.dumps(message).encode() + b"\n")
            while line:
                line = line[os.write(outbox, line) :]

        logs.to_controller(self._log_level, runner, functools.partial(send, "log"))
        spare = mmap.mmap(-1, _SPARE)  # given back when work fails, or there may be no memory to tell it
        try:
            self._work(job, index)
        except ReducerError as error:
            send("failed", error.exit_code, str(error))
        except BaseException as error:
            spare.close()
            traceback.clear_frames(error.__traceback__)
            send("failed", None, _told(error))
        else:
            send("done")
        os._exit(0)

    def _hear(self, running: list[_Worker]) -> None:
        """Take what the runners say until the next tick is due."""
        by_inbox = {child.inbox: child for child in running}
        poll = select.poll()
        for inbox in by_inbox:
            poll.register(inbox, select.POLLIN)
        for inbox, _ in poll.poll(_TICK * 1000):
            child = by_inbox[inbox]
            messages = child.hear()
            if messages is None:
                child.failure = _ended_from_outside(child)
                continue
            for kind, *said in messages:
                if kind == "log":
                    logs.log_forwarded(*said)
                elif kind == "done":
                    child.done = True
                else:
                    child.failure = WorkerFailure(child.runner, *said)

    def _stop(self) -> None:
        """End what still runs; returns when every process is gone."""
        children = self._children.values()
        for child in children:
            if not child.done:
                child.kill(signal.SIGTERM)
        for child in children:
            if not child.ends(_GRACE):
                child.kill(signal.SIGKILL)
            child.reap()
            os.close(child.inbox)
        for end in self._lifeline:
            os.close(end)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let a signal that would stop this process wait until the block is done."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_at_end_of(lifeline: int) -> None:
    """Let this process end as soon as no other has the writing end of `lifeline`, even if that was killed."""

    def watch() -> None:
        os.read(lifeline, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _told(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({os.path.basename(last.filename)}:{last.lineno})"  # noqa: PTH119


def _ended_from_outside(child: _Worker) -> WorkerFailure:
    code = child.reap()
    if code >= 0:
        return WorkerFailure(child.runner, None, f"its process ended without a word, exit code {code}")
    name = str(-code)
    with suppress(ValueError):
        name = signal.Signals(-code).name
    hint = "; often this is a lack of memory: try fewer runners" if -code == signal.SIGKILL else ""
    return WorkerFailure(child.runner, None, f"its process was killed from outside by {name}{hint}")
