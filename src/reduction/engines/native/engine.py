"""The engine on the compiled kernel: the same rules as the others, close to the speed of reading the bytes.

This package only translates between Python and `reduction._kernel`: `native/` decides about bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reduction import _kernel
from reduction.engines.native.files import Files
from reduction.engines.native.row_groups import RowGroups
from reduction.errors import WriteError
from reduction.pipeline.engine import EngineOptions, ReduceResult, RowSink
from reduction.pipeline.partials import Manifest, damaged, partial_path, row_suffixes
from reduction.pipeline.rows import KEY_COLUMN, RESULT_HEADER, SPLIT_HEADER, row_suffix
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import EXAMPLES_A_FILE, Stats
from reduction.runtime import resources
from reduction.runtime.memory_budget import prefetch_budget, row_budget
from reduction.runtime.progress import Progress
from reduction.storage.constants import MAX_PREFETCH_BYTES
from reduction.storage.url import is_url

if TYPE_CHECKING:
    from reduction.engines.native.objects import Objects

_MAX_THREADS = 4  # of a merge: only one at a time writes, which is a third of the work (docs/adr/0008)


class NativeEngine:
    """Implements `Engine` with the kernel."""

    name = "native"
    supports_splits = True

    def __init__(self, instruction_set: str = "") -> None:
        """Use the named instruction set, or the best one of this processor."""
        self._instruction_set = instruction_set

    def reduce(
        self, tree: str, splits: Sequence[Split], limits: EngineOptions, output: RowSink, progress: Progress
    ) -> ReduceResult:
        """Keep 4 bytes for each distinct IPv4 address, 16 for IPv6, up to three times that while compacting.

        What does not fit into memory goes to temporary files, as sorted runs that are merged at the end
        (docs/adr/0015).
        """
        prefetch = prefetch_budget(limits.memory, MAX_PREFETCH_BYTES) if is_url(tree) else None
        groups = RowGroups(splits)
        aggregator = _kernel.DistinctAggregator(
            groups.suffixes, limits.compact_at_rows, row_budget(limits.memory, prefetch), output.open_temp
        )
        scanner = _kernel.CsvScanner(aggregator, KEY_COLUMN, EXAMPLES_A_FILE, self._instruction_set)
        reader: Files | Objects
        if prefetch is not None:
            from reduction.engines.native.objects import Objects

            reader = Objects(scanner, tree, splits, groups, progress, prefetch)
        else:
            reader = Files(scanner, tree, splits, groups, progress)
        stats = Stats()
        try:
            split_results = reader.read(stats)
            rows = _append(output, SPLIT_HEADER if split_results else RESULT_HEADER, aggregator.write)
        except _kernel.SpillFailed as error:
            _, what = error.args
            raise WriteError(
                "rows that do not fit into memory cannot be kept in a temporary file in the output directory:"
                f" {what}. Free up space there, or raise REDUCER_MEMORY, then run again"
            ) from error
        return ReduceResult(stats, groups.by_environment(rows), groups.by_split_file(rows), split_results)

    def merge(
        self, directory: Path, manifests: Sequence[Manifest], output: RowSink, discarded: Collection[int]
    ) -> dict[str, int]:
        """Use all processors, with some megabytes on each, and at least 4 KiB for each partial."""
        inputs = [
            (os.fsencode(partial_path(directory, manifest.runner)), manifest.bytes, int(manifest.crc32, 16))
            for manifest in manifests
        ]
        suffixes = row_suffixes(manifests, discarded)
        environments = sorted({environment for _, environment in suffixes if environment is not None})
        indexes = {environment: index for index, environment in enumerate(environments)}
        merge = partial(
            _kernel.merge,
            inputs,
            [RESULT_HEADER, SPLIT_HEADER],
            [(text, None if environment is None else indexes[environment]) for text, environment in suffixes],
            [row_suffix(environment) for environment in environments],
            threads=min(resources.processors().amount, _MAX_THREADS),
        )
        try:
            rows = _append(output, RESULT_HEADER, merge)
        except _kernel.DamagedPartial as error:
            index, what = error.args
            raise damaged(manifests[index], what) from error
        return {environment: count for environment, count in zip(environments, rows, strict=True) if count}


def _append(
    output: RowSink, header: bytes, write_rows: Callable[[int, int], _kernel.Written]
) -> Sequence[int]:
    """Write the header, then let the kernel append rows; return their number by group or output."""
    rows: Sequence[int] = ()

    def writer(descriptor: int, crc32: int) -> tuple[int, int]:
        nonlocal rows
        written = write_rows(descriptor, crc32)
        rows = written.rows
        return written.size, written.crc32

    output.write(header)
    output.append(writer)
    return rows


ENGINE = NativeEngine()
