"""The one way out of a program: errors become one message and an exit code, signals stop it in good order."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from types import FrameType

from reduction.errors import Interrupted, ReducerError
from reduction.runtime import logs

_UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h: a fault of the program itself
_LOG = logging.getLogger("reduction")


def run_main(run: Callable[[], None]) -> int:
    """Run `run` and return the exit code; what it raises is logged.

    SIGINT and SIGTERM are raised in it as `Interrupted`. The traceback is shown at LOG_LEVEL=DEBUG only,
    and for errors that nobody foresaw.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    if not _LOG.handlers:
        logs.to_standard_error("INFO", logs.CONTROLLER)  # until the configuration says more
    try:
        run()
    except (ReducerError, Interrupted) as error:
        _LOG.error("%s", error, exc_info=_LOG.isEnabledFor(logging.DEBUG))
        return error.exit_code
    except Exception:
        _LOG.exception("a fault of the program, please report it")
        return _UNEXPECTED
    return 0


def _interrupt(number: int, _: FrameType | None) -> None:
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)  # once is enough: let it clean up
    raise Interrupted(number)
