"""What every engine promises. Callers know this page and nothing else of an engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

from reduction.pipeline.partials import Manifest
from reduction.pipeline.split_results import Piece
from reduction.pipeline.splits import Unit
from reduction.pipeline.stats import Accounting
from reduction.runtime.progress import Progress


class Output(Protocol):
    """Where rows go; `whole_file.WholeFile` is one."""

    def write(self, data: bytes) -> None:
        """Append `data`."""

    def append(self, writer: Callable[[int, int], tuple[int, int]]) -> None:
        """Let `writer` append to the open file itself, as `WholeFile.append` says."""

    def nameless(self) -> int:
        """Return the descriptor of a new temporary file, as `WholeFile.nameless` says."""


class Limits(NamedTuple):
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


class Reduced(NamedTuple):
    """What became of a share: its books, and the distinct rows written for each environment.

    Cut files are not among them: `pieces` has the books of their units, and `cut_addresses` the distinct rows
    written for the number of each such file.
    """

    accounting: Accounting
    addresses: dict[str, int]
    cut_addresses: Mapping[int, int] = MappingProxyType({})
    pieces: Sequence[Piece] = ()


class Engine(Protocol):
    """A way to reduce; all of them give the same bytes and the same books for the same input."""

    name: str
    cuts_files: bool
    """Whether `reduce` takes units that are byte ranges of a file."""

    def reduce(
        self, tree: str, units: Sequence[Unit], limits: Limits, output: Output, progress: Progress
    ) -> Reduced:
        """Read the units, in their order, and write `RESULT_HEADER` and their distinct rows, sorted.

        Rows of cut files are kept apart by a third column, the number of the file; then the header is
        `CUT_HEADER`. A file that turns out bad is in the books as ignored and none of its rows count
        anywhere. Raises only what ends the runner: no memory, or what `output` raises.
        """

    def merge(
        self, directory: Path, manifests: Sequence[Manifest], output: Output, dropped: Collection[int]
    ) -> dict[str, int]:
        """Merge committed partials into `output`: `RESULT_HEADER`, then the distinct rows, sorted.

        Rows of the cut files whose numbers are `dropped` do not count. Returns the number of rows for each
        environment. Memory does not depend on their number.
        Raises `CollectRefused` if a partial is not what its manifest says.
        """
