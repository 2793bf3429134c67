"""Store operations before the fork of the runners, which leave no thread in the process that forks."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from reduction.errors import ReducerError, SettingsError
from reduction.storage.url import url_scheme

_THREADLESS_SCHEMES = {"s3"}  # their clients work in the calling thread only

_T = TypeVar("_T")


def run_isolated(url: str, work: Callable[[], _T]) -> _T:
    """Return the result of `work`, which must be picklable; a `ReducerError` that it raises is raised here.

    If the store of `url` may start threads, `work` runs in a child process: a lock that a thread holds at the
    moment of a fork would stay locked in the forked runner for ever.
    """
    if url_scheme(url) in _THREADLESS_SCHEMES:
        return work()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as outbox:
                pickle.dump(_run(work), outbox)
        finally:
            os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as inbox:
            data = inbox.read()
    except BaseException:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.waitpid(pid, 0)
    if not data:
        raise RuntimeError("the child process for a store operation ended without a result")
    error_type, value = pickle.loads(data)  # noqa: S301 - our own child wrote it
    if error_type is not None:
        raise error_type(value)
    result: _T = value
    return result


def _run(work: Callable[[], Any]) -> tuple[type[Exception] | None, Any]:
    """Return (None, the result of `work`), or the type and the argument of the error to raise."""
    try:
        return None, work()
    except SettingsError as error:
        return SettingsError, error.problems
    except ReducerError as error:
        return type(error), str(error)
    except Exception as error:  # its text may hold secrets of the URL
        return RuntimeError, f"internal error in a store operation: {type(error).__name__}"
