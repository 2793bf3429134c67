"""A pool of forked worker processes, one per runner: if one fails, the others are stopped.

Children are forked (docs/adr/0003, 0011), so a process that starts runners must not have threads. Runners
send only plain values to the controller, as lines of JSON in a pipe: log lines and their outcome. Their
progress is in shared memory (`progress.SharedProgress`).
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

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_TICK = 0.1  # seconds between two updates of the progress display
_GRACE = 5.0  # seconds that a runner has to end after SIGTERM
_READ_SIZE = 1 << 16  # bytes: the capacity of a pipe
_RESERVE = 4 << 20  # bytes of address space

_Job = TypeVar("_Job")


class WorkerFailure(NamedTuple):
    """The failure of a runner: its exit code if it raised a `ReducerError`, and the cause as a sentence."""

    runner: int
    exit_code: int | None
    cause: str


class _Worker:
    """The controller's view of a runner: its process, and the reading end of its pipe."""

    def __init__(self, runner: int, pid: int, inbox: int) -> None:
        self.runner = runner
        self.inbox = inbox
        self.done = False
        self.failure: WorkerFailure | None = None
        self._pid = pid
        self._exit_code: int | None = None
        self._incomplete = b""  # the beginning of a line

    def read_messages(self) -> list[list[Any]] | None:
        """Wait for messages and return them; None if the process has ended."""
        data = os.read(self.inbox, _READ_SIZE)
        if not data:
            return None
        *lines, self._incomplete = (self._incomplete + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def wait_for_end(self, seconds: float) -> bool:
        """Return whether the process ends within `seconds`; further messages are discarded."""
        poll = select.poll()
        poll.register(self.inbox, select.POLLIN)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if poll.poll(left * 1000) and not os.read(self.inbox, _READ_SIZE):
                return True
        return False

    def kill(self, number: int) -> None:
        """Send a signal, unless the process has been reaped."""
        if self._exit_code is None:
            os.kill(self._pid, number)

    def reap(self) -> int:
        """Wait for the end of the process; return its exit code, or minus the number of the signal."""
        if self._exit_code is None:
            self._exit_code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._exit_code


class WorkerPool(Generic[_Job]):
    """One process per runner, each of which calls `work(job, index)`. Use it in a `with` block.

    `index` is the position of the job in the mapping given to `start`, from 0.
    """

    def __init__(self, work: Callable[[_Job, int], None], log_level: str) -> None:
        self._work = work
        self._log_level = log_level
        self._workers: dict[int, _Worker] = {}
        self._lifeline = os.pipe()  # nothing is written; the reader sees its end when the controller ends

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the processes that still run, whatever was raised; none outlives the block."""
        with _signals_blocked():
            self._stop()

    def start(self, jobs: Mapping[int, _Job]) -> None:
        """Start a process for each runner; `jobs` maps runner numbers to jobs."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if our parent ignored it, exit codes would be lost
        for index, (runner, job) in enumerate(jobs.items()):
            self._start(runner, job, index)

    def wait(self, tick: Callable[[], None]) -> WorkerFailure | None:
        """Return None when all runners are done, or the first failure; call `tick` ten times a second."""
        while running := [worker for worker in self._workers.values() if not worker.done]:
            self._handle_messages(running)
            tick()
            for worker in running:
                if worker.failure:
                    return worker.failure
        return None

    def _start(self, runner: int, job: _Job, index: int) -> None:
        inbox, outbox = os.pipe()
        with _signals_blocked():  # or a process could exist that `_stop` does not know yet
            pid = os.fork()
            if pid == 0:
                try:
                    self._worker_main(runner, job, index, outbox)
                finally:  # never unwind: cleanup handlers of the controller must not run in this process
                    os._exit(1)
            self._workers[runner] = _Worker(runner, pid, inbox)
        os.close(outbox)  # or the end of the runner would go unnoticed, and later runners would inherit it

    def _worker_main(self, runner: int, job: _Job, index: int, outbox: int) -> NoReturn:
        """Run in the child: SIGINT is handled by the controller, SIGTERM ends the process at once."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)  # the controller blocked them for the fork
        os.close(self._lifeline[1])
        _exit_when_closed(self._lifeline[0])

        def send(*message: object) -> None:
            line = memoryview(json.dumps(message).encode() + b"\n")
            while line:
                line = line[os.write(outbox, line) :]

        logs.to_controller(self._log_level, runner, functools.partial(send, "log"))
        reserve = mmap.mmap(-1, _RESERVE)  # released on failure, so that there is memory to report it
        try:
            self._work(job, index)
        except ReducerError as error:
            send("failed", error.exit_code, str(error))
        except BaseException as error:
            reserve.close()
            traceback.clear_frames(error.__traceback__)
            send("failed", None, _describe(error))
        else:
            send("done")
        os._exit(0)

    def _handle_messages(self, running: list[_Worker]) -> None:
        """Handle the messages of all runners that arrive until the next tick.

        Log lines that arrive together are logged in the order of their time stamps, not of the runners.
        """
        by_inbox = {worker.inbox: worker for worker in running}
        poll = select.poll()
        for inbox in by_inbox:
            poll.register(inbox, select.POLLIN)
        log_lines = []
        for inbox, _ in poll.poll(_TICK * 1000):
            worker = by_inbox[inbox]
            messages = worker.read_messages()
            if messages is None:
                worker.failure = _unexpected_end(worker)
                continue
            for kind, *values in messages:
                if kind == "log":
                    log_lines.append(values)
                elif kind == "done":
                    worker.done = True
                else:
                    worker.failure = WorkerFailure(worker.runner, *values)
        for values in sorted(log_lines, key=lambda values: values[0]):
            logs.log_forwarded(*values)

    def _stop(self) -> None:
        """Stop the runners that still run, and return when every process has ended."""
        workers = self._workers.values()
        for worker in workers:
            if not worker.done:
                worker.kill(signal.SIGTERM)
        for worker in workers:
            if not worker.wait_for_end(_GRACE):
                worker.kill(signal.SIGKILL)
            worker.reap()
            os.close(worker.inbox)
        for end in self._lifeline:
            os.close(end)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Delay signals that stop this process until the block is left."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _exit_when_closed(lifeline: int) -> None:
    """End this process when the controller, the only writer of `lifeline`, ends, even if it is killed."""

    def watch() -> None:
        os.read(lifeline, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _describe(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({os.path.basename(last.filename)}:{last.lineno})"  # noqa: PTH119


def _unexpected_end(worker: _Worker) -> WorkerFailure:
    code = worker.reap()
    if code >= 0:
        return WorkerFailure(
            worker.runner, None, f"the process exited with code {code} without an error message"
        )
    name = str(-code)
    with suppress(ValueError):
        name = signal.Signals(-code).name
    hint = ", often the OOM killer; try fewer runners" if -code == signal.SIGKILL else ""
    return WorkerFailure(worker.runner, None, f"the process was killed by {name}{hint}")
