"""The entry point of a program: turns errors into one message and an exit code, and handles signals."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from types import FrameType

from reduction.errors import Interrupted, ReducerError
from reduction.runtime import logs

_INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h
_LOG = logging.getLogger("reduction")


def run_main(run: Callable[[], None]) -> int:
    """Call `run` and return the exit code of the program; exceptions are logged.

    SIGINT and SIGTERM raise `Interrupted` in `run`. A traceback is logged only at LOG_LEVEL=DEBUG, and for
    unexpected exceptions.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    if not _LOG.handlers:
        logs.to_standard_error("INFO", logs.CONTROLLER)  # until the configuration is read
    try:
        run()
    except (ReducerError, Interrupted) as error:
        _LOG.error("%s", error, exc_info=_LOG.isEnabledFor(logging.DEBUG))
        return error.exit_code
    except Exception:
        _LOG.exception("internal error, please report this as a bug")
        return _INTERNAL_ERROR
    return 0


def _interrupt(number: int, _: FrameType | None) -> None:
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)  # further signals must not interrupt the cleanup
    raise Interrupted(number)
