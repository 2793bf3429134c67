"""The compiled kernel's scanner, and the choice between it and the one in Python."""

from __future__ import annotations

from importlib.util import find_spec

from reduction.hosts.batch.scan import LateLine, NewScanner, Query, ScanStats
from reduction.hosts.malformed import SHOWN_OF_A_REASON, MalformedLine


class NativeScanner:
    """The scanner of the compiled kernel, which lets other threads run meanwhile."""

    def __init__(self, query: Query, newest_ms: int, instruction_set: str = "") -> None:
        from reduction import _kernel

        self._search = _kernel.HostSearch(
            query.host,
            query.start_ms,
            query.end_ms,
            query.lateness_ms,
            newest_ms,
            SHOWN_OF_A_REASON,
            instruction_set,
        )

    def feed(self, block: memoryview, offset: int) -> None:
        self._search.feed(block, offset)

    def stats(self) -> ScanStats:
        stats = self._search.stats()
        late = stats.late
        return ScanStats(
            stats.lines,
            [MalformedLine(line.reason, line.line, line.offset, line.text) for line in stats.examples],
            stats.oldest_ms,
            stats.newest_ms,
            None if late is None else LateLine(late.line, late.offset, late.time_ms, late.newest_ms),
            stats.outgoing,
            stats.incoming,
        )


def has_kernel() -> bool:
    """Return whether the compiled kernel is installed."""
    return find_spec("reduction._kernel") is not None


def choose_scanner() -> NewScanner:
    """Return the fastest scanner that is installed."""
    if has_kernel():
        return NativeScanner
    from reduction.hosts.batch.scan_python import PythonScanner

    return PythonScanner
