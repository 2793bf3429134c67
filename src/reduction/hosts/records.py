"""What a line of a connection log is: `<unix time> <source host> <target host>`, or malformed for a reason.

docs/spec.md has the rules. native/include/reduction/log_lines.hpp keeps the same ones where lines are many;
this is its twin, dull on purpose, and the oracle of its tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

_DIGITS_OF_MILLISECONDS = 13
_DIGITS_OF_SECONDS = 10


class Malformed(StrEnum):
    """Why a line is not counted; of several reasons the first one here is told."""

    NOT_TEXT = "not-text"
    NOT_UTF_8 = "not-utf-8"
    NOT_THREE_FIELDS = "not-three-fields"
    NOT_A_TIME = "not-a-time"


class Connection(NamedTuple):
    """`source` connected to `target` at `time_ms` (Unix time in milliseconds)."""

    time_ms: int
    source: bytes
    target: bytes


class Placed(NamedTuple):
    """A line that is not blank, and where it stands in its block: both numbers count from 0."""

    line: int
    offset: int
    text: bytes
    meaning: Connection | Malformed


def parse(line: bytes) -> Connection | Malformed | None:
    """Return what a line, given without its LF, means; None for a blank one.

    >>> parse(b"1565647204351 Aadvik Matina")
    Connection(time_ms=1565647204351, source=b'Aadvik', target=b'Matina')
    """
    fields = [field for field in line.removesuffix(b"\r").replace(b"\t", b" ").split(b" ") if field]
    if not fields:
        return None
    if b"\0" in line:
        return Malformed.NOT_TEXT
    if not _is_utf_8(line):
        return Malformed.NOT_UTF_8
    if len(fields) != 3:
        return Malformed.NOT_THREE_FIELDS
    time_ms = parse_time(fields[0])
    return Malformed.NOT_A_TIME if time_ms is None else Connection(time_ms, fields[1], fields[2])


def parse_time(field: bytes) -> int | None:
    """Return the Unix milliseconds that 13 digits (milliseconds) or 10 (seconds) say, or None."""
    if not field.isdigit():
        return None
    if len(field) == _DIGITS_OF_MILLISECONDS:
        return int(field)
    if len(field) == _DIGITS_OF_SECONDS:
        return int(field) * 1000
    return None


def is_host(name: bytes) -> bool:
    """Return whether a line could name this host."""
    return b"\n" not in name and parse(b"0000000000 %b x" % name) == (0, name, b"x")


def scan(block: bytes) -> Iterator[Placed]:
    """Return the lines of a block that are not blank, in their order; the last one needs no line end."""
    offset = 0
    for number, line in enumerate(block.split(b"\n")):
        meaning = parse(line)
        if meaning is not None:
            yield Placed(number, offset, line.removesuffix(b"\r"), meaning)
        offset += len(line) + 1


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
