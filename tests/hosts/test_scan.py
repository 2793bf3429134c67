"""The search of the kernel and its reference implementation note the same, whatever
the bytes and however they are fed."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from searches import SEARCHES, each_search

from reduction.hosts.batch.scan import NO_TIME, Query, ScanStats

START = 1565647200000
QUESTION = Query(b"a", START + 10, START + 20, 5)
FIELDS = st.sampled_from([b"a", b"b", b"Aadvik", b"\xc3\xa4", b"\xff", b"\0", b"", b"a\r", b"x" * 70])
TIMES = st.one_of(
    st.integers(START, START + 40).map(b"%d".__mod__),
    st.sampled_from([b"1565647200", b"156564720000", b"15656472000x0", b"99999999999999"]),
)
BLANKS = st.sampled_from([b" ", b" ", b" ", b"\t", b"  ", b""])
LINES = st.one_of(
    st.tuples(TIMES, BLANKS, FIELDS, BLANKS, FIELDS, BLANKS).map(b"".join),
    st.binary(max_size=30).map(lambda text: text.replace(b"\n", b"")),
)
LOGS = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n"])).map(b"".join), max_size=40)


def searched(search: str, blocks: list[bytes], newest_ms: int = 0, query: Query = QUESTION) -> ScanStats:
    made = SEARCHES[search](query, newest_ms)
    offset = 0
    for block in blocks:
        made.feed(memoryview(block), offset)
        offset += len(block)
    return made.stats()


@each_search
@given(lines=LOGS, cuts=st.lists(st.integers(1, 5)), newest_ms=st.sampled_from([0, START + 15]))
def test_what_is_noted_does_not_depend_on_who_searches_nor_on_the_blocks(search, lines, cuts, newest_ms):
    blocks, left = [], list(lines)
    for cut in cuts:
        blocks.append(b"".join(left[:cut]))
        left = left[cut:]
    blocks.append(b"".join(left))
    assert searched(search, blocks, newest_ms) == searched("Python", [b"".join(lines)], newest_ms)


@each_search
def test_a_log_of_megabytes(search):
    rng = random.Random(3)
    hosts = [b"a", b"b", b"c" * 20, "ä".encode()]
    lines = [b"%d %b %b\n" % (START + rng.randrange(60), *rng.choices(hosts, k=2)) for _ in range(40_000)]
    for number in rng.sample(range(40_000), 50):
        lines[number] = rng.choice([b"\n", b"rubbish\n", b"x" * 20_000 + b"\n", b"%d a  b \r\n" % START])
    assert searched(search, [b"".join(lines)]) == searched("Python", lines)


@each_search
def test_nothing_fed_is_nothing_noted(search):
    stats = searched(search, [b""])
    assert set(stats.lines.values()) == {0}
    assert (stats.examples, stats.oldest_ms, stats.newest_ms, stats.late) == ([], NO_TIME, 0, None)


@each_search
def test_the_first_line_too_late_is_noted_with_the_newest_time_before_it(search):
    log = b"%d b b\n\n%d b b\n%d b b\n%d b b\n" % (START + 9, START + 4, START + 3, START + 2)
    late = searched(search, [log]).late
    assert late is not None
    assert (late.line, late.time_ms, late.newest_ms) == (3, START + 3, START + 9)
    assert log[late.offset :].startswith(b"%d" % (START + 3))


@each_search
def test_lines_before_the_first_one_fed_count_for_what_is_late(search):
    log = b"%d b b\n" % START
    assert searched(search, [log], newest_ms=START + 5).late is None
    assert searched(search, [log], newest_ms=START + 6).late == (0, 0, START, START + 6)


def test_an_unknown_instruction_set_is_rejected():
    kernel = pytest.importorskip("reduction._kernel")
    with pytest.raises(ValueError, match="instruction set"):
        kernel.HostSearch(b"a", 0, 1, 0, 0, 3, "no such set")


def test_what_lends_no_bytes_is_rejected():
    kernel = pytest.importorskip("reduction._kernel")
    with pytest.raises(TypeError):
        kernel.HostSearch(b"a", 0, 1, 0, 0, 3).feed("text", 0)
