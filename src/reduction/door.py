"""The one way out of a program: errors become one message and an exit code, signals stop it in good order."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable
from types import FrameType

from reduction.errors import Interrupted, ReducerError

_UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h: a fault of the program itself
_LOG = logging.getLogger("reduction")


def open_door(run: Callable[[], None]) -> int:
    """Run `run` and return the exit code; what it raises is told on standard error.

    SIGINT and SIGTERM are raised in it as `Interrupted`. The traceback is shown at LOG_LEVEL=DEBUG only,
    and for errors that nobody foresaw.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        run()
    except (ReducerError, Interrupted) as error:
        _tell(error)
        return error.exit_code
    except Exception:
        _LOG.exception("a fault of the program, please report it")
        return _UNEXPECTED
    return 0


def _interrupt(number: int, _: FrameType | None) -> None:
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)  # once is enough: let it clean up
    raise Interrupted(number)


def _tell(error: ReducerError | Interrupted) -> None:
    if _LOG.handlers:
        _LOG.error("%s", error, exc_info=_LOG.isEnabledFor(logging.DEBUG))
    else:  # the configuration did not get as far as the log level
        sys.stderr.write(f"ERROR: {error}\n")
