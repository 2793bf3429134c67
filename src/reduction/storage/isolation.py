"""Work on a store before runners are forked, without leaving a thread in the process that forks them."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from reduction.errors import ReducerError, SettingsError
from reduction.storage.url import url_scheme

_START_NO_THREADS = {"s3"}  # clients that work in the calling thread alone

_T = TypeVar("_T")


def run_isolated(address: str, work: Callable[[], _T]) -> _T:
    """Return what `work` returns, a value that can be pickled; raises the `ReducerError` that it raises.

    A store that may start threads does its work in a process of its own: a lock that one of its threads
    holds at the moment of a fork would stay locked in the child for ever.
    """
    if url_scheme(address) in _START_NO_THREADS:
        return work()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            with os.fdopen(writing, "wb") as answer:
                pickle.dump(_done(work), answer)
        finally:
            os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as answer:
            data = answer.read()
    except BaseException:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.waitpid(pid, 0)
    if not data:
        raise RuntimeError("the process that was to work on the store ended without a word")
    raised, value = pickle.loads(data)  # noqa: S301 - our own child wrote it
    if raised is not None:
        raise raised(value)
    made: _T = value
    return made


def _done(work: Callable[[], Any]) -> tuple[type[Exception] | None, Any]:
    """Return (None, what `work` returns), or what it raises and what that is made of."""
    try:
        return None, work()
    except SettingsError as error:
        return SettingsError, error.problems
    except ReducerError as error:
        return type(error), str(error)
    except Exception as error:  # its text may hold what is in the address
        return RuntimeError, f"a error of the program in the work on the store: {type(error).__name__}"
