"""What a log line means, to Python and to the kernel alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.hosts.records import Connection, LocatedLine, Malformed, parse, scan

CONNECTION = Connection(1565647204351, b"Aadvik", b"Matina")
LINES = {
    b"1565647204351 Aadvik Matina": CONNECTION,
    b"1565647204351 Aadvik Matina\r": CONNECTION,
    b" \t1565647204351\tAadvik \t Matina  ": CONNECTION,
    b"1565647204 Aadvik Matina": Connection(1565647204000, b"Aadvik", b"Matina"),
    "1565647204351 ÄÖ→ 𝄞".encode(): Connection(1565647204351, "ÄÖ→".encode(), "𝄞".encode()),
    b"1565647204351 a\x0bb c\xc2\xa0d": Connection(1565647204351, b"a\x0bb", b"c\xc2\xa0d"),
    b"0000000000 a,b \"c\"": Connection(0, b"a,b", b'"c"'),
    b"": None,
    b"\r": None,
    b" \t ": None,
    b"Aadvik Matina": Malformed.NOT_THREE_FIELDS,
    b"1565647204351 Aadvik": Malformed.NOT_THREE_FIELDS,
    b"1565647204351 Aadvik Matina Jadon": Malformed.NOT_THREE_FIELDS,
    b"156564720435 Aadvik Matina": Malformed.NOT_A_TIME,
    b"15656472043510 Aadvik Matina": Malformed.NOT_A_TIME,
    b"-565647204351 Aadvik Matina": Malformed.NOT_A_TIME,
    b"1565647204.351 Aadvik Matina": Malformed.NOT_A_TIME,
    "١٥٦٥٦٤٧٢٠٤ Aadvik Matina".encode(): Malformed.NOT_A_TIME,
    b"\xef\xbb\xbf1565647204351 Aadvik Matina": Malformed.NOT_A_TIME,
    b"1565647204351 Aadvik \xff": Malformed.NOT_UTF_8,
    b"1565647204351 Aadvik \xed\xa0\x80": Malformed.NOT_UTF_8,
    b"1565647204351 Aadvik \x00": Malformed.NOT_TEXT,
    b"\xff\x00": Malformed.NOT_TEXT,
    b"\xff": Malformed.NOT_UTF_8,
}  # fmt: skip
ODD = st.sampled_from([b" ", b"\t", b"\r", b"\0", b"\xff", b"\xc3\xa4", b"\xed\xa0", b"a", b"\xf4\x8f"])
TIMES = st.sampled_from([b"1565647204351", b"1565647204", b"156564720435", b"15656472043x1"])
FIELDS = st.one_of(ODD, TIMES, st.binary(max_size=12).map(lambda text: text.replace(b"\n", b"")))


@pytest.mark.parametrize(("line", "meaning"), LINES.items())
def test_a_line_means_what_the_rules_say(line, meaning):
    assert parse(line) == meaning


@pytest.mark.parametrize("line", LINES)
def test_the_kernel_reads_a_line_as_python_does(line):
    kernel = pytest.importorskip("reduction._kernel")
    assert kernel.parse_log_line(line) == parse(line)


@given(st.lists(FIELDS, max_size=9).map(b"".join))
def test_the_kernel_reads_any_bytes_as_python_does(line):
    kernel = pytest.importorskip("reduction._kernel")
    assert kernel.parse_log_line(line) == parse(line)


@given(st.binary(max_size=4))
def test_the_kernel_knows_utf_8_as_python_does(text):
    kernel = pytest.importorskip("reduction._kernel")
    line = b"1565647204351 a b" + text.replace(b"\n", b"")
    assert kernel.parse_log_line(line) == parse(line)


def test_a_block_shows_where_each_line_stands():
    block = b"1565647204351 a b\r\n\r\nnonsense\n 1565647204 c d"
    assert list(scan(block)) == [
        LocatedLine(0, 0, b"1565647204351 a b", Connection(1565647204351, b"a", b"b")),
        LocatedLine(2, 21, b"nonsense", Malformed.NOT_THREE_FIELDS),
        LocatedLine(3, 30, b" 1565647204 c d", Connection(1565647204000, b"c", b"d")),
    ]
