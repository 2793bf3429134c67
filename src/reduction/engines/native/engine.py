"""The engine on the compiled kernel: the same rules as the others, close to the speed of reading the bytes.

This module only translates: paths and stats between Python and `reduction._kernel`. What is decided about
bytes is decided in `native/`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from reduction import _kernel
from reduction.engines.native.files import Files
from reduction.errors import WriteError
from reduction.pipeline.engine import EngineOptions, ReduceResult, RowSink
from reduction.pipeline.partials import Manifest, damaged, partial_path, row_suffixes
from reduction.pipeline.rows import RESULT_HEADER, SPLIT_HEADER
from reduction.pipeline.split_results import SplitResult
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import EXAMPLES_A_FILE, Stats
from reduction.runtime import resources
from reduction.runtime.progress import Progress
from reduction.storage.constants import MAX_PREFETCH_BYTES
from reduction.storage.url import is_url

_MOST_THREADS = 4  # of a merge: one at a time writes, and that is a third of the work (docs/adr/0008)

# Bytes of a runner that hold no rows (docs/kernel-log.md, "Memory"): Python, buffers, merging; a client.
_BESIDE_ROWS = 24 << 20
_OF_A_CLIENT = 40 << 20
_LEAST_FOR_ROWS = 4 << 20  # below, there would be a run for each few files

_T = TypeVar("_T")


def memory_of_rows(limits: EngineOptions, beside: int = 0) -> int | None:
    """Return the bytes that are left for rows where `beside` go to something else, None if no limit."""
    return None if limits.memory is None else max(_LEAST_FOR_ROWS, limits.memory - _BESIDE_ROWS - beside)


class NativeEngine:
    """See `contract.Engine` for what its methods promise."""

    name = "native"
    supports_splits = True

    def __init__(self, instruction_set: str = "") -> None:
        """Take the best instruction set of this processor, or the named one."""
        self._instruction_set = instruction_set

    def reduce(
        self, tree: str, splits: Sequence[Split], limits: EngineOptions, output: RowSink, progress: Progress
    ) -> ReduceResult:
        """Hold 4 bytes for each distinct IPv4 address, 16 for IPv6, up to thrice that while compacting.

        What memory has no room for goes to temporary files, as sorted runs that are merged in the end
        (docs/adr/0015).
        """
        ahead = beside = 0
        if is_url(tree):
            ahead = (
                MAX_PREFETCH_BYTES if limits.memory is None else min(MAX_PREFETCH_BYTES, limits.memory // 4)
            )
            beside = _OF_A_CLIENT + 2 * ahead
        share = _kernel.CsvScanner(
            limits.compact_at_rows,
            EXAMPLES_A_FILE,
            self._instruction_set,
            memory_of_rows(limits, beside),
            output.open_temp,
        )
        stats = Stats()
        split_results: Sequence[SplitResult] = ()
        try:
            if is_url(tree):
                from reduction.engines.native.objects import read_objects

                split_results = read_objects(share, tree, splits, progress, stats, ahead)
            else:
                split_results = Files(share, tree, splits, progress).read(stats)
            rows = _append(output, SPLIT_HEADER if split_results else RESULT_HEADER, share.write)
        except _kernel.SpillFailed as fault:
            _, what = fault.args
            raise WriteError(
                "rows that memory has no room for can't be kept in a temporary file in the output directory:"
                f" {what}. Free space there, or give more memory, then run again"
            ) from fault
        return ReduceResult(
            stats,
            {name: count for name, split_file_id, count in rows if split_file_id == _kernel.WHOLE_FILE},
            {split_file_id: count for _, split_file_id, count in rows if split_file_id != _kernel.WHOLE_FILE},
            split_results,
        )

    def merge(
        self, directory: Path, manifests: Sequence[Manifest], output: RowSink, discarded: Collection[int]
    ) -> dict[str, int]:
        """Work on all processors, with some megabytes on each, and hold at least 4 KiB of each partial."""
        parts = [
            (os.fsencode(partial_path(directory, manifest.runner)), manifest.bytes, int(manifest.crc32, 16))
            for manifest in manifests
        ]
        threads = min(resources.processors().amount, _MOST_THREADS)
        merge = partial(_kernel.merge, parts, row_suffixes(manifests, discarded), threads=threads)
        try:
            return _append(output, RESULT_HEADER, merge)
        except _kernel.DamagedPartial as fault:
            index, what = fault.args
            raise damaged(manifests[index], what) from fault


def _append(output: RowSink, header: bytes, write_rows: Callable[[int, int], tuple[_T, int, int]]) -> _T:
    """Write the header, then let the kernel append the rows; returns how many it says there are."""
    rows: _T

    def writer(descriptor: int, crc32: int) -> tuple[int, int]:
        nonlocal rows
        rows, written, crc32 = write_rows(descriptor, crc32)
        return written, crc32

    output.write(header)
    output.append(writer)
    return rows


ENGINE = NativeEngine()
