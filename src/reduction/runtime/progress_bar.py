"""Shows progress: a bar on a terminal, a log line every few seconds elsewhere. It counts nothing itself."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress

_LOG = logging.getLogger("reduction.progress")
_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BEFORE_BAR = 0.3  # what is over before needs no bar, and no import of one


class ProgressReporter:
    """The progress of `total_files` files of `total_bytes` bytes; `update` it as often as you like.

    `doing` says in a word what is being done.
    """

    def __init__(self, total_files: int, total_bytes: int, doing: str = "reducing") -> None:
        self._total_files = total_files
        self._total_bytes = total_bytes
        self._doing = doing
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
        """Show that so many files and bytes are done."""
        done_bytes = min(done_bytes, self._total_bytes)  # a split may read more than is its own: its last row
        now = time.monotonic()
        if sys.stderr.isatty() or self._bar is not None:
            if now - self._started >= _SECONDS_BEFORE_BAR and _LOG.isEnabledFor(logging.INFO):
                self._show_bar(files, done_bytes)
        elif now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            self._log_line(files, done_bytes, now - self._started)

    def _log_line(self, files: int, done_bytes: int, seconds: float) -> None:
        rate = done_bytes / seconds
        left = f", {(self._total_bytes - done_bytes) / rate:.0f} s left" if rate else ""
        share = 100 * done_bytes / self._total_bytes if self._total_bytes else 100
        _LOG.info(
            "%.0f %%: %s of %s files, %.1f of %.1f MB, %.1f MB/s%s",
            share, f"{files:,}", f"{self._total_files:,}",
            done_bytes / 1e6, self._total_bytes / 1e6, rate / 1e6, left,
        )  # fmt: skip

    def _show_bar(self, files: int, done_bytes: int) -> None:
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.add_task(self._doing, total=self._total_bytes, files=0, of=self._total_files)
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
        auto_refresh=False,  # a refreshing thread must not be there when runners are forked
    )
