"""Rows and fields found with whole-array operations are those of Python's `csv`, wherever a block ends."""

from __future__ import annotations

import csv
import io
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reduction.engines.columnar.irregular_keys import field_value
from reduction.engines.columnar.tokenizer import PADDING, RowBlock, blocks, count_lines
from reduction.engines.reference import csv_rows, text_of
from reduction.errors import FileSkipped, Interrupted

NumberedRows = list[tuple[int, list[str]]]

SEEDS = {
    "plain": "a,b\n1,2\n",
    "no newline at the end": "a,b\n1,2",
    "one field": "a\nb\n",
    "CRLF": "a,b\r\n1,2\r\n3,4\r\n",
    "CR": "a,b\r1,2\r3,4",
    "CR at the end": "a,b\r1,2\r",
    "mixed line ends": "a\nb\rc\r\nd\n\re\r\r\nf",
    "blank lines": "\n\na,b\n\n\n1,2\n\n",
    "blank lines of CRLF": "\r\n\r\na,b\r\n\r\n1,2\r\n\r\n",
    "only blank lines": "\n\r\n\r\r",
    "empty": "",
    "empty fields": ",\n,,\na,,b\n,a\n",
    "blanks are a row": " \n\t\na\n",
    "quoted": '"a","b"\n"1","2"\n',
    "empty quotes are a row": '""\n"",""\n',
    "comma in quotes": '"a,b",c\n"1,2,3","4,5"\n',
    "newline in quotes": '"a\nb",c\n"1\r\n2\r3",4\n',
    "doubled quotes": '"a""b",""""\n"""","""""",""\n',
    "doubled quotes round a comma": '"a"",""b",c\n"1"",""2,3"\n',
    "doubled quotes round a newline": '"a""\n""b",c\n1,2\n',
    "text behind a closing quote": '"a"b,c\n"1,2"x,3\n',
    "a quote behind text behind a closing quote": '"a"b"c,d\n"1"2"3"4,5\n"x"y"\n',
    "a stray quote": 'a"b,c\n1"2,"3"\n',
    "two stray quotes round a comma": 'a"b,c"d\n1,2\n',
    "a stray quote round a newline": 'a"\nb"\n"c"\n',
    "a blank before a quote": 'a, "b,c"\n1, "2"\n',
    "a quote behind a stray quote": 'a"","b,c"\n""a"","b\n"\n',
    "a stray quote then a quoted newline": 'a"b,"c\nd"\n1,2\n',
    "quotes only": '"""",""\n""""""\n',
    "quoted to the last byte": 'a,"b"',
    "doubled to the last byte": 'a,"b"""',
    "open quote": 'a,b\n1,"2\n3,4\n',
    "open quote at the last byte": 'a,b\n1,"',
    "open quote behind doubled ones": 'a\n"b""\nc',
    "open quote behind blank lines": 'a\r\n\r\n\r\n"b\r\nc\r\n',
    "open quote behind a quoted newline": '"a\nb"\n"c\nd',
    "long fields": "x" * 90 + "," + "y" * 70 + '\n"' + "z" * 80 + '",1\n',
    "many fields": "a," * 40 + "\n" + "1," * 80 + "\n",
    "not only ASCII": "ä,ö\n日本,😀\n\u2028,\x85\x0b\x0c\x1c\n",
}
FRAGMENTS = ['"', '""', ",", "\n", "\r\n", "\r", "a", '"a"', '"a,b"', '"a\n"', 'a"']
BLOCK_SIZES = (1, 2, 3, 5, 8, 64, 1 << 16)


def rows_of_csv(text: str) -> NumberedRows | None:
    """Each row that is not blank and the line it starts on, by `csv` alone; None if a quote stays open."""
    csv.field_size_limit(sys.maxsize)
    ended = False

    def lines():
        nonlocal ended
        yield from io.StringIO(text, newline="")
        ended = True

    reader = csv.reader(lines())
    rows, started_after = [], 0
    for row in reader:
        if ended:
            return None
        if row:
            rows.append((started_after + 1, row))
        started_after = reader.line_num
    return rows


def fields_of(block: RowBlock) -> NumberedRows:
    """The rows of a block as `csv` gives them."""
    rows = block.rows
    found: NumberedRows = []
    for index in range(len(rows)):
        one = rows[index : index + 1]
        fields = []
        for field in range(int(one.fields[0])):
            starts, ends = one.field(field)
            fields.append(field_value(block.text(int(starts[0]), int(ends[0]))))
        found.append((block.line_at(int(one.starts[0])), fields))
    return found


def rows_in_blocks(content: bytes, block_bytes: int) -> NumberedRows | None:
    """The same by `blocks`; None if a quote stays open."""
    found: NumberedRows = []
    last = None
    for last in blocks(io.BufferedReader(io.BytesIO(content)), block_bytes):
        found += fields_of(last)
    assert last is not None, "there is always a last block"
    return found if last.open_quote_line is None else None


def same(text: str, block_bytes: int) -> None:
    assert rows_in_blocks(text.encode(), block_bytes) == rows_of_csv(text), (text, block_bytes)


@pytest.mark.parametrize("text", SEEDS.values(), ids=SEEDS)
@pytest.mark.parametrize("block_bytes", BLOCK_SIZES)
def test_rows_are_those_of_csv(text, block_bytes):
    same(text, block_bytes)


