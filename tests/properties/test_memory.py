"""However little memory the native engine has for rows, result and stats are those of the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inline_run import as_the_reference
from random_csv import csv_content, packed
from workdir import engine_param

from reduction.runtime.atomic_file import AtomicFile

pytestmark = [*engine_param("native").marks]

NAME = st.sampled_from(["Asia Prod.csv", "Asia Prod 2.csv", "NA Prod 1.csv", "NA Prod 2.csv", "a,b c.csv"])
ROWS = st.lists(
    st.one_of(
        st.integers(0, 400).map(lambda n: f"10.0.{n >> 8}.{n & 255}"),
        st.integers(0, 400).map(lambda n: f"2001:db8::{n:x}"),
        st.sampled_from(["", "no", '"', '"1.1.1.1"']),
    ),
    max_size=60,
).map(lambda rows: "\n".join(["Source IP", *rows]).encode())
TREE = st.dictionaries(NAME, st.one_of(csv_content(), ROWS, ROWS).flatmap(packed), min_size=1, max_size=5)


@contextmanager
def row_budget(size: int) -> Iterator[list[None]]:
    """Let the native engine have so many bytes for rows; gives a list with an entry for each spill."""
    spills: list[None] = []
    open_temp = AtomicFile.open_temp

    def counted(file: AtomicFile) -> int:
        spills.append(None)
        return open_temp(file)

    with (
        patch("reduction.engines.native.engine.row_budget", lambda *_: size),
        patch.object(AtomicFile, "open_temp", counted),
    ):
        yield spills


@given(
    tree=TREE,
    runners=st.integers(1, 3),
    split=st.sampled_from([0, 0, 7, 50, 300]),
    compact_at=st.sampled_from([2, 100, 1_000_000]),
    memory=st.sampled_from([0, 30_000, 100_000]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_little_memory_changes_nothing(
    tree: Mapping[str, bytes], runners: int, split: int, compact_at: int, memory: int
) -> None:
    with row_budget(memory):
        as_the_reference(tree, engine="native", runners_qty=runners, split_size=split, compact_at=compact_at)


@pytest.mark.parametrize("files", [1, 40])
def test_rows_are_spilled_where_memory_is_little(files):
    """Beside the property: it would hold as well if nothing ever went to the disk."""
    rows = [b"%d.%d.1.1\n::%d\n" % (n % 200, n % 7, n % 999) for n in range(20_000)]
    each = len(rows) // files
    parts = [b"".join(rows[n * each : (n + 1) * each]) for n in range(files)]
    tree = {f"Asia Prod {n}.csv": b"Source IP\n" + part for n, part in enumerate(parts)}
    with row_budget(20_000) as spills:
        as_the_reference(tree, engine="native", runners_qty=1)
    assert len(spills) > 3
    with row_budget(20_000_000) as spills:
        as_the_reference(tree, engine="native", runners_qty=1)
    assert spills == []
