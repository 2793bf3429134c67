"""Time windows over a log, counted by the kernel, or by Python where it is not built.

Time comes from the lines or from the caller: nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from reduction.hosts.batch.scanners import has_kernel
from reduction.hosts.malformed import SHOWN_OF_A_REASON, MalformedLine

if TYPE_CHECKING:
    from reduction._kernel import ClosedWindow


class Closed(NamedTuple):
    """A closed window. Hosts are sorted by their bytes and separated by LF, which no host contains.

    `late` and `malformed` count lines since the window closed before this one: late lines belong to windows
    that are closed, malformed ones to no window.
    """

    start_ms: int
    lines: int
    late: int
    malformed: dict[str, int]
    outgoing: bytes
    incoming: bytes
    busiest: bytes
    connections: int


class Fed(NamedTuple):
    """The result of a block: the windows that it closed, in order, and its first malformed lines."""

    closed: Sequence[Closed]
    malformed: Sequence[MalformedLine]


class WindowBackend(Protocol):
    """What both sides can do, in plain tuples: `NativeWindows` and `PythonWindows`."""

    def feed(self, block: bytes) -> tuple[Sequence[tuple[Any, ...]], Sequence[tuple[Any, ...]]]:
        """See `Windows.feed`."""

    def close_all(self) -> Sequence[tuple[Any, ...]]:
        """See `Windows.close_all`."""

    def snapshot(self) -> Sequence[tuple[Any, ...]]:
        """See `Windows.snapshot`."""

    def unreported(self) -> tuple[int, dict[str, int]]:
        """See `Windows.unreported`."""

    def has_open(self) -> bool:
        """See `Windows.has_open`."""

    def save(self, out: Callable[[bytes], object]) -> None:
        """See `Windows.save`."""

    def restore(self, read: Callable[[int], bytes]) -> None:
        """See `Windows.restore`."""


class Windows:
    """Who connected to HOST, to whom HOST connected, and which hosts made most connections, by windows.

    Windows are of the lines' own time and aligned to the epoch; one is closed when the newest time seen is
    the lateness past its end. Lines for a closed window are late. Without a length (0) all lines go to one
    window, which starts at 0 and is always open, until `close_all` begins another one.
    """

    def __init__(self, backend: WindowBackend) -> None:
        self._backend = backend

    def feed(self, block: bytes) -> Fed:
        """Count complete lines; the last one needs no line end."""
        closed, malformed = self._backend.feed(block)
        return Fed([Closed(*window) for window in closed], [MalformedLine(*line) for line in malformed])

    def close_all(self) -> list[Closed]:
        """Close every open window; lines that arrive for one of them later are late."""
        return [Closed(*window) for window in self._backend.close_all()]

    def snapshot(self) -> list[Closed]:
        """Return the open windows as if they were closed now, without changing them."""
        return [Closed(*window) for window in self._backend.snapshot()]

    def unreported(self) -> tuple[int, dict[str, int]]:
        """Return the late and the malformed lines that the next closed window will report."""
        return self._backend.unreported()

    def has_open(self) -> bool:
        """Return whether a window is open."""
        return self._backend.has_open()

    def save(self, out: Callable[[bytes], object]) -> None:
        """Write everything as bytes, in parts; both backends write the same."""
        self._backend.save(out)

    def restore(self, read: Callable[[int], bytes]) -> None:
        """Read what `save` wrote, into new windows with the same configuration.

        `read` returns the next bytes. Raises ValueError if `save` did not write them.
        """
        self._backend.restore(read)


class NativeWindows:
    """The kernel's windows, with their results as plain tuples."""

    def __init__(self, host: bytes, window_ms: int, lateness_ms: int, examples: int) -> None:
        from reduction._kernel import HostWindows

        self._windows = HostWindows(host, window_ms, lateness_ms, examples)

    def feed(self, block: bytes) -> tuple[list[Closed], list[MalformedLine]]:
        """Count whole lines; return the windows that they closed, and the first malformed lines."""
        result = self._windows.feed(block)
        malformed = [
            MalformedLine(line.reason, line.line, line.offset, line.text) for line in result.examples
        ]
        return _closed(result.closed), malformed

    def close_all(self) -> list[Closed]:
        """Close every open window."""
        return _closed(self._windows.close_all())

    def snapshot(self) -> list[Closed]:
        """Return the open windows as if they were closed now."""
        return _closed(self._windows.snapshot())

    def unreported(self) -> tuple[int, dict[str, int]]:
        """Return the late and malformed lines that the next closed window will have."""
        return self._windows.unreported()

    def has_open(self) -> bool:
        """Return whether a window is open."""
        return self._windows.has_open()

    def save(self, out: Callable[[bytes], object]) -> None:
        """Write everything as bytes, in chunks."""
        self._windows.save(out)

    def restore(self, read: Callable[[int], bytes]) -> None:
        """Restore what `save` wrote. Raises ValueError."""
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
    if not has_kernel():
        from reduction.hosts.streaming.windows_python import PythonWindows

        return Windows(PythonWindows(host, window_ms, lateness_ms, SHOWN_OF_A_REASON))
    return Windows(NativeWindows(host, window_ms, lateness_ms, SHOWN_OF_A_REASON))
