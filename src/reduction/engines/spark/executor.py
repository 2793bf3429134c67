"""What Spark's executors run: the first tasks read splits, the last ones sort and write text.

Reading is not Spark's: each task takes the best engine that is installed with it, so that the rules stand
in one place. Sorting is not Spark's, either: it moves blocks of sorted rows, which are merged here
(docs/adr/0013). The first three functions are given to `mapInArrow`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyspark import SparkFiles, TaskContext

from reduction import engines
from reduction.engines.columnar.sorted_partials import SortedPartial
from reduction.engines.spark import blocks
from reduction.engines.spark.blocks import Keys, RangeSorter, RowBlock
from reduction.engines.spark.planning import (
    NOT_SPLIT,
    SAMPLE_STEP,
    RangeBounds,
    RowChecksum,
    Samples,
    TaskStats,
    units_of,
)
from reduction.errors import ReducerError, SettingsError
from reduction.pipeline.engine import EngineOptions, ReduceResult
from reduction.pipeline.partials import Manifest, RowSuffix, opened_partial, partial_path
from reduction.pipeline.rows import row_suffix
from reduction.pipeline.splits import Split
from reduction.runtime import memory_budget, resources
from reduction.runtime.atomic_file import atomic_write
from reduction.runtime.text import display_path
from reduction.storage.url import is_url

BLOCKS = "six boolean, split_file_id int, block binary, stats string"
"""Of the first tasks: sorted rows; the last line of each task has its stats as `stats`."""
RANGES = "range int, six boolean, block binary"
"""The same blocks, cut at the bounds of ranges."""
TEXT = "partition int, chunk int, text binary, stats string"
"""Of the last tasks; the last line of each has its stats as `stats`."""

_BLOCKS_SCHEMA = pa.schema(
    [("six", pa.bool_()), ("split_file_id", pa.int32()), ("block", pa.binary()), ("stats", pa.string())]
)
_RANGES_SCHEMA = pa.schema([("range", pa.int32()), ("six", pa.bool_()), ("block", pa.binary())])
_TEXT_SCHEMA = pa.schema(
    [("partition", pa.int32()), ("chunk", pa.int32()), ("text", pa.binary()), ("stats", pa.string())]
)
_BLOCK_BYTES = 1 << 20  # of a partial, read at a time
_SIX_AT_ONCE = 1 << 14  # rows
_WARNINGS_KEPT = 21  # one more than are shown: that there are more is logged, too
_LOG = logging.getLogger("reduction")


class TaskError(Exception):
    """What ends the job, in one sentence; the driver finds it in what Spark says of the task."""


class Stage(NamedTuple):
    """What every task of the first stage is given; `groups` is a broadcast list of JSON, one per task."""

    tree: str
    limits: EngineOptions
    environments: tuple[str, ...]
    groups: Any


def reduce_groups(stage: Stage, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Give the distinct rows of each group of splits whose number comes in, and then its stats."""
    for batch in batches:
        for task in batch.column(0).to_pylist():
            yield from _reduce_group(stage, task)


