"""Progress display: a bar on a terminal, otherwise a log line every few seconds."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from reduction.runtime.text import human_bytes, human_rate, plural

if TYPE_CHECKING:
    from rich.progress import Progress

_LOG = logging.getLogger("reduction.progress")
_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BEFORE_BAR = 0.3  # a shorter run needs no bar, and need not import one


class ProgressReporter:
    """Reports the progress of `total_files` files of `total_bytes` bytes; `update` may be called often.

    `activity` is the label of the bar. Use it in a `with` block.
    """

    def __init__(self, total_files: int, total_bytes: int, activity: str = "reducing") -> None:
        self._total_files = total_files
        self._total_bytes = total_bytes
        self._activity = activity
        self._started = self._last_line = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, files: int, done_bytes: int) -> None:
        """Report the number of files and bytes done so far."""
        done_bytes = min(done_bytes, self._total_bytes)  # a split reads beyond its end to finish its last row
        now = time.monotonic()
        if sys.stderr.isatty() or self._bar is not None:
            if now - self._started >= _SECONDS_BEFORE_BAR and _LOG.isEnabledFor(logging.INFO):
                self._show_bar(files, done_bytes)
        elif now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            self._log_line(files, done_bytes, now - self._started)

    def _log_line(self, files: int, done_bytes: int, seconds: float) -> None:
        percent = 100 * done_bytes / self._total_bytes if self._total_bytes else 100
        line = (
            f"{percent:.0f}%: {files:,} of {plural(self._total_files, 'file')},"
            f" {human_bytes(done_bytes)} of {human_bytes(self._total_bytes)}"
        )
        if done_bytes:  # without it there is neither a rate nor an estimate
            rate = done_bytes / seconds
            line += f", {human_rate(rate)}, {(self._total_bytes - done_bytes) / rate:.0f} s left"
        _LOG.info("%s", line)

    def _show_bar(self, files: int, done_bytes: int) -> None:
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.add_task(self._activity, total=self._total_bytes, files=0, of=self._total_files)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done_bytes, files=files)
        self._bar.refresh()


def _new_bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[files]:,}/{task.fields[of]:,} files"),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,  # a refreshing thread must not exist when runners are forked
    )
