"""Windows of time over a log, whatever counts them: the kernel, or Python where it is not built.

Time is in the lines, or in the caller's hands: nothing here looks at a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from reduction.hosts.batch.scanners import has_kernel
from reduction.hosts.malformed import SHOWN_OF_A_REASON, MalformedLine

if TYPE_CHECKING:
    from reduction._kernel import ClosedWindow


class Closed(NamedTuple):
    """A closed window. Hosts are sorted by their bytes and parted by LF, which no host holds.

    `late` and `malformed` are what came since the window that was closed before this one: late lines
    belong to windows that are closed, malformed ones to none.
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
    """What became of a block: the windows that it closed, in order, and the first of its malformed lines."""

    closed: Sequence[Closed]
    malformed: Sequence[MalformedLine]


class Counter(Protocol):
    """What both sides can do, in plain tuples: `NativeWindows` and `PlainWindows`."""

    def feed(self, block: bytes) -> tuple[Sequence[tuple[Any, ...]], Sequence[tuple[Any, ...]]]:
        """See `Windows.feed`."""

    def close_all(self) -> Sequence[tuple[Any, ...]]:
        """See `Windows.close_all`."""

    def standing(self) -> Sequence[tuple[Any, ...]]:
        """See `Windows.standing`."""

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

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    def feed(self, block: bytes) -> Fed:
        """Take whole lines, the last of which needs no line end."""
        closed, malformed = self._counter.feed(block)
        return Fed([Closed(*window) for window in closed], [MalformedLine(*line) for line in malformed])

    def close_all(self) -> list[Closed]:
        """Close every open window; lines that still come for one of them are late."""
        return [Closed(*window) for window in self._counter.close_all()]

    def standing(self) -> list[Closed]:
        """Return the open windows as they would be closed now; nothing is changed by it."""
        return [Closed(*window) for window in self._counter.standing()]

    def unreported(self) -> tuple[int, dict[str, int]]:
        """Return the late and the malformed lines that the next closed window will tell of."""
        return self._counter.unreported()

    def has_open(self) -> bool:
        """Return whether a window is open."""
        return self._counter.has_open()

    def save(self, out: Callable[[bytes], object]) -> None:
        """Hand out everything as bytes, in pieces; both sides write the same."""
        self._counter.save(out)

    def restore(self, read: Callable[[int], bytes]) -> None:
        """Take back what `save` gave, into fresh windows of the same rules.

        `read` returns the next so many bytes. Raises ValueError if they are not what `save` gave.
        """
        self._counter.restore(read)


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

    def standing(self) -> list[Closed]:
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
        from reduction.hosts.streaming.windows_python import PlainWindows

        return Windows(PlainWindows(host, window_ms, lateness_ms, SHOWN_OF_A_REASON))
    return Windows(NativeWindows(host, window_ms, lateness_ms, SHOWN_OF_A_REASON))
