"""`batch`: which hosts did HOST connect with, from START to END? A query about finished logs."""

from __future__ import annotations

import argparse
import json
import logging
import os
from typing import TYPE_CHECKING

from reduction.errors import SettingsError, StrictViolation
from reduction.hosts.cli import add_common, print_text

if TYPE_CHECKING:
    from reduction.hosts.batch.query import Answer
    from reduction.hosts.batch.scan import Query

_LOG = logging.getLogger("reduction.hosts")
_BYTES_A_LINE = 32
_LEAST_BLOCK = 1 << 12
_HEADINGS = {
    "outgoing": "Hostnames connected to {host}:",
    "incoming": "Hostnames that connected to {host}:",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `batch`."""
    add_common(parser)
    parser.add_argument(
        "-s", "--start", required=True, metavar="START",
        help="start time: 13 digits (ms), 10 digits (s) or ISO 8601 (UTC by default)",
    )  # fmt: skip
    parser.add_argument("-e", "--end", required=True, metavar="END", help="end time, inclusive")
    parser.add_argument(
        "-f", "--file", dest="files", required=True, nargs="+", action="extend", metavar="FILE",
        help="logs, archives of logs (gzip, bzip2, xz, zstandard), folders of *.txt and *.log",
    )  # fmt: skip
    parser.add_argument(
        "--direction", choices=("outgoing", "incoming", "both"), default="outgoing",
        help="hosts that HOST connected to, hosts that connected to HOST, or both (default: outgoing)",
    )  # fmt: skip
    parser.add_argument("--full-scan", action="store_true", help="read every log completely, in any order")


def run(options: argparse.Namespace) -> None:
    """Print the answer; raises a `ReducerError` on failure."""
    query = query_of(options)
    from reduction.hosts.batch import log_files, scanners
    from reduction.hosts.batch.chunks import ScanConfig
    from reduction.hosts.batch.query import answer
    from reduction.runtime import resources
    from reduction.runtime.progress_bar import ProgressReporter

    config = ScanConfig(threads=resources.processors().amount if scanners.has_kernel() else 1)
    if options.batch_size is not None:
        config = ScanConfig(config.threads, block_bytes=max(_LEAST_BLOCK, options.batch_size * _BYTES_A_LINE))
    paths = log_files.find(options.files)
    new_scanner = scanners.choose_scanner()
    with ProgressReporter(len(paths), log_files.bytes_of(paths), "searching") as display:
        found = answer(
            query, paths, new_scanner, config, full_scan=options.full_scan, progress=display.update
        )
    log_summary(found, len(paths))
    directions = ["outgoing", "incoming"] if options.direction == "both" else [options.direction]
    partners = {direction: getattr(found, direction) for direction in directions}
    if options.format == "json":
        print_text(as_json(options, query, partners, found))
    else:
        print_text(as_text(options.host, partners))
    if options.strict and found.malformed:
        raise StrictViolation(
            f"strict mode: {found.malformed.total():,} malformed lines; the answer was printed"
        )


def query_of(options: argparse.Namespace) -> Query:
    """Return the query; raises `SettingsError` with all problems at once."""
    from reduction.hosts.batch.scan import Query
    from reduction.hosts.records import is_host, milliseconds

    problems = []
    host = os.fsencode(options.host)
    if not is_host(host):
        problems.append(f"--host {options.host!r}: must be UTF-8 without spaces and tabs, and not empty")
    times = []
    for name, text in (("--start", options.start), ("--end", options.end)):
        try:
            times.append(milliseconds(text))
        except ValueError as rule:
            problems.append(f"{name} {text}: {rule}")
    if len(times) == 2 and times[0] > times[1]:
        problems.append(f"--start {options.start} is after --end {options.end}: the interval is empty")
    if problems:
        raise SettingsError(problems)
    start_ms, end_ms = times
    return Query(host, start_ms, end_ms, options.lateness * 1000)


def as_text(host: str, partners: dict[str, list[str]]) -> str:
    """Return a heading for each direction followed by the hosts, separated by commas."""
    lines = []
    for direction, names in partners.items():
        lines += [_HEADINGS[direction].format(host=host), ",".join(names)]
    return "".join(f"{line}\n" for line in lines)


def as_json(options: argparse.Namespace, query: Query, partners: dict[str, list[str]], found: Answer) -> str:
    """Return one JSON object on one line; docs/host-processor.md lists its fields."""
    values = {
        "host": options.host,
        "start": query.start_ms,
        "end": query.end_ms,
        "direction": options.direction,
        **partners,
        "lines_scanned": found.lines_scanned,
        "bytes_read": found.bytes_read,
        "bytes_total": found.bytes_total,
        "malformed": dict(sorted(found.malformed.items())),
    }
    return json.dumps(values, ensure_ascii=False) + "\n"


def log_summary(found: Answer, logs: int) -> None:
    """Log how much was read, and malformed lines."""
    _LOG.debug(
        "logs: %s; bytes read: %s of %s; lines: %s",
        f"{logs:,}", f"{found.bytes_read:,}", f"{found.bytes_total:,}", f"{found.lines_scanned:,}",
    )  # fmt: skip
    if not found.malformed:
        return
    from reduction.hosts.malformed import by_reason

    _LOG.warning(
        "%s of %s lines are malformed: %s",
        f"{found.malformed.total():,}", f"{found.lines_scanned:,}", by_reason(found.malformed),
    )  # fmt: skip
    for line in found.examples:
        _LOG.warning("'%s', %s: %s: %r", line.path, line.where, line.reason, line.text)
