"""Time windows over a log: the interface, and what comes out.

Time comes from the lines or from the caller: nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from reduction.hosts.malformed import MalformedLine


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


class Windows(Protocol):
    """Who connected to HOST, to whom HOST connected, and which hosts made most connections, by windows.

    Windows are of the lines' own time and aligned to the epoch; one is closed when the newest time seen is
    the lateness past its end. Lines for a closed window are late. Without a length (0) all lines go to one
    window, which starts at 0 and is always open, until `close_all` begins another one.
    """

    def feed(self, block: bytes) -> Fed:
        """Count complete lines; the last one needs no line end."""

    def close_all(self) -> list[Closed]:
        """Close every open window; lines that arrive for one of them later are late."""

    def snapshot(self) -> list[Closed]:
        """Return the open windows as if they were closed now, without changing them."""

    def unreported(self) -> tuple[int, dict[str, int]]:
        """Return the late and the malformed lines that the next closed window will report."""

    def has_open(self) -> bool:
        """Return whether a window is open."""

    def save(self, out: Callable[[bytes], object]) -> None:
        """Write everything as bytes, in parts; both backends write the same."""

    def restore(self, read: Callable[[int], bytes]) -> None:
        """Read what `save` wrote, into new windows with the same configuration.

        `read` returns the next bytes. Raises ValueError if `save` did not write them.
        """
