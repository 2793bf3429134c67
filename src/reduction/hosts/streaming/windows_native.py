"""The compiled kernel's windows, and the choice between them and those in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from reduction.hosts.batch.scanners import has_kernel
from reduction.hosts.malformed import SHOWN_OF_A_REASON, MalformedLine
from reduction.hosts.streaming.windows import Closed, Fed, Windows

if TYPE_CHECKING:
    from reduction._kernel import ClosedWindow


class NativeWindows:
    """The windows of the compiled kernel."""

    def __init__(self, host: bytes, window_ms: int, lateness_ms: int, examples: int) -> None:
        from reduction._kernel import HostWindows

        self._windows = HostWindows(host, window_ms, lateness_ms, examples)

    def feed(self, block: bytes) -> Fed:
        result = self._windows.feed(block)
        malformed = [
            MalformedLine(line.reason, line.line, line.offset, line.text) for line in result.examples
        ]
        return Fed(_closed(result.closed), malformed)

    def close_all(self) -> list[Closed]:
        return _closed(self._windows.close_all())

    def snapshot(self) -> list[Closed]:
        return _closed(self._windows.snapshot())

    def unreported(self) -> tuple[int, dict[str, int]]:
        return self._windows.unreported()

    def has_open(self) -> bool:
        return self._windows.has_open()

    def save(self, out: Callable[[bytes], object]) -> None:
        self._windows.save(out)

    def restore(self, read: Callable[[int], bytes]) -> None:
        self._windows.restore(read)


def _closed(windows: Sequence[ClosedWindow]) -> list[Closed]:
    return [
        Closed(
            window.start_ms,
            window.lines,
            window.late,
            window.malformed,
            window.outgoing,
            window.incoming,
            window.busiest,
            window.connections,
        )
        for window in windows
    ]


def new_windows(host: bytes, window_ms: int, lateness_ms: int) -> Windows:
    """Return windows without lines, counted by the kernel where it is built."""
    if has_kernel():
        return NativeWindows(host, window_ms, lateness_ms, SHOWN_OF_A_REASON)
    from reduction.hosts.streaming.windows_python import PythonWindows

    return PythonWindows(host, window_ms, lateness_ms, SHOWN_OF_A_REASON)
