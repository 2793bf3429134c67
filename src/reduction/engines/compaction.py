"""When a buffer of rows is made distinct: a rule that stays cheap however large the result grows."""

from __future__ import annotations


class CompactionRule:
    """Says when to compact, so that n rows cost O(n log n) in all.

    The first compaction is due at `compact_at_rows`. A buffer that stays large is left alone until it has
    doubled; each row is thus compacted a bounded number of times on average (the doubling argument of
    amortised analysis: Tarjan, "Amortized Computational Complexity", 1985).
    """

    def __init__(self, compact_at_rows: int) -> None:
        self._at_least = compact_at_rows
        self._due_at = compact_at_rows

    def is_due(self, rows: int) -> bool:
        """Return whether a buffer of `rows` rows is to be compacted now."""
        return rows >= self._due_at

    def compacted_to(self, rows: int) -> None:
        """Take note that compaction left `rows` distinct rows."""
        self._due_at = max(self._at_least, 2 * rows)
