"""Log lines of the form `time - Runner [3] - LEVEL: message`, on standard error only."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import TextIO

ROOT = "reduction"
CONTROLLER = "Reducer"
_FORMAT = "%(asctime)s - %(who)s - %(levelname)s: %(message)s"


def runner_name(runner: int) -> str:
    """Return the name of a runner in log lines."""
    return f"Runner [{runner}]"


def to_standard_error(level: str, who: str) -> None:
    """Log to standard error from now on, with `who` as the name of this process."""
    handler = _StandardError()
    handler.setFormatter(logging.Formatter(_FORMAT, defaults={"who": who}))
    _install(handler, level)


def to_controller(level: str, runner: int, send: Callable[[float, int, str, str], None]) -> None:
    """Send log lines to the controller from now on: `send` gets the arguments of `log_forwarded`."""
    _install(_Forwarder(runner_name(runner), send), level)


def log_forwarded(created: float, level: int, who: str, text: str) -> None:
    """Log a line that a runner sent; `created` is the time in seconds since the epoch."""
    record = logging.makeLogRecord({"levelno": level, "levelname": logging.getLevelName(level), "msg": text})
    record.created, record.who = created, who
    record.msecs = (created % 1) * 1000
    logging.getLogger(ROOT).handle(record)


def _install(handler: logging.Handler, level: str) -> None:
    logger = logging.getLogger(ROOT)
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to the current `sys.stderr`, which a progress bar may have replaced."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class _Forwarder(logging.Handler):
    """Sends plain values, so that the controller can log a line without any object of the runner."""

    def __init__(self, who: str, send: Callable[[float, int, str, str], None]) -> None:
        super().__init__()
        self._who = who
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._send(record.created, record.levelno, self._who, record.getMessage())
        except OSError:
            os._exit(1)  # the controller is gone; raising would look like an error of the current file
