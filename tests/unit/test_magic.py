"""First bytes of files: the tables of Python, and whether the native kernel agrees with them."""

from __future__ import annotations

import pytest
from workdir import engine_param

from reduction.engines import load
from reduction.pipeline.discovery import find
from reduction.pipeline.engine import EngineOptions
from reduction.runtime import magic
from reduction.runtime.atomic_file import atomic_write
from reduction.runtime.progress import NullProgress

COMPRESSED = [head for head, _ in magic.COMPRESSED]
WIDE = [mark for mark, _ in magic.WIDE_BOMS]
TEXT = b"Source IP\n1.1.1.1\n"
NEAR_MISSES = [head[:-1] + b"x" for head in COMPRESSED] + [b"BZh01AY&SY", b"\xef\xbb", b"\xff", b"\xfe"]


@pytest.mark.parametrize("head", COMPRESSED)
def test_a_magic_number_is_recognized_only_if_it_is_complete(head):
    assert magic.compression_of(head + TEXT) == dict(magic.COMPRESSED)[head]
    assert magic.compression_of(head[:-1]) is None
    assert len(head) <= magic.HEAD_BYTES


def test_utf_32_is_not_mistaken_for_utf_16():
    assert magic.wide_encoding("\ufeffSource IP".encode("utf-32-le")) == "UTF-32"
    assert magic.wide_encoding("\ufeffSource IP".encode("utf-16-le")) == "UTF-16"
    assert magic.wide_encoding(TEXT) is None


def test_only_the_mark_of_utf_8_has_a_length():
    assert [magic.bom_length(head + TEXT) for head in (magic.UTF8_BOM, b"", *WIDE)] == [3, 0, 0, 0, 0, 0]


def result_of(engine: str, folder) -> tuple[object, bytes]:
    splits = find(str(folder)).splits
    with atomic_write(folder / "partial") as file:
        result = load(engine).reduce(str(folder), splits, EngineOptions(1000, 1000), file, NullProgress())
    return result.stats.to_plain(), (folder / "partial").read_bytes()


@pytest.mark.parametrize("head", [*COMPRESSED, *WIDE, magic.UTF8_BOM, *NEAR_MISSES])
@pytest.mark.parametrize("engine", [engine_param("native")])
def test_the_kernel_recognizes_the_same_first_bytes(tmp_path, engine, head):
    (tmp_path / "Asia Prod.csv").write_bytes(head + b"," + TEXT)
    assert result_of(engine, tmp_path) == result_of("reference", tmp_path)
