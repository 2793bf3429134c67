"""When windows begin and end: by the time at which lines are read, or by the lines' own time.

Time is an argument: `now_ms` is Unix time in milliseconds and never decreases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from reduction.hosts.malformed import MalformedLine
from reduction.hosts.streaming.reports import EVENT, PROCESSING, Report
from reduction.hosts.streaming.windows import Closed, Windows
from reduction.hosts.streaming.windows_native import new_windows


@dataclass(frozen=True, slots=True)
class WindowConfig:
    """The host of the windows, their length, and when they are closed."""

    host: str
    clock: str
    window_ms: int
    lateness_ms: int
    idle_ms: int


class Clock(Protocol):
    """Windows that know when they are over."""

    windows: Windows

    def take(self, block: bytes, now_ms: int) -> tuple[list[Report], list[MalformedLine]]:
        """Count a block; return the reports that are due, and malformed lines to show."""

    def tick(self, now_ms: int) -> list[Report]:
        """Return reports that are due although no line arrived."""

    def due_ms(self) -> int | None:
        """Return when `tick` will have something to do if no line arrives."""

    def end(self, now_ms: int) -> list[Report]:
        """Close the open windows at the end of the input."""

    def snapshot(self, now_ms: int) -> list[Report]:
        """Return the reports of the open windows as they would be now."""

    def saved(self) -> Mapping[str, int]:
        """Return what a restart needs, in addition to the windows."""


def new_clock(config: WindowConfig, now_ms: int, saved: Mapping[str, int] | None = None) -> Clock:
    """Return the clock for this configuration; it continues from `saved`."""
    if config.clock == EVENT:
        return EventClock(config, now_ms)
    return ProcessingClock(config, now_ms if saved is None else saved["start_ms"])


class ProcessingClock:
    """Windows by the time of reading; empty windows are reported, too."""

    def __init__(self, config: WindowConfig, start_ms: int) -> None:
        self.windows = new_windows(config.host.encode(), 0, 0)
        self._config = config
        self._start_ms = start_ms

    def take(self, block: bytes, now_ms: int) -> tuple[list[Report], list[MalformedLine]]:
        """Count a block in the window of `now_ms`."""
        reports = self.tick(now_ms)
        return reports, list(self.windows.feed(block).malformed)

    def tick(self, now_ms: int) -> list[Report]:
        """Windows during which the process was suspended are not reported."""
        length = self._config.window_ms
        if now_ms < self._start_ms + length:
            return []
        report = self._close(self._start_ms + length)
        self._start_ms += (now_ms - self._start_ms) // length * length
        return [report]

    def due_ms(self) -> int:
        return self._start_ms + self._config.window_ms

    def end(self, now_ms: int) -> list[Report]:
        """The last window ends now."""
        reports = self.tick(now_ms)
        end_ms = max(now_ms, self._start_ms)  # the system clock may have been set back
        reports.append(self._close(end_ms))
        self._start_ms = end_ms
        return reports

    def snapshot(self, now_ms: int) -> list[Report]:
        return [self._report(window, now_ms) for window in self.windows.snapshot()]

    def saved(self) -> Mapping[str, int]:
        return {"start_ms": self._start_ms}

    def _close(self, end_ms: int) -> Report:
        [window] = self.windows.close_all()
        return self._report(window, end_ms)

    def _report(self, window: Closed, end_ms: int) -> Report:
        return Report(PROCESSING, self._start_ms, end_ms, self._config.host, window)


class EventClock:
    """Windows by the lines' own time, closed by lateness, or when no line has arrived for a while."""

    def __init__(self, config: WindowConfig, now_ms: int) -> None:
        self.windows = new_windows(config.host.encode(), config.window_ms, config.lateness_ms)
        self._config = config
        self._last_line_ms = now_ms

    def take(self, block: bytes, now_ms: int) -> tuple[list[Report], list[MalformedLine]]:
        self._last_line_ms = now_ms
        fed = self.windows.feed(block)
        return [self._report(window) for window in fed.closed], list(fed.malformed)

    def tick(self, now_ms: int) -> list[Report]:
        if now_ms < self._last_line_ms + self._config.idle_ms:
            return []
        return self.end(now_ms)

    def due_ms(self) -> int | None:
        return self._last_line_ms + self._config.idle_ms if self.windows.has_open() else None

    def end(self, now_ms: int) -> list[Report]:
        del now_ms
        return [self._report(window) for window in self.windows.close_all()]

    def snapshot(self, now_ms: int) -> list[Report]:
        del now_ms
        return [self._report(window) for window in self.windows.snapshot()]

    def saved(self) -> Mapping[str, int]:
        return {}

    def _report(self, window: Closed) -> Report:
        return Report(
            EVENT, window.start_ms, window.start_ms + self._config.window_ms, self._config.host, window
        )