@pytest.mark.parametrize("text", SEEDS.values(), ids=SEEDS)
def test_rows_are_those_of_csv_wherever_the_text_stands_in_a_block(text):
    """Rows before it shift the text over the block's border, byte by byte; rows after it must not suffer."""
    for shift in range(20):
        for ahead in ("x" * shift + "\n" if shift else "", '"' + "," * shift + '"\r\n'):
            same(ahead + text, 16)
            same(ahead + text + "\ny,z\n", 16)


@pytest.mark.parametrize("text", SEEDS.values(), ids=SEEDS)
def test_rows_are_those_of_csv_wherever_the_text_is_cut(text):
    for end in range(len(text)):
        for block_bytes in (1, 7, 1 << 16):
            same(text[:end], block_bytes)


@given(st.text(alphabet='a,"\r\n 1.', max_size=60), st.integers(1, 40))
@settings(max_examples=600)
@example('a"b\r', 4)
@example('"\r', 1)
@example('"a"\r\n"b"', 4)
def test_rows_of_any_text_are_those_of_csv(text, block_bytes):
    same(text, block_bytes)


@given(
    st.lists(st.sampled_from(FRAGMENTS), max_size=30),
    st.integers(1, 40),
)  # fmt: skip
@settings(max_examples=600)
def test_rows_of_any_fragments_are_those_of_csv(fragments, block_bytes):
    same("".join(fragments), block_bytes)


@given(st.text(alphabet='a,"\r\n ', max_size=40))
def test_the_reference_engine_reads_as_csv_does(text):
    try:
        rows = list(csv_rows(text_of(io.BytesIO(text.encode()))))
    except FileSkipped:
        rows = None
    assert rows == rows_of_csv(text)


@given(st.text(alphabet='a,"\r\n', max_size=40), st.integers(1, 20))
def test_an_open_quote_is_reported_with_the_line_of_its_row(text, block_bytes):
    *_, last = blocks(io.BufferedReader(io.BytesIO(text.encode())), block_bytes)
    said = None
    try:
        list(csv_rows(text_of(io.BytesIO(text.encode()))))
    except FileSkipped as error:
        said = int(error.detail.removeprefix("line ").partition(":")[0])
    assert last.open_quote_line == said


@pytest.mark.parametrize("text", ["a\r\nb", "a\r\n\r\nb\r\n", '"a\r\nb"\r\nc', "a\r\rb\r\n"])
def test_a_block_that_ends_between_cr_and_lf_loses_no_line(text):
    for block_bytes in range(1, len(text) + 1):
        same(text, block_bytes)


def test_bytes_that_are_not_utf8_come_through():
    assert rows_in_blocks(b"\xff,a\n\xe9\xc3,b\n", 3) == [(1, ["\udcff", "a"]), (2, ["\udce9\udcc3", "b"])]


@pytest.mark.parametrize("at", [0, 1, 5, 6, 40])
@pytest.mark.parametrize("block_bytes", [1, 4, 1000])
def test_the_first_nul_byte_is_reported_with_its_line(at, block_bytes):
    content = bytearray(b"a\nb,b\nccc\n" * 10)
    content[at:at] = b"\0"
    content += b"\0\n"
    with_nul = next(of for of in blocks(io.BufferedReader(io.BytesIO(content)), block_bytes) if of.nul >= 0)
    assert with_nul.line_at(with_nul.nul) == 1 + bytes(content[:at]).count(b"\n")


def test_a_block_holds_about_as_much_as_asked_for_and_room_behind_it():
    content = b"123456789\n" * 1000
    for block in blocks(io.BufferedReader(io.BytesIO(content)), 100):
        assert len(block.rows) <= 11
        assert not block.data[-PADDING:].any()


def test_a_row_longer_than_a_block_is_read_in_few_looks(monkeypatch):
    row = b'"' + b"x\n" * 50_000 + b'"\n'
    looks = []
    stream = io.BufferedReader(io.BytesIO(row * 2))
    really = stream.read1
    monkeypatch.setattr("reduction.engines.columnar.tokenizer._read", counted(looks, really))
    assert sum(len(block.rows) for block in blocks(stream, 64)) == 2
    assert len(looks) < 60, "the part that is looked at grows, or long rows would take quadratic time"


def counted(looks, read1):
    def read(stream, want):
        looks.append(want)
        chunks = []
        while want > 0 and (chunk := read1(want)):
            chunks.append(chunk)
            want -= len(chunk)
        return b"".join(chunks), None

    return read


class Failing(io.RawIOBase):
    """Gives some bytes, then fails."""

    def __init__(self, content: bytes, error: BaseException) -> None:
        self.content, self.error = content, error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if not self.content:
            raise self.error
        count = min(len(buffer), len(self.content))
        buffer[:count], self.content = self.content[:count], self.content[count:]
        return count


def test_an_error_of_the_stream_comes_after_the_rows_before_it():
    found = list(blocks(io.BufferedReader(Failing(b"a,b\n1,2\n3", OSError(5, "bad"))), 1000))
    assert [fields for block in found for _, fields in fields_of(block)] == [["a", "b"], ["1", "2"]]
    assert isinstance(found[-1].error, OSError)
    assert [block.error for block in found[:-1]] == [None] * (len(found) - 1)


def test_an_interruption_is_no_error_of_the_stream():
    with pytest.raises(Interrupted):
        list(blocks(io.BufferedReader(Failing(b"a,b\n1,2\n3", Interrupted(2))), 1000))


@given(st.text(alphabet="a\r\n", max_size=30))
def test_lines_are_counted_as_text_files_count_them(text):
    assert count_lines(text.encode()) == len((text + "x").splitlines()) - 1
