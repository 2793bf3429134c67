"""Strategies for contents of CSV files: mostly well-formed, sometimes with oddities of every kind."""

from __future__ import annotations

import bz2
import gzip
import lzma

from hypothesis import strategies as st

OCTET = st.sampled_from(
    ["0", "1", "9", "10", "99", "100", "199", "249", "255", "256", "01", "001", "025", "1000", ""]
)
IPV4 = st.tuples(OCTET, OCTET, OCTET, OCTET).map(".".join)
IPV6 = st.one_of(
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded.upper()),
    st.sampled_from(
        [
            "::",
            "::1",
            "1::",
            "::ffff:1.2.3.4",
            "::FFFF:102:304",
            "fe80::1%eth0",
            "1:2:3:4:5:6:7::",
            ":::",
            "::1.2.3.04",
        ]
    ),
)
ODD = st.sampled_from(
    [
        "",
        " ",
        "abc",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4/8",
        "1.2.3.4:80",
        "-1.2.3.4",
        "\uff11.2.3.4",
        "1.2.3.4\u00a0",
        "x" * 70,
        " " * 70 + "9.9.9.9",
        "\t1.1.1.1 ",
        '1.1.1.1"',
        "0x1.1.1.1",
        "1.2.3.4\n",
        "255.255.255.255",
    ]
)
GOOD = st.sampled_from([f"{a}.0.0.{b}" for a in (1, 9, 10, 200) for b in (0, 10, 255)])
KEY = st.one_of(GOOD, GOOD, GOOD, IPV4, IPV6, ODD)
SPACED = st.tuples(
    st.sampled_from(["", "", " ", "\t", "      "]), KEY, st.sampled_from(["", "", " ", "\t "])
).map("".join)
TEXT = st.text(alphabet='ab",\r\n\t é1.', max_size=8)
LINE_END = st.sampled_from(["\n", "\n", "\r\n", "\r"])
HEADER = st.sampled_from(
    [
        ["Source IP", "Count", "Events per Second"],
        ["Source IP"],
        ["Count", " Source IP\t", "Events / Second"],
        ["a", "b,c", "Source IP"],
        ["a\nb", "Source IP", "Source IP"],
        ["Source", "IP"],
    ]
)


def quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"'


@st.composite
def csv_field(draw: st.DrawFn, text: st.SearchStrategy[str]) -> str:
    field = draw(text)
    how = draw(st.sampled_from(["as needed", "as needed", "as needed", "quoted", "raw"]))
    if how == "quoted" or (how == "as needed" and any(c in field for c in '",\r\n')):
        return quoted(field)
    return field


@st.composite
def csv_content(draw: st.DrawFn) -> bytes:
    """A file: mostly well-formed, sometimes with too short or long rows, blank lines or stray bytes."""
    header = draw(HEADER)
    end = draw(LINE_END)
    lines = [",".join(quoted(name) if set(name) & set(",\n") else name for name in header)]
    key = next((index for index, name in enumerate(header) if name.strip() == "Source IP"), 0)
    for _ in range(draw(st.integers(0, 12))):
        width = draw(st.sampled_from([len(header)] * 6 + [key + 1, key, len(header) + 1]))
        fields = [draw(csv_field(SPACED if index == key else TEXT)) for index in range(width)]
        lines.append(",".join(fields))
    lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(["", "", " ", '""'])))
    text = end.join(lines) + draw(st.sampled_from([end, "", end + end]))
    content = draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + text.encode()
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(content)))
        stray = draw(st.sampled_from([b'"', b'"', b"\0", b"\xff", b"\r", b"\n", b",", b""]))
        content = content[:at] + stray + content[at + draw(st.integers(0, 1)) :]
    return content


def packed(content: bytes) -> st.SearchStrategy[bytes]:
    zipped = gzip.compress(content, mtime=0)
    whole = [zipped, bz2.compress(content), lzma.compress(content)]
    wrong = [zipped[:-3], content.decode("utf-8", "replace").encode("utf-16"), b""]
    return st.sampled_from([content] * 6 + whole + wrong)


LIKE_ROWS = st.lists(
    st.sampled_from(["1.1.1.1,2", "2,9.9.9.9", "a", '"', '"x', '1.1.1.1,"', ""]), min_size=1, max_size=9
).map("\n".join)
NOTE = st.one_of(st.sampled_from(["", "x", "a b"]), st.one_of(LIKE_ROWS, LIKE_ROWS).map(quoted))


@st.composite
def with_rows_inside_quotes(draw: st.DrawFn) -> bytes:
    """A file with quoted notes that look like rows, so that guesses of where a row starts are wrong."""
    end = draw(LINE_END)
    rows = draw(st.lists(st.tuples(st.sampled_from(["1.1.1.1", "2.2.2.2", "::1", "no"]), NOTE), max_size=8))
    lines = ["Source IP,Note", *(f"{address},{note}" for address, note in rows)]
    text = end.join(lines).replace("\n", end) + draw(st.sampled_from([end, "", end + end, '"']))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()


CUT_CONTENT = st.one_of(csv_content(), csv_content().flatmap(packed), with_rows_inside_quotes())
"""Contents of every kind for files that are split."""


def deceiving(rows: int) -> bytes:
    """Return a file whose splits guess wrongly: the second of three rows has a quoted note of `rows` lines.

    Seen from within the note, its lines look like rows, and the following rows look like quoted text.
    """
    return b'Source IP,Count\n1.1.1.1,1\n2.2.2.2,"' + b"\n7.7.7.7,7" * rows + b'"\n3.3.3.3,3\n'
