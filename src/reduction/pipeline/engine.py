"""What every engine promises. Callers know this page and nothing else of an engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

from reduction.pipeline.partials import Manifest
from reduction.pipeline.split_results import SplitResult
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import Stats
from reduction.runtime.progress import Progress


class RowSink(Protocol):
    """Where rows go; `atomic_write.AtomicFile` is one."""

    def write(self, data: bytes) -> None:
        """Append `data`."""

    def append(self, writer: Callable[[int, int], tuple[int, int]]) -> None:
        """Let `writer` append to the open file itself, as `AtomicFile.append` says."""

    def open_temp(self) -> int:
        """Return the descriptor of a new temporary file, as `AtomicFile.open_temp` says."""


class EngineOptions(NamedTuple):
    """How much an engine holds: rows read at a time, and buffer rows at which compaction runs.

    `memory` are the bytes that the whole process may take, None if there is no limit. Only the native engine
    keeps to them.

    What follows is for an engine that shares the work out itself: above how many bytes it may cut files (0:
    never), and where it submits its job.
    """

    batch_rows: int
    compact_at_rows: int
    memory: int | None = None
    split_bytes: int = 0
    spark_master: str = "local[*]"


class ReduceResult(NamedTuple):
    """What became of a share: its stats, and the distinct rows written for each environment.

    Cut files are not among them: `split_results` has the stats of their splits, and `split_file_counts` the distinct rows
    written for the number of each such file.
    """

    stats: Stats
    addresses: dict[str, int]
    split_file_counts: Mapping[int, int] = MappingProxyType({})
    split_results: Sequence[SplitResult] = ()


class Engine(Protocol):
    """A way to reduce; all of them give the same bytes and the same stats for the same input."""

    name: str
    supports_splits: bool
    """Whether `reduce` takes splits that are byte ranges of a file."""

    def reduce(
        self, tree: str, splits: Sequence[Split], limits: EngineOptions, output: RowSink, progress: Progress
    ) -> ReduceResult:
        """Read the splits, in their order, and write `RESULT_HEADER` and their distinct rows, sorted.

        Rows of cut files are kept apart by a third column, the number of the file; then the header is
        `SPLIT_HEADER`. A file that turns out bad is in the stats as ignored and none of its rows count
        anywhere. Raises only what ends the runner: no memory, or what `output` raises.
        """

    def merge(
        self, directory: Path, manifests: Sequence[Manifest], output: RowSink, discarded: Collection[int]
    ) -> dict[str, int]:
        """Merge committed partials into `output`: `RESULT_HEADER`, then the distinct rows, sorted.

        Rows of the cut files whose numbers are `discarded` do not count. Returns the number of rows for each
        environment. Memory does not depend on their number.
        Raises `PartialsRejected` if a partial is not what its manifest says.
        """
