"""The kernel's merge of partials has the result of a set, and rejects whatever is not a row in its place."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workdir import engine_param

from reduction import engines
from reduction.pipeline.ip_address import Address, canonical
from reduction.pipeline.rows import csv_field

pytestmark = [*engine_param("native").marks]
if engines.is_installed("native"):
    from reduction import _kernel

HEADERS = [b"Source IP,Environment\n", b"Source IP,Environment,Split File\n"]
ENVIRONMENTS = ["Asia Prod", "EU Test", 'a,b "c', "é Prod"]
RowSuffix = tuple[str, str | None]
Row = tuple[Address, int]  # and the index of its suffix
Partial = tuple[bytes, list[Row]]  # its header and its rows


@st.composite
def some_suffixes(draw: st.DrawFn) -> list[RowSuffix]:
    """Suffixes of some environments and of some of their split files; some of these are discarded."""
    row_suffixes: list[RowSuffix] = []
    for name in draw(st.lists(st.sampled_from(ENVIRONMENTS), min_size=1, unique=True).map(sorted)):
        row_suffixes.append((csv_field(name), draw(st.sampled_from([name, name, None]))))
        files = draw(st.lists(st.booleans(), max_size=3))
        row_suffixes += [(f"{csv_field(name)},{n}", name if good else None) for n, good in enumerate(files)]
    return row_suffixes


OCTET = st.sampled_from([0, 1, 9, 10, 99, 100, 255])
ADDRESS = st.one_of(
    st.tuples(OCTET, OCTET, OCTET, OCTET).map(lambda octets: Address(4, int.from_bytes(octets))),
    st.sampled_from([Address(4, 0x09090909), Address(4, 0x0A000001), Address(6, 1), Address(6, 1 << 112)]),
    st.integers(0, 2**128 - 1).map(lambda number: Address(6, number)),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[RowSuffix], list[Partial]]:
    row_suffixes = draw(some_suffixes())
    row = st.tuples(ADDRESS, st.integers(0, len(row_suffixes) - 1))
    rows = st.lists(row, max_size=40, unique=True).map(sorted)
    return row_suffixes, draw(st.lists(st.tuples(st.sampled_from(HEADERS), rows), max_size=5))


def text_of(partial: Partial, row_suffixes: Sequence[RowSuffix]) -> bytes:
    header, rows = partial
    return header + "".join(f"{canonical(address)},{row_suffixes[at][0]}\n" for address, at in rows).encode()


def expected_of(
    partials: Sequence[Partial], row_suffixes: Sequence[RowSuffix]
) -> tuple[bytes, dict[str, int]]:
    """The reference implementation: a set of (address, environment), sorted."""
    distinct = {(address, row_suffixes[at][1]) for _, rows in partials for address, at in rows}
    kept = [(address, name) for address, name in distinct if name is not None]
    kept.sort(key=lambda row: (row[0], row[1].encode()))
    text = "".join(f"{canonical(address)},{csv_field(name)}\n" for address, name in kept)
    return text.encode(), dict(Counter(name for _, name in kept))


def merged(
    texts: Sequence[bytes],
    row_suffixes: Sequence[RowSuffix],
    committed: Sequence[bytes] = (),
    *,
    threads: int = 1,
    block: int = 1 << 19,
) -> tuple[bytes, dict[str, int]]:
    """Merge these partials with the kernel; `committed` is what their manifests say, if it differs."""
    names = list(dict.fromkeys(name for _, name in row_suffixes if name is not None))
    with TemporaryDirectory() as folder:
        parts = []
        for number, (text, known) in enumerate(zip(texts, committed or texts, strict=True)):
            path = Path(folder) / str(number)
            path.write_bytes(text)
            parts.append((os.fsencode(path), len(known), zlib.crc32(known)))
        result = Path(folder) / "result"
        with result.open("wb", buffering=0) as file:
            written = _kernel.merge(
                parts,
                HEADERS,
                [(text, None if name is None else names.index(name)) for text, name in row_suffixes],
                [csv_field(name) for name in names],
                file.fileno(),
                0,
                threads=threads,
                block_bytes=block,
            )
        content = result.read_bytes()
        assert (written.size, written.crc32) == (len(content), zlib.crc32(content))
        return content, {name: rows for name, rows in zip(names, written.rows, strict=True) if rows}


BLOCK = st.sampled_from([1, 100, 1000, 1 << 19])
THREADS = st.sampled_from([1, 2, 3])


@given(case=cases(), block=BLOCK, threads=THREADS)
@settings(deadline=None)
def test_the_result_has_the_distinct_rows_of_all_partials_sorted_without_discarded_ones(case, block, threads):
    row_suffixes, partials = case
    texts = [text_of(of, row_suffixes) for of in partials]
    assert merged(texts, row_suffixes, block=block, threads=threads) == expected_of(partials, row_suffixes)


@given(case=cases(), data=st.data(), block=BLOCK, threads=THREADS)
@settings(deadline=None)
def test_a_changed_byte_is_noticed_even_in_discarded_rows(case, data, block, threads):
    row_suffixes, partials = case
    texts = [text_of(of, row_suffixes) for of in partials]
    if not texts:
        return
    damaged = data.draw(st.integers(0, len(texts) - 1))
    text = bytearray(texts[damaged])
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(_kernel.DamagedPartial) as raised:
        merged(
            [*texts[:damaged], bytes(text), *texts[damaged + 1 :]],
            row_suffixes,
            texts,
            block=block,
            threads=threads,
        )
    assert raised.value.args[0] == damaged


@given(case=cases(), data=st.data(), block=BLOCK, threads=THREADS)
@settings(deadline=None)
def test_a_truncated_partial_is_noticed(case, data, block, threads):
    row_suffixes, partials = case
    texts = [text_of(of, row_suffixes) for of in partials]
    if not texts:
        return
    short = data.draw(st.integers(0, len(texts) - 1))
    cut = texts[short][: data.draw(st.integers(0, len(texts[short]) - 1))]
    with pytest.raises(_kernel.DamagedPartial) as raised:
        merged([*texts[:short], cut, *texts[short + 1 :]], row_suffixes, texts, block=block, threads=threads)
    assert raised.value.args[0] == short


@given(case=cases(), data=st.data(), block=BLOCK, threads=THREADS)
@settings(deadline=None)
def test_rows_in_another_order_are_rejected_even_if_the_manifest_commits_them(case, data, block, threads):
    row_suffixes, partials = case
    long = [index for index, (_, rows) in enumerate(partials) if len(rows) > 1]
    if not long:
        return
    index = data.draw(st.sampled_from(long))
    rows = partials[index][1]
    at = data.draw(st.integers(0, len(rows) - 2))
    rows[at : at + 2] = data.draw(st.sampled_from([[rows[at + 1], rows[at]], [rows[at], rows[at]]]))
    with pytest.raises(_kernel.DamagedPartial, match="is not a row in its place") as raised:
        merged([text_of(of, row_suffixes) for of in partials], row_suffixes, block=block, threads=threads)
    assert raised.value.args[0] == index


@pytest.mark.parametrize(
    "line",
    ["1.1.1.1", "1.1.1.1,", "1.1.1.1,Asia Prod,1", "1.1.1.1,Asia", "1.1.1.1,Asia Prodx",
     "1.1.1.256,Asia Prod", "01.1.1.1,Asia Prod", "1.1.1,Asia Prod", "1.1.1.1.,Asia Prod", "", ",Asia Prod",
     " 1.1.1.1,Asia Prod", "1.1.1.1 ,Asia Prod", "1.1.1.1,Asia Prod\r", "1.1.1.1111,Asia Prod",
     "::1::,Asia Prod", "x"],
)  # fmt: skip
def test_a_line_that_is_not_a_row_is_rejected_even_if_the_manifest_commits_it(line):
    text = HEADERS[0] + f"1.1.1.0,Asia Prod\n{line}\n9.9.9.9,Asia Prod\n".encode()
    with pytest.raises(
        _kernel.DamagedPartial, match=f"at byte {len(HEADERS[0]) + 18} is not a row in its place"
    ):
        merged([text], [("Asia Prod", "Asia Prod")])


def test_a_row_with_an_unlisted_suffix_is_rejected_even_if_none_are_listed():
    with pytest.raises(_kernel.DamagedPartial, match="at byte 22 is not a row"):
        merged([HEADERS[0] + b"1.1.1.1,\n"], [])


def test_partials_without_rows_have_an_empty_result():
    assert merged([HEADERS[0], HEADERS[1]], []) == (b"", {})


@pytest.mark.parametrize("outputs", [[1, 0], [0, 1, 0], [1, None, 0], [2]])
def test_outputs_that_are_not_in_the_order_of_the_suffixes_are_an_error(outputs, tmp_path):
    suffixes = [(str(index), output) for index, output in enumerate(outputs)]
    with (tmp_path / "result").open("wb") as file, pytest.raises(ValueError, match="not in the order"):
        _kernel.merge([], HEADERS, suffixes, ["a", "b"], file.fileno(), 0)
