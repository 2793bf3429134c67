"""Finds the part of a log that may be in a time interval, by binary search on byte offsets (docs/adr/0009).

A line is at most `lateness_ms` older than any line before it. So if some line is older than START by more
than that, all lines before it are older than START; if it is newer than END by more than that, all lines
after it are newer than END. That holds for every line that is probed, whatever the others are.
"""

from __future__ import annotations

from typing import NamedTuple

from reduction.hosts.batch import blocks
from reduction.hosts.batch.log_files import LogFile
from reduction.hosts.batch.scan import Query
from reduction.hosts.records import Connection, scan


class Probe(NamedTuple):
    """A connection that the binary search read."""

    offset: int
    time_ms: int


class Part(NamedTuple):
    """The lines that start from `start` to `stop` (exclusive), and the probes before and after them."""

    start: int
    stop: int
    before: list[Probe]
    after: list[Probe]


def part_of(log: LogFile, query: Query, probe_bytes: int, enough_bytes: int) -> Part:
    """Return the part that has every line of the interval, reading blocks of `probe_bytes` to find it.

    The search stops at either end once at most `enough_bytes` are undecided.
    """
    probes: list[Probe] = []

    def looked_at(offset: int, limit: int) -> Probe | None:
        probe = first_connection(log, offset, limit, probe_bytes)
        if probe is not None:
            probes.append(probe)
        return probe

    start, high = 0, log.size
    while high - start > enough_bytes:
        middle = (start + high) // 2
        probe = looked_at(middle, high)
        if probe is not None and probe.time_ms < query.start_ms - query.lateness_ms:
            start = probe.offset + 1
        else:
            high = middle
    start = blocks.line_start(log, start, log.size)
    latest_ms = query.end_ms + query.lateness_ms
    low = start
    stop = min((probe.offset for probe in probes if probe.time_ms > latest_ms), default=log.size)
    while stop - low > enough_bytes:
        middle = (low + stop) // 2
        probe = looked_at(middle, stop)
        if probe is not None and probe.time_ms <= latest_ms:
            low = probe.offset + 1
        else:
            stop = middle  # there is no connection from here to the probe
    probes.sort()
    before = [probe for probe in probes if probe.offset < start]
    return Part(start, stop, before, [probe for probe in probes if probe.offset >= stop])


def first_connection(log: LogFile, at: int, stop: int, probe_bytes: int) -> Probe | None:
    """Return the first connection whose line starts from `at` to `stop` (exclusive)."""
    start = blocks.line_start(log, at, stop)
    for offset, block in blocks.of_part(log, start, stop, probe_bytes):
        for located in scan(bytes(block)):
            if isinstance(located.meaning, Connection):
                return Probe(offset + located.offset, located.meaning.time_ms)
    return None
