"""The engine on a Spark cluster: one job reads, sorts and hands the text back, range by range.

Each of the first tasks reads a share of the splits with the best engine of its executor. What they find is
cut into ranges of rows, which Spark brings together; each of the last tasks sorts a range, drops what is
there twice and writes text, which is streamed into the output. Nothing is collected but stats. All
rows are counted and checksummed where they leave and where they arrive (docs/adr/0013).
"""

from __future__ import annotations

import logging
import os
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession

from reduction import engines
from reduction.engines.spark import executor, planning, session
from reduction.engines.spark.planning import PartitionStats, RangeBounds, RowChecksum, TaskStats
from reduction.engines.spark.visibility import check_same_tree
from reduction.errors import SparkFailed
from reduction.pipeline.engine import Engine, EngineOptions, ReduceResult, RowSink
from reduction.pipeline.partials import Manifest
from reduction.pipeline.rows import RESULT_HEADER
from reduction.pipeline.split_results import reassemble
from reduction.pipeline.splits import Listing, Split, plan_splits
from reduction.pipeline.stats import Stats
from reduction.runtime.progress import Progress
from reduction.runtime.text import display_path
from reduction.storage.url import is_url

_LOG = logging.getLogger("reduction.spark")
_FILES_LOG = logging.getLogger("reduction.files")
_WARNINGS_SHOWN = 20
_FETCHED_AT_ONCE = 8  # partitions of some megabytes
_AGAIN = "an executor was lost, or the input changed while the job ran; run again"


class SparkEngine:
    """Implements `pipeline.engine.Engine` with one Spark job."""

    name = "spark"
    supports_splits = False  # the splits of a run, that is: what a task reads may well be a part of a file

    def reduce(
        self, tree: str, splits: Sequence[Split], limits: EngineOptions, output: RowSink, progress: Progress
    ) -> ReduceResult:
        """Hold the text of a partition; raises `SparkFailed`, or `SettingsError` without Java."""
        if not is_url(tree):
            tree = os.path.abspath(tree)  # noqa: PTH100 - executors have another current folder
        translated = session.translate_errors
        # Twice: without its JVM, which `opened` ends, an error has no text.
        with translated(), session.opened(limits.extra["spark_master"]) as spark, translated():
            reduced = _Job(spark, tree, limits).run(splits, output)
        for split in splits:
            progress.finish_split(split.stop - split.start, ends_file=split.ends_file)
        return reduced

    def merge(
        self, directory: Path, manifests: Sequence[Manifest], output: RowSink, discarded: Collection[int]
    ) -> dict[str, int]:
        """Let the best engine that is installed here merge: there is one partial."""
        return _local().merge(directory, manifests, output, discarded)


class _Found(NamedTuple):
    """What the first tasks found: stats of all splits, blocks of rows, their checksum, and their ranges."""

    stats: Stats
    blocks: DataFrame
    expected: RowChecksum
    bounds: RangeBounds


