"""What the splits of a cut file have read, and how that makes up the file again (docs/adr/0007).

Pure functions of values; who collects them from the partials is `collect`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from reduction.errors import FileSkipped
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import AccountingError, Rejected, SkipReason, Stats
from reduction.runtime.text import display_path


class ByteRange(NamedTuple):
    """The whole rows that a split has read: the first of them starts at byte `first`, the next one at `end`.

    `line_ends` counts the line ends between them, in quotes too.
    """

    first: int
    end: int
    line_ends: int


class FileError(NamedTuple):
    """A `FileSkipped` as plain values; its `line`, if any, counts from the beginning of the result."""

    reason: str
    what: str
    line: int | None


class SplitResult(NamedTuple):
    """What one split of a cut file says of it: its rows (None if no row starts in it), and their stats.

    The lines of its examples are counted from the beginning of the result. With a verdict the stats are empty.
    """

    split: Split
    span: ByteRange | None
    stats: Stats
    verdict: FileError | None = None

    @property
    def split_file_id(self) -> int:
        """The number of the file."""
        assert self.split.split_file_id is not None  # noqa: S101 - or it would be a file
        return self.split.split_file_id

    def to_plain(self) -> dict[str, Any]:
        """Return the result as JSON values; `from_plain` is the way back."""
        return {
            "split": self.split._asdict(),
            "span": self.span,
            "stats": self.stats.to_plain(),
            "verdict": self.verdict,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> SplitResult:
        """Return the result that `to_plain` wrote; KeyError, TypeError or ValueError if it is none."""
        span, verdict = plain["span"], plain["verdict"]
        return cls(
            Split(**plain["split"]),
            None if span is None else ByteRange(*map(int, span)),
            Stats.from_plain(plain["stats"]),
            None if verdict is None else FileError(*verdict),
        )


class SplitMismatch(Exception):
    """A split has guessed wrongly where its first row starts: not where the rows of the one before end."""


def by_file(split_results: Iterable[SplitResult]) -> dict[int, list[SplitResult]]:
    """Return the split_results of each cut file in order; raises `AccountingError` unless all are there, each once."""
    of_file: dict[int, list[SplitResult]] = defaultdict(list)
    for result in split_results:
        of_file[result.split_file_id].append(result)
    for of in of_file.values():
        of.sort(key=lambda result: result.split.start)
        _check_units([result.split for result in of])
    return dict(sorted(of_file.items()))


def stats_of_file(split_results: Sequence[SplitResult]) -> Stats:
    """Return the stats of the file that these split_results make up, as if it had been read whole.

    Raises `FileSkipped` if one of them says so, and `SplitMismatch` if they say nothing that is proven.
    """
    for result in split_results:
        if result.verdict is not None and result.verdict.reason == SkipReason.CHANGED:
            raise FileSkipped(result.verdict.reason, result.verdict.what)
    stats = Stats(taken=1, bytes=split_results[0].split.size)
    frontier = lines = 0  # where the rows that are proven end, and how many lines there are before
    for result in split_results:
        if result.span is not None and result.span.first != frontier:
            raise SplitMismatch
        if result.verdict is not None:
            reason, what, line = result.verdict
            raise FileSkipped(reason, what, None if line is None else line + lines)
        if result.span is not None:
            _add(stats, result.stats, lines)
            frontier = result.span.end
            lines += result.span.line_ends
        elif frontier < result.split.stop:
            raise SplitMismatch
    return stats


def whole(split: Split) -> Split:
    """Return the file that `split` is cut from as one split."""
    return split._replace(start=0, stop=split.size, split_file_id=None)


def _add(stats: Stats, of_piece: Stats, lines_before: int) -> None:
    """Take over rows and examples; no more examples of each reason than a file may show."""
    stats.read += of_piece.read
    stats.valid += of_piece.valid
    stats.rejected.update(of_piece.rejected)
    for example in of_piece.examples:
        if stats.wants_example(Rejected(example.reason)) > 0:
            stats.examples.append(example._replace(line=example.line + lines_before))


def _check_units(splits: Sequence[Split]) -> None:
    borders = [0, *(split.stop for split in splits)]
    are_of_one_file = len(set(map(whole, splits))) == 1
    if not are_of_one_file or [*(split.start for split in splits), splits[0].size] != borders:
        raise AccountingError(
            f"'{display_path(splits[0].path)}' was cut and not all of its split_results are there, or one is there twice;"
            " nothing was written, please report this"
        )
