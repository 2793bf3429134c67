"""The compiled kernel's search, and the choice between it and the one in Python."""

from __future__ import annotations

from importlib.util import find_spec

from reduction.hosts.batch.scan import Books, LateLine, NewSearch, Question
from reduction.hosts.malformed import SHOWN_OF_A_REASON, MalformedLine


class NativeSearch:
    """The search of the compiled kernel, which lets other threads run meanwhile."""

    def __init__(self, question: Question, newest_ms: int, instruction_set: str = "") -> None:
        from reduction import _kernel

        self._search = _kernel.HostSearch(
            question.host,
            question.start_ms,
            question.end_ms,
            question.lateness_ms,
            newest_ms,
            SHOWN_OF_A_REASON,
            instruction_set,
        )

    def feed(self, block: memoryview, offset: int) -> None:
        """See `Search`."""
        self._search.feed(block, offset)

    def stats(self) -> Books:
        """See `Search`."""
        stats = self._search.stats()
        late = stats.late
        return Books(
            stats.lines,
            [MalformedLine(line.reason, line.line, line.offset, line.text) for line in stats.examples],
            stats.oldest_ms,
            stats.newest_ms,
            None if late is None else LateLine(late.line, late.offset, late.time_ms, late.newest_ms),
            stats.outgoing,
            stats.incoming,
        )


def has_kernel() -> bool:
    """Tell whether the compiled kernel is there."""
    return find_spec("reduction._kernel") is not None


def choose() -> NewSearch:
    """Return the quickest search there is."""
    if has_kernel():
        return NativeSearch
    from reduction.hosts.batch.scan_python import PlainSearch

    return PlainSearch
