"""`batch`: which hosts did HOST connect with, from START to END? A question about finished logs."""

from __future__ import annotations

import argparse
import json
import logging
import os
from typing import TYPE_CHECKING

from reduction.errors import SettingsError, StrictViolation
from reduction.hosts.cli import add_common
from reduction.hosts.printing import print_text

if TYPE_CHECKING:
    from reduction.hosts.batch.query import Answer
    from reduction.hosts.batch.scan import Question

_LOG = logging.getLogger("reduction.hosts")
_BYTES_A_LINE = 32
_LEAST_BLOCK = 1 << 12
_HEADINGS = {
    "outgoing": "Hostnames connected to {host}:",
    "incoming": "Hostnames that connected to {host}:",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `batch` takes."""
    add_common(parser)
    parser.add_argument(
        "-s", "--start", required=True, metavar="START",
        help="the first moment: 13 digits (ms), 10 digits (s) or ISO 8601 (UTC, if it does not say)",
    )  # fmt: skip
    parser.add_argument(
        "-e", "--end", required=True, metavar="END", help="the last moment, which belongs to it"
    )
    parser.add_argument(
        "-f", "--file", dest="files", required=True, nargs="+", action="extend", metavar="FILE",
        help="logs, archives of logs (gzip, bzip2, xz, zstandard), folders of *.txt and *.log",
    )  # fmt: skip
    parser.add_argument(
        "--direction", choices=("outgoing", "incoming", "both"), default="outgoing",
        help="hosts that HOST connected to, hosts that connected to HOST, or both (default: outgoing)",
    )  # fmt: skip
    parser.add_argument("--full-scan", action="store_true", help="read every log whole, in order or not")


def run(options: argparse.Namespace) -> None:
    """Print the answer; raises a `ReducerError` if there is none."""
    question = question_of(options)
    from reduction.hosts.batch import log_files, scanners
    from reduction.hosts.batch.chunks import Pace
    from reduction.hosts.batch.query import answer
    from reduction.runtime import resources
    from reduction.runtime.progress_bar import ProgressReporter

    pace = Pace(threads=resources.processors().amount if scanners.has_kernel() else 1)
    if options.batch_size is not None:
        pace = Pace(pace.threads, block_bytes=max(_LEAST_BLOCK, options.batch_size * _BYTES_A_LINE))
    paths = log_files.find(options.files)
    new_search = scanners.choose()
    with ProgressReporter(len(paths), log_files.bytes_of(paths), "searching") as display:
        found = answer(
            question, paths, new_search, pace, full_scan=options.full_scan, progress=display.update
        )
    tell(found, len(paths))
    directions = ["outgoing", "incoming"] if options.direction == "both" else [options.direction]
    partners = {direction: getattr(found, direction) for direction in directions}
    if options.format == "json":
        print_text(as_json(options, question, partners, found))
    else:
        print_text(as_text(options.host, partners))
    if options.strict and found.malformed:
        raise StrictViolation(
            f"strict mode: {found.malformed.total():,} malformed lines; the answer is printed"
        )


def question_of(options: argparse.Namespace) -> Question:
    """Return what is asked; raises `SettingsError` with all faults at once."""
    from reduction.hosts.batch.scan import Question
    from reduction.hosts.instants import milliseconds
    from reduction.hosts.records import is_host

    faults = []
    host = os.fsencode(options.host)
    if not is_host(host):
        faults.append(f"--host {options.host!r}: must be UTF-8 without blanks, and not empty")
    moments = []
    for name, text in (("--start", options.start), ("--end", options.end)):
        try:
            moments.append(milliseconds(text))
        except ValueError as rule:
            faults.append(f"{name} {text}: {rule}")
    if len(moments) == 2 and moments[0] > moments[1]:
        faults.append(f"--start {options.start} is after --end {options.end}: there is no such interval")
    if faults:
        raise SettingsError(faults)
    start_ms, end_ms = moments
    return Question(host, start_ms, end_ms, options.lateness * 1000)


def as_text(host: str, partners: dict[str, list[str]]) -> str:
    """Return a heading for each direction and below it the hosts, parted by commas."""
    lines = []
    for direction, names in partners.items():
        lines += [_HEADINGS[direction].format(host=host), ",".join(names)]
    return "".join(f"{line}\n" for line in lines)


def as_json(
    options: argparse.Namespace, question: Question, partners: dict[str, list[str]], found: Answer
) -> str:
    """Return one object on one line; docs/spec.md tells its fields."""
    told = {
        "host": options.host,
        "start": question.start_ms,
        "end": question.end_ms,
        "direction": options.direction,
        **partners,
        "lines_scanned": found.lines_scanned,
        "bytes_read": found.bytes_read,
        "bytes_total": found.bytes_total,
        "malformed": dict(sorted(found.malformed.items())),
    }
    return json.dumps(told, ensure_ascii=False) + "\n"


def tell(found: Answer, logs: int) -> None:
    """Log what was read and what was malformed."""
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
        _LOG.warning("'%s', %s: %s: %r", line.path, line.place, line.reason, line.text)
