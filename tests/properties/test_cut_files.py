"""However files are cut, the result and the books are those of the reference engine, which never cuts."""

from __future__ import annotations

import bz2
import gzip
import logging
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from inline_run import Outcome, make_tree, reduce_tree
from random_csv import csv_content, packed, quoted
from workdir import engine_param

pytestmark = [*engine_param("native").marks]

LIKE_ROWS = st.lists(
    st.sampled_from(["1.1.1.1,2", "2,9.9.9.9", "a", '"', '"x', '1.1.1.1,"', ""]), min_size=1, max_size=9
).map("\n".join)
NOTE = st.one_of(st.sampled_from(["", "x", "a b"]), st.one_of(LIKE_ROWS, LIKE_ROWS).map(quoted))
LINE_END = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def with_rows_inside_quotes(draw: st.DrawFn) -> bytes:
    """A file whose notes look like rows: guesses of where a row starts will be wrong."""
    end = draw(LINE_END)
    rows = draw(st.lists(st.tuples(st.sampled_from(["1.1.1.1", "2.2.2.2", "::1", "no"]), NOTE), max_size=8))
    lines = ["Source IP,Note", *(f"{address},{note}" for address, note in rows)]
    text = end.join(lines).replace("\n", end) + draw(st.sampled_from([end, "", end + end, '"']))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()


CONTENT = st.one_of(csv_content(), csv_content().flatmap(packed), with_rows_inside_quotes())
NAME = st.sampled_from(["Asia Prod.csv", "NA Prod 1.csv", "NA Prod 2.csv", "a,b c.csv"])
TREE = st.dictionaries(NAME, CONTENT, min_size=1, max_size=3)
SPLIT = st.one_of(st.integers(1, 12), st.integers(1, 300))
COLLECTOR = [engine_param("native"), engine_param("reference"), engine_param("pandas")]


def both(tree: Mapping[str, bytes], **variables: object) -> tuple[Outcome, Outcome]:
    """What native makes of the tree with these variables, and what the reference says of it."""
    with TemporaryDirectory() as name:
        folder = make_tree(Path(name) / "in", tree)
        expected = reduce_tree(folder, Path(name) / "expected", engine="reference", runners_qty=1)
        return reduce_tree(folder, Path(name) / "out", **({"engine": "native"} | variables)), expected


def same(made: Outcome, expected: Outcome) -> None:
    assert made.combined == expected.combined
    assert made.books() == expected.books()


@given(tree=TREE, split=SPLIT, runners=st.integers(1, 5), compact_at=st.sampled_from([2, 1000]))
@example(tree={"Asia Prod.csv": b"Source IP,x\r\n1.1.1.1,\r\n\r\nno,\r\n"}, split=1, runners=3, compact_at=2)
@example(tree={"Asia Prod.csv": b'Source IP\n"1.1.1.1\n'}, split=3, runners=2, compact_at=2)
@example(tree={"Asia Prod.csv": b"\n\r\n\nSource IP"}, split=1, runners=2, compact_at=2)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_cut_files_give_the_bytes_and_the_books_of_whole_ones(
    tree: Mapping[str, bytes], split: int, runners: int, compact_at: int
) -> None:
    same(*both(tree, split_size=split, runners_qty=runners, compact_at=compact_at))


@pytest.mark.parametrize("collector", COLLECTOR)
@given(tree=TREE, split=SPLIT)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_engine_collects_the_partials_of_cut_files(
    collector: str, tree: Mapping[str, bytes], split: int
) -> None:
    same(*both(tree, split_size=split, runners_qty=3, collector=collector))


@pytest.mark.parametrize("cut_at", range(1, 130))
def test_a_cut_at_every_byte_of_a_file_with_everything_in_it(cut_at: int) -> None:
    content = (
        b"\xef\xbb\xbf\r\n\"Co\r\nunt\",Source IP,x\r\n1,1.1.1.1\r\n\r\n2,\"2.2.2.2\",\"a\r\n3,3.3.3.3,\r\n\"\r"
        b'\n\n"",,,,\r4\r5,"5.5.""5.5",""\n6,::1,"\n"\r\n7,x\xff\n' + b"8," + b"8" * 20
    )
    assert len(content) > 129
    same(*both({"Asia Prod.csv": content}, split_size=cut_at, runners_qty=2))


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logging.getLogger("reduction"), "propagate", True)
    caplog.set_level(logging.INFO, "reduction")
    return caplog


# Only the quotes of the note are odd in this file: from within, the note looks like rows and the rest does not.
DECEIVING = b"Source IP,Count\n1.1.1.1,1\n2.2.2.2," + quoted("\n7.7.7.7,7" * 40).encode() + b"\n3.3.3.3,3\n"


def test_a_file_that_deceives_is_read_once_more_and_said_to_be(log: pytest.LogCaptureFixture) -> None:
    made, expected = both({"Asia Prod.csv": DECEIVING, "NA Prod.csv": b"Source IP\n4.4.4.4\n"},
                          split_size=60, runners_qty=3)  # fmt: skip
    same(made, expected)
    assert made.report["addresses"] == {"Asia Prod": 3, "NA Prod": 1}
    assert "'Asia Prod.csv' is read once more, whole" in log.text
    assert "NA Prod.csv' is read once more" not in log.text


def test_an_honest_file_is_not_read_twice(log: pytest.LogCaptureFixture) -> None:
    rows = b"".join(b'10.0.%d.1,"a, ""b"",\n c"\n' % n for n in range(200))
    same(*both({"Asia Prod.csv": b"Source IP,Note\n" + rows}, split_size=100, runners_qty=3))
    assert "once more" not in log.text


BAD_AT_THE_END = {
    "a NUL byte": b"Source IP\n" + b"1.1.1.1\r\n" * 40 + b"\0",
    "an open quote": b"Source IP\n" + b"1.1.1.1\r\n" * 40 + b'"2.2.2.2\n3.3.3.3\n',
}


@pytest.mark.parametrize("content", BAD_AT_THE_END.values(), ids=BAD_AT_THE_END)
def test_a_fault_that_the_last_unit_finds_takes_back_the_rows_of_all(content: bytes) -> None:
    made, expected = both({"Asia Prod.csv": content, "NA Prod.csv": b"Source IP\n4.4.4.4\n"},
                          split_size=50, runners_qty=5)  # fmt: skip
    same(made, expected)
    assert made.combined == b"Source IP,Environment\n4.4.4.4,NA Prod\n"
    [ignored] = made.report["files"]["ignored"]
    assert ignored["reason"] == "broken"
    assert ignored["detail"].startswith("line 42: ")


@pytest.mark.parametrize("pack", [lambda content: gzip.compress(content, 0), bz2.compress])
def test_an_archive_that_is_larger_than_a_unit_is_read_by_one_runner(pack) -> None:
    content = pack(b"Source IP\n" + b"".join(b"10.%d.%d.1\n" % (n % 7, n) for n in range(256)))
    made, expected = both({"Asia Prod.csv": content}, split_size=30, runners_qty=3)
    same(made, expected)
    assert made.report["rows"]["valid"] == 256
    same(*both({"Asia Prod.csv": content[:-9]}, split_size=30, runners_qty=3))


def test_a_row_may_be_longer_than_many_units() -> None:
    note = b'"' + b"x" * 100_000 + b'"'
    content = b"Note,Source IP\n" + note + b",1.1.1.1\n" + note + b",no\n" + b",2.2.2.2\n"
    same(*both({"Asia Prod.csv": content}, split_size=5_000, runners_qty=3))
    same(*both({"Asia Prod.csv": note + content}, split_size=5_000, runners_qty=3))
