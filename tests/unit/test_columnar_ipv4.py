"""Dotted quads parsed and written as arrays are those of `ipaddress`, character by character."""

from __future__ import annotations

import ipaddress

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reduction.engines.columnar.address_set import distinct_sorted
from reduction.engines.columnar.ipv4 import LineWriter, parse_dotted_quads
from reduction.engines.columnar.tokenizer import PADDING
from reduction.pipeline.ip_address import Address, canonical
from reduction.pipeline.rows import Row, csv_line

NASTY = [
    "0.0.0.0", "255.255.255.255", "1.2.3.4", "10.0.0.1", "99.99.99.99", "100.100.100.100", "249.250.251.252",
    "256.1.1.1", "1.256.1.1", "1.1.256.1", "1.1.1.256", "260.0.0.1", "300.1.1.1", "999.999.999.999",
    "00.0.0.0", "0.00.0.0", "0.0.0.00", "01.2.3.4", "1.2.3.04", "1.2.3.004", "000.0.0.0", "1.02.3.4",
    "", ".", "...", "....", "1", "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.4.", ".1.2.3.4", "1..2.3", "1.2..3",
    "1.2.3.4.5", "1.2.3.4.5.6.7", "1.1.1.1.1.1.1.1", ".......", "1......", "......1", "1234567",
    "12345678901234567", "65536.0.0.1", "65537.1.1.1", "1.1.1.65537", "1.1.1.65791", "1.1.1.131073",
    "4294967296",
    "0000001.0.0.1", "1.2.3.4 ", " 1.2.3.4", "1 .2.3.4", "1.2.3.4\t", "\t1.2.3.4", "-1.2.3.4",
    "+1.2.3.4", "1.2.3.-4", "1,2,3,4",
    "1:2:3:4", "::1.2.3.4", "a.b.c.d", "1.2.3.a", "0x1.2.3.4", "1e0.0.0.1", "1/2.3.4.5", "1;2.3.4.5",
    "1.2.3.4\0", "\0.1.2.3.4", "1.2.3.\x80", "\xff.1.1.1", "/.1.1.1", ":.1.1.1", "1.1.1.:", "1.1.1./",
    "111.111.111.111", "111.111.111.1111", "1111.111.111.11", "192.168.100.200", "192.168.100.2000",
]  # fmt: skip


def parsed(texts: list[bytes], between: bytes = b",") -> list[int | None]:
    """What `parse_dotted_quads` makes of each text; None if it is no dotted quad."""
    lengths = np.array([len(text) for text in texts], np.int64)
    ends = np.cumsum(lengths + len(between)) - len(between)
    data = np.frombuffer(between.join([*texts, bytes(PADDING)]), np.uint8)
    numbers, good = parse_dotted_quads(data, ends - lengths, ends)
    return [int(number) if ok else None for number, ok in zip(numbers, good, strict=True)]


def right(text: bytes) -> int | None:
    try:
        return int(ipaddress.IPv4Address(text.decode("latin-1")))
    except ValueError:
        return None


@pytest.mark.parametrize("between", [b",", b"\n", b".", b"1", b".1", b"\0"])
def test_nasty_spellings_are_judged_as_ipaddress_does(between):
    texts = [text.encode("latin-1") for text in NASTY]
    assert dict(zip(NASTY, parsed(texts, between), strict=True)) == {
        text: right(text.encode("latin-1")) for text in NASTY
    }


@pytest.mark.parametrize("text", NASTY)
def test_a_row_is_judged_the_same_when_it_stands_alone(text):
    text = text.encode("latin-1")
    assert parsed([text]) == [right(text)]


@given(st.lists(st.text(alphabet="0123456789. :x", max_size=18), max_size=20))
@settings(max_examples=500)
def test_any_spelling_is_judged_as_ipaddress_does(texts):
    encoded = [text.encode() for text in texts]
    assert parsed(encoded) == [right(text) for text in encoded]


@given(st.lists(st.lists(st.integers(0, 1100), min_size=3, max_size=5), max_size=20))
@settings(max_examples=300)
def test_any_numbers_between_dots_are_judged_as_ipaddress_does(rows):
    encoded = [".".join(map(str, row)).encode() for row in rows]
    assert parsed(encoded) == [right(text) for text in encoded]


@given(st.lists(st.integers(0, 2**32 - 1), max_size=50))
@example([0, 2**32 - 1])
def test_every_address_comes_back(numbers):
    texts = [str(ipaddress.IPv4Address(number)).encode() for number in numbers]
    assert parsed(texts) == numbers


def test_every_octet_is_understood_in_every_place():
    for place in range(4):
        octets = [[7, 77, 177, 0] for _ in range(1001)]
        for number, row in enumerate(octets):
            row[place] = number
        texts = [".".join(map(str, row)).encode() for row in octets]
        assert parsed(texts) == [right(text) for text in texts]


def test_more_rows_than_are_parsed_at_a_time_make_no_difference():
    count = (1 << 15) * 2 + 17
    texts = [b"10.%d.%d.%d" % (n >> 16, n >> 8 & 255, n & 255) for n in range(count)]
    texts[1 << 15] = b"10.0.0"
    expected: list[int | None] = [10 << 24 | n for n in range(count)]
    expected[1 << 15] = None
    assert parsed(texts) == expected


def test_no_rows_are_no_rows():
    assert parsed([]) == []


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2)), max_size=60),
    st.permutations(["Asia Prod", "NA Prod", "Ä ß", "a,b c", 'a "b"', "x y"]),
)  # fmt: skip
def test_lines_are_those_that_one_row_after_the_other_makes(rows, environments):
    numbers = np.array([number for number, _ in rows], np.uint32)
    which = np.array([environment for _, environment in rows], np.intp)
    assert LineWriter(environments).lines(numbers, which) == b"".join(
        csv_line(Row(Address(4, number), environments[environment])) for number, environment in rows
    )


@given(st.lists(st.integers(0, 2**32 - 1), max_size=60))
def test_what_is_written_is_understood_again(numbers):
    text = LineWriter(["Asia Prod"]).lines(np.array(numbers, np.uint32), np.zeros(len(numbers), np.intp))
    assert parsed([line.partition(b",")[0] for line in text.splitlines()]) == numbers
    assert [line.split(b",") for line in text.splitlines()] == [
        [canonical(Address(4, number)).encode(), b"Asia Prod"] for number in numbers
    ]


def test_a_writer_without_environments_writes_nothing():
    assert LineWriter([]).lines(np.empty(0, np.uint32), np.empty(0, np.intp)) == b""


@given(st.lists(st.integers(0, 20), max_size=60))
def test_distinct_numbers_are_sorted_and_each_is_there_once(numbers):
    assert distinct_sorted(np.array(numbers, np.uint32)).tolist() == sorted(set(numbers))