class _Job:
    """One reduction in a session."""

    def __init__(self, session: SparkSession, tree: str, limits: EngineOptions) -> None:
        self._session = session
        self._tree = tree
        self._limits = limits
        self._cores = max(1, session.sparkContext.defaultParallelism)
        self._environments: tuple[str, ...] = ()
        self._held: list[Any] = []  # what executors keep for this job

    def run(self, splits: Sequence[Split], output: RowSink) -> ReduceResult:
        """Read the splits and write their distinct rows, sorted."""
        self._environments = tuple(sorted({split.environment for split in splits}))
        output.write(RESULT_HEADER)
        try:
            if not splits:
                return ReduceResult(Stats(), {})
            found = self._read(splits)
            return ReduceResult(found.stats, self._write(found, output) if found.expected.rows else {})
        finally:
            self._release(len(self._held))

    def _release(self, first: int) -> None:
        """Let executors forget the first so many of what they keep."""
        for held in self._held[:first]:
            with session.suppressed():
                held.unpersist(True)  # waits: a session that ends meanwhile would complain
        del self._held[:first]

    def _read(self, splits: Sequence[Split]) -> _Found:
        """Read all splits, those of split files that do not fit together twice."""
        parts = splits
        if _local().supports_splits:
            parts = plan_splits(
                Listing(tuple(splits), ()), self._limits.extra["split_bytes"], self._cores
            ).splits
        blocks, task_stats = self._first_stage(parts)
        split_files = reassemble([_manifest(of) for of in task_stats])
        if split_files.discarded:
            blocks = blocks.where(~blocks.split_file_id.isin(sorted(split_files.discarded)))
        if split_files.reread:
            for split in split_files.reread:
                _LOG.warning("re-reading '%s' as a whole: its splits do not match", display_path(split.path))
            repeated, more_stats = self._first_stage(split_files.reread)
            blocks = blocks.union(repeated)
            task_stats = [*task_stats, *more_stats]
        stats = split_files.stats
        expected = RowChecksum(0, 0)
        for of in task_stats:
            stats.add(of.reduced.stats)
            for number, checksum in of.sums.items():
                if number not in split_files.discarded:
                    expected += checksum
        _show_warnings(task_stats)
        check_same_tree(self._tree, splits, stats)
        return _Found(
            stats, blocks, expected, planning.bounds_of([of.samples for of in task_stats], self._cores)
        )

    def _first_stage(self, splits: Sequence[Split]) -> tuple[DataFrame, list[TaskStats]]:
        """Return the blocks of these splits, kept by the executors, and the stats of the tasks."""
        groups = planning.grouped(splits, self._cores)
        broadcast = self._session.sparkContext.broadcast([planning.to_json(group) for group in groups])
        stage = executor.Stage(self._tree, self._limits, self._environments, broadcast)
        frame = (
            self._session.range(0, len(groups), 1, len(groups))
            .mapInArrow(partial(executor.reduce_groups, stage), executor.BLOCKS)
            .persist(StorageLevel.DISK_ONLY)
        )
        self._held += [frame, broadcast]
        stats = [
            TaskStats.from_json(row.stats)
            for row in frame.where("stats is not null").select("stats").collect()
        ]
        stats.sort(key=lambda of: of.task)
        if [of.task for of in stats] != list(range(len(groups))):
            raise SparkFailed(f"{len(groups)} tasks were given out and {len(stats)} came back: {_AGAIN}")
        read_by = ", ".join(sorted({of.engine for of in stats}))
        _LOG.info("%s splits were read in %s tasks by engine %s", f"{len(splits):,}", len(groups), read_by)
        return frame.where("stats is null").drop("stats"), stats

    def _write(self, found: _Found, output: RowSink) -> dict[str, int]:
        """Sort the rows, check that all of them arrived, write the distinct ones and return their counts."""
        ranges, expected = found.bounds.ranges, found.expected
        text = (
            found.blocks.drop("split_file_id")
            .mapInArrow(partial(executor.cut_blocks, found.bounds), executor.RANGES)
            .repartitionById(ranges, "range")
            .mapInArrow(partial(executor.finish_range, self._environments), executor.TEXT)
            .persist(StorageLevel.DISK_ONLY)
        )
        self._held.append(text)
        partition_stats = [
            PartitionStats.from_json(row.stats)
            for row in text.where("stats is not null").select("stats").collect()
        ]
        given = sum((of.given for of in partition_stats), RowChecksum(0, 0))
        if given != expected:
            raise SparkFailed(
                f"{expected.rows:,} rows were read and {given.rows:,} arrived to be sorted, or others:"
                f" {_AGAIN}"
            )
        self._release(len(self._held) - 1)  # the blocks: all text is there
        _LOG.info("%s rows were sorted in %s ranges", f"{given.rows:,}", ranges)
        self._stream(text, {of.partition: of for of in partition_stats}, output)
        addresses: Counter[str] = Counter()
        for of in partition_stats:
            for index, count in of.addresses.items():
                addresses[self._environments[index]] += count
        return dict(sorted(addresses.items()))

    def _stream(self, text: DataFrame, partition_stats: dict[int, PartitionStats], output: RowSink) -> None:
        """Append the text of one partition after the other, compared with what its stats say."""
        waiting = sorted(partition_stats)
        chunks = size = crc32 = 0
        for partition, chunk, data in self._fetched(text.select("partition", "chunk", "text")):
            if not waiting or (partition, chunk) != (waiting[0], chunks):
                raise SparkFailed(f"the sorted text came out of order: {_AGAIN}")
            if data is not None:
                output.write(bytes(data))
                chunks, size, crc32 = chunks + 1, size + len(data), zlib.crc32(data, crc32)
                continue
            if (size, crc32) != (partition_stats[partition].bytes, partition_stats[partition].crc32):
                raise SparkFailed(f"the sorted text is not the one that was checked: {_AGAIN}")
            waiting.pop(0)
            chunks = size = crc32 = 0
        if waiting:
            raise SparkFailed(f"{len(waiting)} partitions of sorted text did not come: {_AGAIN}")

    def _fetched(self, frame: DataFrame) -> Iterator[tuple[Any, ...]]:
        """Give the rows of one partition after the other; a few partitions are held at a time.

        `DataFrame.toLocalIterator` would keep in the JVM what it has given: with Spark 4.3, all of it.
        """
        rdd = frame.rdd
        partitions = range(rdd.getNumPartitions())
        step = min(self._cores, _FETCHED_AT_ONCE)
        for first in partitions[::step]:
            together = list(partitions[first : first + step])
            yield from self._session.sparkContext.runJob(rdd, executor.identity, together)


def _local() -> Engine:
    return engines.load(engines.choose(engines.AUTO).name)


def _manifest(of: TaskStats) -> Manifest:
    stats, addresses, split_file_counts, split_results = of.reduced
    return Manifest(
        "", of.task, 0, 0, "", of.engine, 0.0, 0, "", addresses, stats, split_file_counts, split_results
    )


def _show_warnings(task_stats: Sequence[TaskStats]) -> None:
    warnings = [line for of in task_stats for line in of.warnings]
    for line in warnings[:_WARNINGS_SHOWN]:
        _FILES_LOG.warning("%s", line)
    if len(warnings) > _WARNINGS_SHOWN:
        _FILES_LOG.warning("further files like this are not logged; the report counts and names them")


ENGINE = SparkEngine()
