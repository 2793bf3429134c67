"""Moments as a user writes them: in the unit of a log, or by the clock."""

from __future__ import annotations

from reduction.hosts.records import parse_time


def milliseconds(text: str) -> int:
    """Return Unix time in milliseconds: of 13 digits (those), 10 digits (seconds), or ISO 8601.

    What has no offset is UTC. Raises `ValueError`, whose text is the rule.

    >>> milliseconds("1565647204") == milliseconds("2019-08-12T22:00:04Z") == 1565647204000
    True
    """
    number = parse_time(text.encode("utf-8", "surrogateescape"))
    return _of_clock(text) if number is None else number


def _of_clock(text: str) -> int:
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
