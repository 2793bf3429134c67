"""What the splits of a split file have read, and how they are put together again (docs/adr/0007).

Pure functions of values; `collect` takes the values from the partials.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from reduction.errors import FileSkipped
from reduction.pipeline.skipped import SkipLogger
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import AccountingError, Rejected, SkippedFile, SkipReason, Stats
from reduction.runtime.text import display_path


class ByteRange(NamedTuple):
    """The complete rows that a split has read: the first starts at byte `first`, the row after them at `end`.

    `line_ends` counts the line ends between the two, including those in quotes.
    """

    first: int
    end: int
    line_ends: int


class FileError(NamedTuple):
    """A `FileSkipped` as plain values; its `line`, if any, counts from the first row of the split."""

    reason: str
    what: str
    line: int | None


class SplitResult(NamedTuple):
    """The outcome of one split of a split file: the range of its rows (None if no row starts in it), and
    stats.

    Lines of the examples in `stats` count from the first row of the split. With an error, `stats` are empty.
    """

    split: Split
    rows: ByteRange | None
    stats: Stats
    error: FileError | None = None

    @property
    def split_file_id(self) -> int:
        """The number of the file."""
        assert self.split.split_file_id is not None  # noqa: S101 - whole files have no SplitResult
        return self.split.split_file_id

    def to_plain(self) -> dict[str, Any]:
        """Return the result as JSON values; `from_plain` is the inverse."""
        return {
            "split": self.split._asdict(),
            "rows": self.rows,
            "stats": self.stats.to_plain(),
            "error": self.error,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> SplitResult:
        """Return the result that `to_plain` wrote; KeyError, TypeError or ValueError if it did not."""
        rows, error = plain["rows"], plain["error"]
        return cls(
            Split(**plain["split"]),
            None if rows is None else ByteRange(*map(int, rows)),
            Stats.from_plain(plain["stats"]),
            None if error is None else FileError(*error),
        )


class SplitMismatch(Exception):
    """A split guessed wrongly where its first row starts: it is not where the rows before it end."""


class SplitFilesOfRunner(Protocol):
    """What a manifest has about split files."""

    @property
    def runner(self) -> int:
        """The number of the runner."""

    @property
    def split_results(self) -> Sequence[SplitResult]:
        """The results of its splits."""

    @property
    def split_file_counts(self) -> Mapping[int, int]:
        """The number of distinct rows in its partial, by the number of the file."""


class Reassembly(NamedTuple):
    """The split files of a run, put together.

    `stats` covers the accepted and the skipped ones. `reread` are the files that must be read again as a
    whole, because their splits do not match. `discarded` are the numbers of the files whose rows in the
    partials do not count: those that are skipped or read again.
    """

    stats: Stats
    discarded: set[int]
    reread: list[Split]


def reassemble(runners: Sequence[SplitFilesOfRunner]) -> Reassembly:
    """Put the split files of a run together; raises `AccountingError` if results are missing."""
    for runner in runners:
        _check_counts(runner)
    whole = Reassembly(Stats(), set(), [])
    log = SkipLogger()
    for number, results in by_file(result for runner in runners for result in runner.split_results).items():
        path = display_path(results[0].split.path)
        try:
            stats = stats_of_file(results)
        except SplitMismatch:
            whole.reread.append(whole_file(results[0].split))
            whole.discarded.add(number)
        except FileSkipped as skipped:
            whole.stats.ignored.append(SkippedFile(path, skipped.reason, skipped.detail))
            whole.discarded.add(number)
            log.skipped(path, skipped)
        else:
            whole.stats.add(stats)
            log.rejected(path, stats)
    return whole


def by_file(split_results: Iterable[SplitResult]) -> dict[int, list[SplitResult]]:
    """Return the results of each split file in order; raises `AccountingError` unless each is there once."""
    files: dict[int, list[SplitResult]] = defaultdict(list)
    for result in split_results:
        files[result.split_file_id].append(result)
    for results in files.values():
        results.sort(key=lambda result: result.split.start)
        _check_borders([result.split for result in results])
    return dict(sorted(files.items()))


def stats_of_file(results: Sequence[SplitResult]) -> Stats:
    """Return the stats of a split file as if it had been read as a whole.

    Raises `FileSkipped` if one of the results has an error, and `SplitMismatch` if the guess of a split
    is not confirmed by the end of the one before.
    """
    for result in results:
        if result.error is not None and result.error.reason == SkipReason.CHANGED:
            raise FileSkipped(result.error.reason, result.error.what)
    stats = Stats(taken=1, bytes=results[0].split.size)
    confirmed_end = lines = 0  # of the rows confirmed so far, and the number of lines before them
    for result in results:
        if result.rows is not None and result.rows.first != confirmed_end:
            raise SplitMismatch
        if result.error is not None:
            reason, what, line = result.error
            raise FileSkipped(reason, what, None if line is None else line + lines)
        if result.rows is not None:
            _add(stats, result.stats, lines)
            confirmed_end = result.rows.end
            lines += result.rows.line_ends
        elif confirmed_end < result.split.stop:
            raise SplitMismatch
    return stats


def whole_file(split: Split) -> Split:
    """Return the file of `split` as one split."""
    return split._replace(start=0, stop=split.size, split_file_id=None)


def _add(stats: Stats, of_split: Stats, lines_before: int) -> None:
    """Add rows and examples, at most as many examples of each reason as a file may show."""
    stats.read += of_split.read
    stats.valid += of_split.valid
    stats.rejected.update(of_split.rejected)
    for example in of_split.examples:
        if stats.wants_example(Rejected(example.reason)) > 0:
            stats.examples.append(example._replace(line=example.line + lines_before))


def _check_borders(splits: Sequence[Split]) -> None:
    borders = [0, *(split.stop for split in splits)]
    are_of_one_file = len(set(map(whole_file, splits))) == 1
    if not are_of_one_file or [*(split.start for split in splits), splits[0].size] != borders:
        raise AccountingError(
            f"'{display_path(splits[0].path)}': a split is missing or was read twice; nothing was written,"
            " please report this as a bug"
        )


def _check_counts(runner: SplitFilesOfRunner) -> None:
    """Raise `AccountingError` if the stats of splits contradict the rows written for their files."""
    valid: Counter[int] = Counter()
    for result in runner.split_results:
        result.stats.check()
        valid[result.split_file_id] += result.stats.valid
    for number in valid.keys() | runner.split_file_counts.keys():
        distinct = runner.split_file_counts.get(number, 0)
        if distinct > valid[number] or (valid[number] and not distinct):
            raise AccountingError(
                f"runner {runner.runner}, split file {number}: {distinct} distinct of {valid[number]}"
                " valid rows"
            )
