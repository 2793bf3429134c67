"""The interface of an engine. Callers know this module and nothing else of an engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from reduction.pipeline.partials import Manifest
from reduction.pipeline.split_results import SplitResult
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import Stats
from reduction.runtime.progress import Progress


class RowSink(Protocol):
    """What an engine writes to; `atomic_file.AtomicFile` is one."""

    def write(self, data: bytes) -> None:
        """Append `data`."""

    def append(self, writer: Callable[[int, int], tuple[int, int]]) -> None:
        """Let `writer` append to the open file, as described at `AtomicFile.append`."""

    def open_temp(self) -> int:
        """Return the descriptor of a new temporary file, as described at `AtomicFile.open_temp`."""


class EngineOptions(NamedTuple):
    """Limits of an engine.

    `batch_rows` are read at a time, `compact_at_rows` in the buffer start a compaction, `memory` bytes are
    what the whole process may use (None: no limit; only the native engine enforces it). `extra` holds the
    settings that the engine's `EngineSpec.options` names.
    """

    batch_rows: int
    compact_at_rows: int
    memory: int | None = None
    extra: Mapping[str, Any] = {}


class ReduceResult(NamedTuple):
    """The outcome of a share: its stats, and the number of distinct rows written for each environment.

    Split files are not included: `split_results` has the stats of their splits, and `split_file_counts` the
    number of distinct rows written for each such file, by its number.
    """

    stats: Stats
    addresses: dict[str, int]
    split_file_counts: Mapping[int, int] = MappingProxyType({})
    split_results: Sequence[SplitResult] = ()


class Engine(Protocol):
    """A way to reduce. All engines produce the same bytes and the same stats for the same input."""

    name: str
    supports_splits: bool
    """Whether `reduce` accepts splits that are byte ranges of a file."""

    def reduce(
        self, tree: str, splits: Sequence[Split], limits: EngineOptions, output: RowSink, progress: Progress
    ) -> ReduceResult:
        """Read the splits in their order, and write `RESULT_HEADER` and their distinct rows, sorted.

        Rows of split files carry the file's number in a third column, and the header is then `SPLIT_HEADER`.
        A file that turns out to be unusable is counted as skipped, and none of its rows count anywhere.
        Raises only what ends the runner: lack of memory, or what `output` raises.
        """

    def merge(
        self, directory: Path, manifests: Sequence[Manifest], output: RowSink, discarded: Collection[int]
    ) -> dict[str, int]:
        """Merge committed partials into `output`: `RESULT_HEADER`, then the distinct rows, sorted.

        Rows of the split files whose numbers are in `discarded` do not count. Returns the number of rows of
        each environment. Memory does not depend on the number of rows.
        Raises `PartialsRejected` if a partial does not match its manifest.
        """
