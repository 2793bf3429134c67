"""Random trees with every oddity: all engines give the bytes and the stats of the reference engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inline_run import make_tree, reduce_tree
from random_csv import csv_content, packed
from workdir import engine_param

from reduction import engines

FAST_ENGINES = [
    engine_param(name) for name in engines.NAMES if name not in (engines.AUTO, "reference", "spark")
]

NAMES = """
Asia Prod 1.csv
Asia Prod 2.csv
Asia Prod.csv
NA Prod.csv
deep/NA Prod 1.csv
deep/er/é Prod.csv
a,b c"d.csv
EU Test x.csv
Combined.csv
one.csv
a b c d.csv
NA  Prod.csv
x y.txt
.a b.csv
"""
NAME = st.sampled_from(NAMES.strip().splitlines())


@contextmanager
def small_blocks(size: int) -> Iterator[None]:
    """Let the pandas engine read and write so many bytes (or rows) at a time."""
    with (
        patch("reduction.engines.columnar.engine.BLOCK_BYTES", size),
        patch("reduction.engines.columnar.sorted_partials._LEAST_BLOCK", size),
        patch("reduction.engines.columnar.sorted_partials._MERGE_BYTES", size),
        patch("reduction.engines.columnar.sorted_partials._ROWS_WRITTEN", size),
    ):
        yield


TREE = st.dictionaries(NAME, csv_content().flatmap(packed), max_size=7)
RUNNERS = st.sampled_from([1, 2, 3, 7])
BATCH = st.sampled_from([1, 2, 1000])
BLOCK = st.sampled_from([7, 64, 1 << 20])  # bytes read at a time: rows are cut at every place
COMPACT_AT = st.sampled_from([2, 10, 1_000_000])


@pytest.mark.parametrize("engine", FAST_ENGINES)
@given(tree=TREE, runners=RUNNERS, batch=BATCH, compact_at=COMPACT_AT, block=BLOCK, same_folder=st.booleans())
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_engine_gives_the_bytes_and_the_stats_of_the_reference(
    engine: str,
    tree: Mapping[str, bytes],
    runners: int,
    batch: int,
    compact_at: int,
    block: int,
    same_folder: bool,
) -> None:
    with TemporaryDirectory() as name:
        folder = make_tree(Path(name) / "in", tree)
        expected = reduce_tree(folder, Path(name) / "expected", engine="reference", runners_qty=1)
        output = folder if same_folder else Path(name) / "out"
        with small_blocks(block):
            made = reduce_tree(
                folder, output, engine=engine, runners_qty=runners, batch_size=batch, compact_at=compact_at
            )
    assert made.combined == expected.combined
    assert made.stats() == expected.stats()
    rows = made.report["rows"]
    assert rows["read"] == rows["valid"] + sum(rows["rejected"].values())