def cut_blocks(bounds: RangeBounds, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Give the blocks that come in, cut into ranges."""
    for block in _blocks(batches):
        parts = list(blocks.cut_into_ranges(block, bounds))
        columns = [[number for number, _ in parts], [block.six] * len(parts), [of.data for _, of in parts]]
        yield pa.record_batch(columns, schema=_RANGES_SCHEMA)


def finish_range(environments: Sequence[str], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Give the text of the distinct rows of one range in chunks, and then its stats."""
    context = TaskContext.get()
    partition = 0 if context is None else context.partitionId()
    sorter = RangeSorter(environments)
    for block in _blocks(batches):
        sorter.take(block)
    chunk = 0
    for text in sorter.text():
        yield pa.record_batch([[partition], [chunk], [text], [None]], schema=_TEXT_SCHEMA)
        chunk += 1
    stats = sorter.stats(partition).to_json()
    yield pa.record_batch([[partition], [chunk], [None], [stats]], schema=_TEXT_SCHEMA)


def identity(rows: Iterable[Any]) -> Iterable[Any]:
    """Give the rows of a partition to the driver."""
    return rows


def _blocks(batches: Iterator[pa.RecordBatch]) -> Iterator[RowBlock]:
    for batch in batches:
        for six, block in zip(batch.column("six"), batch.column("block"), strict=True):
            yield RowBlock(six.as_py(), block.as_py())


def _reduce_group(stage: Stage, task: int) -> Iterator[pa.RecordBatch]:
    splits = units_of(stage.groups.value[task])
    if not is_url(stage.tree) and not os.path.isdir(stage.tree):  # noqa: PTH112 - it need not be UTF-8
        raise TaskError(
            f"an executor does not see the input directory '{stage.tree}': share it with all of them"
        )
    folder = TemporaryDirectory(prefix="reduction-", dir=SparkFiles.getRootDirectory())
    with folder as name, _warnings_kept() as warnings:
        manifest = _reduce_to_partial(stage, task, splits, Path(name))
        sums: dict[int, RowChecksum] = {}
        sampler = _Sampler()
        for keys, file_numbers in _rows_of(manifest, Path(name), stage.environments):
            sampler.take(keys)
            for number in np.unique(file_numbers).tolist():
                of_number = keys[file_numbers == number]
                sums[number] = sums.get(number, RowChecksum(0, 0)) + blocks.checksum_of(of_number)
                columns = [[keys.dtype == blocks.SIX], [number], [of_number.tobytes()], [None]]
                yield pa.record_batch(columns, schema=_BLOCKS_SCHEMA)
        reduced = ReduceResult(
            manifest.stats, manifest.addresses, manifest.split_file_counts, manifest.split_results
        )
        stats = TaskStats(task, manifest.engine, reduced, sums, sampler.samples, warnings).to_json()
        yield pa.record_batch([[False], [NOT_SPLIT], [None], [stats]], schema=_BLOCKS_SCHEMA)


def _reduce_to_partial(stage: Stage, task: int, splits: Sequence[Split], folder: Path) -> Manifest:
    engine = engines.load(engines.choose(engines.AUTO).name)
    if not engine.supports_splits and any(split.split_file_id is not None for split in splits):
        raise TaskError(
            f"an executor has only engine {engine.name}, which takes whole files, and the driver's cuts them:"
            " install the same package everywhere, or set REDUCER_SPLIT_SIZE=0"
        )
    place = _Place(splits)
    try:
        with atomic_write(partial_path(folder, task), flush_folder=False) as file:
            reduced = engine.reduce(stage.tree, splits, _limits_here(stage.limits), file, place)
    except (ReducerError, OSError, MemoryError) as error:
        raise TaskError(f"on an executor{place.description()}: {_sentence(error)}") from error
    return Manifest(
        "", task, 0, len(splits), "", engine.name, 0.0, file.bytes, f"{file.crc32:08x}",
        reduced.addresses, reduced.stats, reduced.split_file_counts, reduced.split_results,
    )  # fmt: skip


def _sentence(error: Exception) -> str:
    """Return what an error says, in one line: of several, the driver would find the first only."""
    if isinstance(error, SettingsError):
        return "; ".join(error.problems)
    return str(error) if isinstance(error, ReducerError) else f"{type(error).__name__}: {error}"


def _limits_here(limits: EngineOptions) -> EngineOptions:
    """Return the limits of a task: it shares this machine's memory with other tasks and with the JVM."""
    memory = memory_budget.task_budget(resources.memory().amount, resources.processors().amount)
    return limits._replace(memory=memory)


def _rows_of(
    manifest: Manifest, folder: Path, environments: Sequence[str]
) -> Iterator[tuple[Keys, np.ndarray[Any, np.dtype[np.int32]]]]:
    """Give the rows of a partial as keys, and the number of the split file of each."""
    sources = sorted(
        {(name, NOT_SPLIT) for name in manifest.addresses}
        | {(result.split.environment, result.split_file_id) for result in manifest.split_results}
    )
    texts = [row_suffix(name, None if number == NOT_SPLIT else number) for name, number in sources]
    index_of = {name: index for index, name in enumerate(environments)}
    indices = np.array([index_of[name] for name, _ in sources], np.uint64)
    numbers = np.array([number for _, number in sources], np.int32)
    place_of = {text: place for place, text in enumerate(texts)}
    expected = [
        RowSuffix(text, text) for text in texts
    ]  # so they are kept apart, as if each were an environment
    with opened_partial(folder, manifest) as stream:
        partial = SortedPartial(stream, manifest, expected, texts, _BLOCK_BYTES)
        while partial.fill():
            rows = partial.take(partial.keys[-1])
            places = (rows & np.uint64(0xFFFF_FFFF)).astype(np.intp)
            yield blocks.of_quads(rows, indices[places]), numbers[places]
        six = partial.six()
        while part := list(islice(six, _SIX_AT_ONCE)):
            places = np.array([place_of[row.environment] for row in part], np.intp)
            pairs = zip((row.address.number for row in part), indices[places].tolist(), strict=True)
            yield blocks.of_six(pairs), numbers[places]


class _Sampler:
    """Takes the rows of a task as they come and keeps every 4096th."""

    def __init__(self) -> None:
        self.samples = Samples([], [])
        self._skipped = {False: 0, True: 0}

    def take(self, keys: Keys) -> None:
        six = keys.dtype == blocks.SIX
        found, self._skipped[six] = blocks.samples_of(keys, SAMPLE_STEP, self._skipped[six])
        (self.samples.six if six else self.samples.ipv4).extend(found)


class _Place:
    """A `Progress` that knows which file is being read."""

    def __init__(self, splits: Sequence[Split]) -> None:
        self._units = splits
        self._at: int | None = None

    def start_split(self, index: int) -> None:
        self._at = index

    def read_bytes(self, count: int) -> None:
        pass

    def finish_split(self, size: int, *, ends_file: bool) -> None:  # noqa: ARG002 - as `Progress` has it
        self._at = None

    def description(self) -> str:
        return "" if self._at is None else f", while reading '{display_path(self._units[self._at].path)}'"


@contextmanager
def _warnings_kept() -> Iterator[list[str]]:
    """Keep the first warnings of the engine for the driver to show; standard error is nobody's here."""
    kept: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if len(kept) < _WARNINGS_KEPT:
                kept.append(record.getMessage())

    keeper = Keeper(logging.WARNING)
    before = _LOG.handlers, _LOG.propagate
    _LOG.handlers, _LOG.propagate = [keeper], False
    try:
        yield kept
    finally:
        _LOG.handlers, _LOG.propagate = before
