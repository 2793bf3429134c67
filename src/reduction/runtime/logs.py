"""Log lines as `time - Runner [3] - LEVEL: message`, on standard error only."""

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
    """Return how a runner signs its lines."""
    return f"Runner [{runner}]"


def to_standard_error(level: str, who: str) -> None:
    """Let this process log to standard error, signed by `who`."""
    handler = _StandardError()
    handler.setFormatter(logging.Formatter(_FORMAT, defaults={"who": who}))
    _install(handler, level)


def to_controller(level: str, runner: int, send: Callable[[float, int, str, str], None]) -> None:
    """Let this process send its log lines to the controller, as what `log_forwarded` takes."""
    _install(_Forwarder(runner_name(runner), send), level)


def log_forwarded(created: float, level: int, who: str, text: str) -> None:
    """Log a line that a runner sent."""
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
    """Writes to what `sys.stderr` is at the time: a progress bar may stand in for it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


class _Forwarder(logging.Handler):
    """Sends plain values, so that a line needs nothing of the runner's process to be shown."""

    def __init__(self, who: str, send: Callable[[float, int, str, str], None]) -> None:
        super().__init__()
        self._who = who
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._send(record.created, record.levelno, self._who, record.getMessage())
        except OSError:
            os._exit(1)  # the controller is gone: nobody is to take this as a fault of the file at hand
