"""`streaming`: who connected to HOST, to whom it connected, who was busiest; reported again and again."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from reduction.errors import InputError, Interrupted, SettingsError, StrictViolation
from reduction.hosts.cli import add_common, whole_number

if TYPE_CHECKING:
    from reduction.hosts.streaming.clocks import Rules
    from reduction.hosts.streaming.live_table import LiveTable
    from reduction.hosts.streaming.log_reader import Place
    from reduction.hosts.streaming.loop import Source
    from reduction.hosts.streaming.processor import Stream
    from reduction.hosts.streaming.sinks import Output

_BATCH_LINES = 100_000
_BATCHES = 8
_BYTES_A_LINE = 32  # a guess
_MOST_BYTES = 1 << 22  # in a batch
_MOST_SECONDS = 366 * 24 * 3600
_LOG = logging.getLogger("reduction.hosts")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `streaming` takes."""
    add_common(parser)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "-T", "--directory", metavar="DIR",
        help="read each *.txt file that is whole, once, and move it to DIR/processed",
    )  # fmt: skip
    source.add_argument("--follow", metavar="FILE", help="read a log while it grows, through rotation")
    parser.add_argument(
        "-t", "--seconds", type=whole_number(1), default=3600, metavar="SECONDS",
        help="the length of a window (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "-q", "--queue-size", type=whole_number(1), default=_BATCHES, metavar="BATCHES",
        help="so many batches may wait to be counted, then reading waits (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--clock", choices=("processing", "event"), default="processing",
        help="windows by when lines are read, or by their own time (default: processing)",
    )  # fmt: skip
    parser.add_argument(
        "--idle", type=whole_number(1), metavar="SECONDS",
        help="--clock event: after so long without a line open windows are closed (default: the lateness)",
    )  # fmt: skip
    parser.add_argument("--once", action="store_true", help="read what is there, report, and end")
    parser.add_argument("--output", metavar="FILE", help="append reports to FILE instead of printing them")
    parser.add_argument("--state", metavar="DIR", help="keep there what is needed to go on after a kill")
    parser.add_argument("--live", action="store_true", help="on a terminal, show a table that stays in place")


def run(options: argparse.Namespace) -> None:
    """Stream until a signal comes, or with `--once` until all is read.

    Raises a `ReducerError`, or `Interrupted`.
    """
    check(options)
    from reduction.hosts.malformed import by_reason
    from reduction.hosts.streaming.event_queue import Channel
    from reduction.hosts.streaming.loop import count, reading, signals_to, steady_clock
    from reduction.hosts.streaming.watcher import Notices

    now_ms = steady_clock()
    channel = Channel(options.queue_size)
    with ExitStack() as stack:
        table = _table(options, stack)
        stream, source = _assemble(options, stack, table, now_ms())
        notices = stack.enter_context(Notices(Path(options.directory or Path(options.follow).parent)))
        with signals_to(channel), reading(source, channel, notices, once=options.once):
            signal_number = count(stream, channel, now_ms, table, keeps=options.state is not None)
    if signal_number is not None:
        raise Interrupted(signal_number)
    late, malformed = stream.clock.windows.unreported()
    if late or malformed:
        _LOG.warning(
            "for the next report, after the last one came: %s late lines; malformed: %s",
            f"{late:,}", by_reason(malformed) or "none",
        )  # fmt: skip
    lines = stream.malformed_lines + sum(malformed.values())
    if options.strict and lines:
        raise StrictViolation(f"strict mode: {lines:,} malformed lines; the reports are made")


def check(options: argparse.Namespace) -> None:
    """Raise `SettingsError` with all faults of the command line, `InputError` if there is nothing to read."""
    from reduction.hosts.records import is_host

    faults = []
    if not is_host(os.fsencode(options.host)):
        faults.append(f"--host {options.host!r}: must be UTF-8 without blanks, and not empty")
    if options.seconds > _MOST_SECONDS:
        faults.append(f"-t {options.seconds}: must be {_MOST_SECONDS} (a year) or less")
    if options.directory and options.output:
        output = Path(options.output).resolve()
        if output.parent == Path(options.directory).resolve() and output.suffix == ".txt":
            faults.append(f"--output {options.output}: would be read as a log; take another folder or name")
    if faults:
        raise SettingsError(faults)
    if options.directory and not Path(options.directory).is_dir():
        raise InputError(f"the folder '{options.directory}' does not exist")
    if options.follow and not Path(options.follow).parent.is_dir():
        raise InputError(f"the folder of '{options.follow}' does not exist")


def _assemble(
    options: argparse.Namespace, stack: ExitStack, table: LiveTable | None, now_ms: int
) -> tuple[Stream, Source]:
    """Return what counts, as far as the state had come, and what reads."""
    from reduction.hosts.streaming import reports, sinks
    from reduction.hosts.streaming.checkpoint import State
    from reduction.hosts.streaming.clocks import new_clock
    from reduction.hosts.streaming.processor import Audience, Stream, Unkept, go_on

    rules = _rules(options)
    output: Output = sinks.StandardOutput() if table is None else sinks.NoOutput()
    if options.output:
        output = sinks.FileOutput(Path(options.output))
    state = State(Path(options.state), _told_rules(options, rules)) if options.state else None
    if state is None:
        clock, places = new_clock(rules, now_ms), _first_places(options)
    else:
        stack.callback(state.close)
        clock, places = go_on(state, rules, output, now_ms, lambda: _first_places(options))
    source = _source(options, places)
    audience = Audience(
        output,
        reports.as_json if options.format == "json" else reports.as_text,
        (lambda _: None) if table is None else table.show,
    )
    keeps_batches = state is not None and options.follow is not None
    stream = Stream(clock, state or Unkept(), audience, source.put_away, places, keeps_batches=keeps_batches)
    return stream, source


def _first_places(options: argparse.Namespace) -> Sequence[Place]:
    from reduction.hosts.streaming.tail_source import first_places

    return first_places(Path(options.follow)) if options.follow else []


def _source(options: argparse.Namespace, places: Sequence[Place]) -> Source:
    from reduction.hosts.streaming.directory_source import Folder
    from reduction.hosts.streaming.tail_source import Follower

    batch_bytes = min((options.batch_size or _BATCH_LINES) * _BYTES_A_LINE, _MOST_BYTES)
    if options.directory:
        return Folder(Path(options.directory), places, batch_bytes)
    return Follower(Path(options.follow), places, batch_bytes)


def _rules(options: argparse.Namespace) -> Rules:
    from reduction.hosts.streaming.clocks import Rules

    idle = options.lateness if options.idle is None else options.idle
    return Rules(
        options.host, options.clock, options.seconds * 1000, options.lateness * 1000, max(1, idle) * 1000
    )


def _told_rules(options: argparse.Namespace, rules: Rules) -> dict[str, str | int]:
    """Return what must not change between two processes that share a state."""
    return {
        "-H": rules.host,
        "--clock": rules.clock,
        "-t": options.seconds,
        "--lateness": options.lateness,
        "-T": str(Path(options.directory).resolve()) if options.directory else "",
        "--follow": str(Path(options.follow).absolute()) if options.follow else "",
    }


def _table(options: argparse.Namespace, stack: ExitStack) -> LiveTable | None:
    """Return the table of `--live`, on the screen until `stack` is left."""
    if not options.live:
        return None
    if not sys.stdout.isatty():
        _LOG.warning("--live needs a terminal: reports are printed instead")
        return None
    from reduction.hosts.streaming.live_table import LiveTable

    return stack.enter_context(LiveTable(options.host))
