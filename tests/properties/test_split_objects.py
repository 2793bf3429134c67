"""However an object is split and fetched, each of its splits has the same result as that split of a file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from random_csv import CUT_CONTENT
from workdir import engine_param

from reduction import storage
from reduction.pipeline import discovery, split_source, splits
from reduction.pipeline.rows import KEY_COLUMN
from reduction.pipeline.split_results import SplitResult
from reduction.pipeline.splits import Listing, Split
from reduction.pipeline.stats import Stats
from reduction.runtime.progress import NullProgress
from reduction.storage import prefetch

pytest.importorskip("fsspec")
pytestmark = [*engine_param("native").marks]

NAME = "Asia Prod.csv"
# Smaller than in a run, so that small objects need many requests; the kernel does not know these sizes.
# The first chunk must be large enough to recognize an archive.
SIZES = st.fixed_dictionaries({
    "HEAD_BYTES": st.integers(16, 60),
    "CHUNK_BYTES": st.integers(16, 60),
    "_MIN_LAST_CHUNK_BYTES": st.integers(0, 9),
    "_LOOK_BYTES": st.integers(0, 40),
    "_BACK_BYTES": st.integers(0, 40),
})  # fmt: skip
REAL_SIZES: dict[str, int] = {}


def read(tree: str, splits: Sequence[Split]) -> tuple[list[SplitResult], Stats, bytes]:
    """Read the splits with the native engine; return their results, the stats and the lines of all rows."""
    from reduction import _kernel
    from reduction.engines.native.files import Files
    from reduction.engines.native.objects import Objects
    from reduction.engines.native.row_groups import RowGroups

    groups = RowGroups(splits)
    aggregator = _kernel.DistinctAggregator(groups.suffixes, 2)
    scanner = _kernel.CsvScanner(aggregator, KEY_COLUMN, 5)
    reader: Files | Objects
    if "://" in tree:
        reader = Objects(scanner, tree, splits, groups, NullProgress(), 1000)
    else:
        reader = Files(scanner, tree, splits, groups, NullProgress())
    stats = Stats()
    split_results = reader.read(stats)
    with TemporaryFile() as file:
        aggregator.write(file.fileno(), 0)
        file.seek(0)
        return split_results, stats, file.read()


def read_file(folder: str, split: int) -> tuple[list[SplitResult], Stats, bytes]:
    return read(folder, splits.plan_splits(discovery.find(folder), split, 2).splits)


def read_object(folder: str, split: int, sizes: dict[str, int]) -> tuple[list[SplitResult], Stats, bytes]:
    tree = f"file://{folder}"
    [found] = storage.open_store(tree).list()
    listing = Listing((Split(found.name, found.size, 0, 0, found.size, version=found.version),), ())
    with ExitStack() as changed:
        for name, size in sizes.items():
            for module in (prefetch, split_source):
                if hasattr(module, name):
                    changed.enter_context(patch.object(module, name, size))
        return read(tree, splits.plan_splits(listing, split, 2).splits)


def without_version(split_results: list[SplitResult]) -> list[SplitResult]:
    return [
        result._replace(split=result.split._replace(version="", modified_ns=0)) for result in split_results
    ]


@given(content=CUT_CONTENT, split=st.one_of(st.integers(1, 12), st.integers(1, 300)), sizes=SIZES)
@example(content=b"Source IP\n1.1.1.1\n" * 9, split=10, sizes=REAL_SIZES)
@example(content=b"a" * 90 + b",Source IP\n1,1.1.1.1\n2,2.2.2.2\n", split=7, sizes={"HEAD_BYTES": 16})
@example(
    content=b'Source IP\n1.1.1.1,"' + b"\n" * 90 + b'"\n2.2.2.2\n',
    split=9,
    sizes={"CHUNK_BYTES": 16, "HEAD_BYTES": 16, "_LOOK_BYTES": 0},
)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_splits_of_an_object_are_those_of_the_file(content: bytes, split: int, sizes: dict[str, int]) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, NAME).write_bytes(content)
        expected, stats_of_file, lines_of_file = read_file(folder, split)
        split_results, stats, lines = read_object(folder, split, sizes)
    assert without_version(split_results) == without_version(expected)
    assert stats.to_plain() == stats_of_file.to_plain()
    assert lines == lines_of_file
