"""The last reports and the open windows as a table that is live on a terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from reduction.hosts.streaming.reports import Report, moment

_REPORTS = 12  # that stay visible
_NAMES = 6  # of hosts in a cell
_LF = b"\n"


class LiveTable:
    """The table; log lines go above it."""

    def __init__(self, host: str, console: Console | None = None) -> None:
        self._host = host
        self._reports: deque[Report] = deque(maxlen=_REPORTS)
        self._live = Live(self._table([]), console=console or Console(), auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, reports: Sequence[Report]) -> None:
        """Add reports; the oldest ones disappear."""
        self._reports.extend(reports)
        self.update([])

    def update(self, snapshot: Sequence[Report]) -> None:
        """Show the open windows so far."""
        self._live.update(self._table(snapshot), refresh=True)

    def _table(self, snapshot: Sequence[Report]) -> Table:
        table = Table(title=f"Connections of {escape(self._host)}", title_justify="left")
        for heading in ("from", "to", "connected to", "connected from", "busiest"):
            table.add_column(heading, overflow="fold")
        for heading in ("lines", "late", "malformed"):
            table.add_column(heading, justify="right")
        for report in self._reports:
            table.add_row(*_cells(report))
        for report in snapshot:
            table.add_row(*_cells(report), style="dim")
        return table


def _cells(report: Report) -> list[str]:
    window = report.window
    busiest = f"{_some(window.busiest)} ({window.connections:,})" if window.lines else ""
    return [
        moment(report.start_ms), moment(report.end_ms),
        _some(window.outgoing), _some(window.incoming), busiest,
        f"{window.lines:,}", f"{window.late:,}", f"{sum(window.malformed.values()):,}",
    ]  # fmt: skip


def _some(names: bytes) -> str:
    """Return the first of the hosts, and how many more there are."""
    *first, last = names.split(b"\n", _NAMES)
    if len(first) < _NAMES:
        return escape(", ".join(name.decode() for name in (*first, last)))
    return f"{escape(', '.join(name.decode() for name in first))} and {last.count(_LF) + 1:,} more"
