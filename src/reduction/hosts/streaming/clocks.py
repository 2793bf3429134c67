"""When windows begin and end: by the time at which lines are read, or by the lines' own.

Time is an argument: `now_ms` is Unix time in milliseconds and never goes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from reduction.hosts.malformed import MalformedLine
from reduction.hosts.streaming.reports import EVENT, PROCESSING, Report
from reduction.hosts.streaming.windows import Closed, Windows, new_windows


@dataclass(frozen=True, slots=True)
class Rules:
    """Whose windows they are, how long, and when they are closed."""

    host: str
    clock: str
    window_ms: int
    lateness_ms: int
    idle_ms: int


class Clock(Protocol):
    """Windows that know when they are over."""

    windows: Windows

    def take(self, block: bytes, now_ms: int) -> tuple[list[Report], list[MalformedLine]]:
        """Count a block; returns the reports that have become due, and malformed lines to show."""

    def tick(self, now_ms: int) -> list[Report]:
        """Return what has become due although nothing came."""

    def due_ms(self) -> int | None:
        """Return when `tick` will have something to do if nothing comes."""

    def end(self, now_ms: int) -> list[Report]:
        """Close what is open, because there is no more to come."""

    def standing(self, now_ms: int) -> list[Report]:
        """Return the reports of the open windows as they would be now."""

    def saved(self) -> Mapping[str, int]:
        """Return what must be known beside the windows to go on."""


def new_clock(rules: Rules, now_ms: int, saved: Mapping[str, int] | None = None) -> Clock:
    """Return the clock of these rules; it goes on where it was `saved`."""
    if rules.clock == EVENT:
        return EventClock(rules, now_ms)
    return ProcessingClock(rules, now_ms if saved is None else saved["start_ms"])


class ProcessingClock:
    """What was read in the last so many seconds, also if it was nothing."""

    def __init__(self, rules: Rules, start_ms: int) -> None:
        self.windows = new_windows(rules.host.encode(), 0, 0)
        self._rules = rules
        self._start_ms = start_ms

    def take(self, block: bytes, now_ms: int) -> tuple[list[Report], list[MalformedLine]]:
        """See `Clock`; the block belongs to the window in which it is taken."""
        reports = self.tick(now_ms)
        return reports, list(self.windows.feed(block).malformed)

    def tick(self, now_ms: int) -> list[Report]:
        """See `Clock`. Where the process stood still for whole windows there is nothing to tell of them."""
        length = self._rules.window_ms
        if now_ms < self._start_ms + length:
            return []
        report = self._close(self._start_ms + length)
        self._start_ms += (now_ms - self._start_ms) // length * length
        return [report]

    def due_ms(self) -> int:
        """See `Clock`."""
        return self._start_ms + self._rules.window_ms

    def end(self, now_ms: int) -> list[Report]:
        """See `Clock`; the last window ends now."""
        reports = self.tick(now_ms)
        end_ms = max(now_ms, self._start_ms)  # the computer's clock may have been set back
        reports.append(self._close(end_ms))
        self._start_ms = end_ms
        return reports

    def standing(self, now_ms: int) -> list[Report]:
        """See `Clock`."""
        return [self._report(window, now_ms) for window in self.windows.standing()]

    def saved(self) -> Mapping[str, int]:
        """See `Clock`."""
        return {"start_ms": self._start_ms}

    def _close(self, end_ms: int) -> Report:
        [window] = self.windows.close_all()
        return self._report(window, end_ms)

    def _report(self, window: Closed, end_ms: int) -> Report:
        return Report(PROCESSING, self._start_ms, end_ms, self._rules.host, window)


class EventClock:
    """Windows by the lines' own time; lateness closes them, or that no line has come for a while."""

    def __init__(self, rules: Rules, now_ms: int) -> None:
        self.windows = new_windows(rules.host.encode(), rules.window_ms, rules.lateness_ms)
        self._rules = rules
        self._last_line_ms = now_ms

    def take(self, block: bytes, now_ms: int) -> tuple[list[Report], list[MalformedLine]]:
        """See `Clock`."""
        self._last_line_ms = now_ms
        fed = self.windows.feed(block)
        return [self._report(window) for window in fed.closed], list(fed.malformed)

    def tick(self, now_ms: int) -> list[Report]:
        """See `Clock`."""
        if now_ms < self._last_line_ms + self._rules.idle_ms:
            return []
        return self.end(now_ms)

    def due_ms(self) -> int | None:
        """See `Clock`."""
        return self._last_line_ms + self._rules.idle_ms if self.windows.has_open() else None

    def end(self, now_ms: int) -> list[Report]:
        """See `Clock`."""
        del now_ms
        return [self._report(window) for window in self.windows.close_all()]

    def standing(self, now_ms: int) -> list[Report]:
        """See `Clock`."""
        del now_ms
        return [self._report(window) for window in self.windows.standing()]

    def saved(self) -> Mapping[str, int]:
        """See `Clock`."""
        return {}

    def _report(self, window: Closed) -> Report:
        return Report(
            EVENT, window.start_ms, window.start_ms + self._rules.window_ms, self._rules.host, window
        )
