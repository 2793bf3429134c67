"""Sizes that a row may have: there is no limit, on any engine."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from workdir import each_engine

from reduction import engines
from reduction.pipeline.discovery import find
from reduction.pipeline.engine import EngineOptions, ReduceResult
from reduction.runtime.atomic_file import atomic_write
from reduction.runtime.progress import NullProgress

LONG = "x" * 200_000  # more than `csv` takes for one field unless it is set otherwise


@pytest.fixture(autouse=True)
def as_in_a_new_process() -> Iterator[None]:
    """`csv` has one limit for the whole process; another test may have lifted it."""
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


def reduced(engine: str, tree: Path) -> tuple[ReduceResult, bytes]:
    splits = find(str(tree)).splits
    path = tree / "reduced"
    with atomic_write(path) as file:
        result = engines.load(engine).reduce(
            str(tree), splits, EngineOptions(1000, 1000), file, NullProgress()
        )
    return result, path.read_bytes()


@each_engine
@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (f"Source IP,Note\n1.1.1.1,{LONG}\n", 1),
        (f'Source IP,Note\n1.1.1.1,"{LONG}"\n', 1),
        (f'"{LONG}",Source IP\nx,1.1.1.1\n', 1),
        (f"{LONG},Source IP\nx,1.1.1.1\n", 1),
        (f"Source IP\n{LONG}\n1.1.1.1\n", 1),
        (f'Source IP\n"{LONG}"\n1.1.1.1\n', 1),
        (f'Source IP\n"{LONG}""{LONG}"\n', 0),
        (f'Source IP\n1.1.1.1{" " * 200_000}\n"{" " * 200_000}2.2.2.2"\n', 2),
    ],
    ids=[
        "plain", "quoted", "quoted header", "plain header",
        "plain key", "quoted key", "only long keys", "blanks",
    ],
)  # fmt: skip
def test_a_field_may_be_as_long_as_it_likes(tmp_path, engine, text, valid):
    (tmp_path / "Asia Prod.csv").write_text(text)
    result, written = reduced(engine, tmp_path)
    stats = result.stats
    assert stats.ignored == []
    assert (stats.valid, stats.rejected.total()) == (valid, stats.read - valid)
    assert written.count(b"\n") == 1 + valid
    assert all(len(example.text) <= 80 for example in stats.examples)


@each_engine
def test_a_header_without_the_key_is_shown_only_in_part(tmp_path, engine):
    (tmp_path / "Asia Prod.csv").write_text(f'"{LONG}",x\n1,2\n')
    [file] = reduced(engine, tmp_path)[0].stats.ignored
    assert file.reason == "no-key-column"
    assert len(file.detail) < 400


@each_engine
def test_a_row_may_have_as_many_fields_as_it_likes(tmp_path, engine):
    many = "," * 100_000
    (tmp_path / "Asia Prod.csv").write_text(
        f"{many}Source IP{many}\n{many}1.1.1.1\n{many}{many},\n{many[1:]}\n"
    )
    stats = reduced(engine, tmp_path)[0].stats
    assert (stats.valid, dict(stats.rejected)) == (1, {"too-many-fields": 1, "no-key": 1})
