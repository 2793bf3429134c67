"""A line of a connection log: `<unix time> <source host> <target host>`, or malformed for a reason.

docs/host-processor.md has the rules. native/include/reduction/hosts/log_lines.hpp implements them;
this is the simple reference implementation that its tests compare with.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

_DIGITS_OF_MILLISECONDS = 13
_DIGITS_OF_SECONDS = 10


class Malformed(StrEnum):
    """Why a line is not counted; if several reasons apply, the first one here is reported."""

    NOT_TEXT = "not-text"
    NOT_UTF_8 = "not-utf-8"
    NOT_THREE_FIELDS = "not-three-fields"
    NOT_A_TIME = "not-a-time"


class Connection(NamedTuple):
    """`source` connected to `target` at `time_ms` (Unix time in milliseconds)."""

    time_ms: int
    source: bytes
    target: bytes


class LocatedLine(NamedTuple):
    """A line that is not blank, and its position in its block: both numbers count from 0."""

    line: int
    offset: int
    text: bytes
    meaning: Connection | Malformed


def parse(line: bytes) -> Connection | Malformed | None:
    """Parse a line without its LF; return None for a blank one.

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
    """Return Unix milliseconds from 13 digits (milliseconds) or 10 (seconds), or None."""
    if not field.isdigit():
        return None
    if len(field) == _DIGITS_OF_MILLISECONDS:
        return int(field)
    if len(field) == _DIGITS_OF_SECONDS:
        return int(field) * 1000
    return None


def is_host(name: bytes) -> bool:
    """Return whether a line could contain this host."""
    return b"\n" not in name and parse(b"0000000000 %b x" % name) == (0, name, b"x")


def scan(block: bytes) -> Iterator[LocatedLine]:
    """Yield the lines of a block that are not blank; the last one needs no line end."""
    offset = 0
    for number, line in enumerate(block.split(b"\n")):
        meaning = parse(line)
        if meaning is not None:
            yield LocatedLine(number, offset, line.removesuffix(b"\r"), meaning)
        offset += len(line) + 1


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def milliseconds(text: str) -> int:
    """Return Unix time in milliseconds from 13 digits (milliseconds), 10 digits (seconds), or ISO 8601.

    A time without an offset is UTC. Raises `ValueError`, whose text is the rule.

    >>> milliseconds("1565647204") == milliseconds("2019-08-12T22:00:04Z") == 1565647204000
    True
    """
    number = parse_time(text.encode("utf-8", "surrogateescape"))
    return _from_iso_8601(text) if number is None else number


def _from_iso_8601(text: str) -> int:
    from datetime import UTC, datetime, timedelta

    rule = (
        "must be 13 digits (milliseconds), 10 digits (seconds) or ISO 8601 like 2019-08-12T22:00:04.351+00:00"
    )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(rule) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since_1970 = moment - datetime(1970, 1, 1, tzinfo=UTC)
    number, rest = divmod(since_1970, timedelta(milliseconds=1))
    if rest or number < 0:
        raise ValueError("must be a whole millisecond, from 1970 on")
    return number
