"""`streaming`: who connected to HOST, to whom it connected, who was busiest, per time window."""

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
    from reduction.hosts.streaming.clocks import WindowConfig
    from reduction.hosts.streaming.live_table import LiveTable
    from reduction.hosts.streaming.log_reader import FilePosition
    from reduction.hosts.streaming.loop import Source
    from reduction.hosts.streaming.processor import StreamProcessor
    from reduction.hosts.streaming.sinks import Output

_BATCH_LINES = 100_000
_BATCHES = 8
_BYTES_A_LINE = 32  # a guess
_MOST_BYTES = 1 << 22  # in a batch
_MOST_SECONDS = 366 * 24 * 3600
_LOG = logging.getLogger("reduction.hosts")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `streaming`."""
    add_common(parser)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "-T", "--directory", metavar="DIR",
        help="read each complete *.txt file once, and move it to DIR/processed",
    )  # fmt: skip
    source.add_argument("--follow", metavar="FILE", help="read a log while it grows, through rotation")
    parser.add_argument(
        "-t", "--seconds", type=whole_number(1), default=3600, metavar="SECONDS",
        help="the length of a window (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "-q", "--queue-size", type=whole_number(1), default=_BATCHES, metavar="BATCHES",
        help="batches that may wait to be counted before the reader blocks (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--clock", choices=("processing", "event"), default="processing",
        help="windows by the time of reading, or by the lines' own time (default: processing)",
    )  # fmt: skip
    parser.add_argument(
        "--idle", type=whole_number(1), metavar="SECONDS",
        help="--clock event: close open windows after SECONDS without a line (default: the lateness)",
    )  # fmt: skip
    parser.add_argument("--once", action="store_true", help="read what is available, report, and exit")
    parser.add_argument("--output", metavar="FILE", help="append reports to FILE instead of printing them")
    parser.add_argument("--state", metavar="DIR", help="keep a checkpoint in DIR, to continue after a kill")
    parser.add_argument("--live", action="store_true", help="on a terminal, show a table that is live")


def run(options: argparse.Namespace) -> None:
    """StreamProcessor until a signal comes, or with `--once` until all is read.

    Raises a `ReducerError`, or `Interrupted`.
    """
    check(options)
    from reduction.hosts.malformed import by_reason
    from reduction.hosts.streaming.event_queue import EventQueue
    from reduction.hosts.streaming.loop import count, reading, signals_to, steady_clock
    from reduction.hosts.streaming.watcher import DirectoryWatcher

    now_ms = steady_clock()
    event_queue = EventQueue(options.queue_size)
    with ExitStack() as stack:
        table = _table(options, stack)
        processor, source = _assemble(options, stack, table, now_ms())
        notices = stack.enter_context(
            DirectoryWatcher(Path(options.directory or Path(options.follow).parent))
        )
        with signals_to(event_queue), reading(source, event_queue, notices, once=options.once):
            signal_number = count(processor, event_queue, now_ms, table, keeps=options.state is not None)
    if signal_number is not None:
        raise Interrupted(signal_number)
    late, malformed = processor.clock.windows.unreported()
    if late or malformed:
        _LOG.warning(
            "not in any report yet: %s late lines; malformed: %s",
            f"{late:,}", by_reason(malformed) or "none",
        )  # fmt: skip
    lines = processor.malformed_lines + sum(malformed.values())
    if options.strict and lines:
        raise StrictViolation(f"strict mode: {lines:,} malformed lines; the reports were written")


def check(options: argparse.Namespace) -> None:
    """Raise `SettingsError` with all problems of the options, `InputError` if there is nothing to read."""
    from reduction.hosts.records import is_host

    problems = []
    if not is_host(os.fsencode(options.host)):
        problems.append(f"--host {options.host!r}: must be UTF-8 without spaces and tabs, and not empty")
    if options.seconds > _MOST_SECONDS:
        problems.append(f"-t {options.seconds}: must be {_MOST_SECONDS} (a year) or less")
    if options.directory and options.output:
        output = Path(options.output).resolve()
        if output.parent == Path(options.directory).resolve() and output.suffix == ".txt":
            problems.append(f"--output {options.output}: would be read as a log; use another folder or name")
    if problems:
        raise SettingsError(problems)
    if options.directory and not Path(options.directory).is_dir():
        raise InputError(f"the folder '{options.directory}' does not exist")
    if options.follow and not Path(options.follow).parent.is_dir():
        raise InputError(f"the folder of '{options.follow}' does not exist")


def _assemble(
    options: argparse.Namespace, stack: ExitStack, table: LiveTable | None, now_ms: int
) -> tuple[StreamProcessor, Source]:
    """Return the processor, restored from the checkpoint if there is one, and the source."""
    from reduction.hosts.streaming import reports, sinks
    from reduction.hosts.streaming.checkpoint import Checkpoint
    from reduction.hosts.streaming.clocks import new_clock
    from reduction.hosts.streaming.processor import NullCheckpoint, ReportSink, StreamProcessor, restore

    config = _config(options)
    output: Output = sinks.StandardOutput() if table is None else sinks.NullOutput()
    if options.output:
        output = sinks.FileOutput(Path(options.output))
    state = Checkpoint(Path(options.state), _checkpoint_key(options, config)) if options.state else None
    if state is None:
        clock, positions = new_clock(config, now_ms), _first_positions(options)
    else:
        stack.callback(state.close)
        clock, positions = restore(state, config, output, now_ms, lambda: _first_positions(options))
    source = _source(options, positions)
    sink = ReportSink(
        output,
        reports.as_json if options.format == "json" else reports.as_text,
        (lambda _: None) if table is None else table.show,
    )
    keeps_batches = state is not None and options.follow is not None
    processor = StreamProcessor(
        clock, state or NullCheckpoint(), sink, source.archive, positions, keeps_batches=keeps_batches
    )
    return processor, source


def _first_positions(options: argparse.Namespace) -> Sequence[FilePosition]:
    from reduction.hosts.streaming.tail_source import first_positions

    return first_positions(Path(options.follow)) if options.follow else []


def _source(options: argparse.Namespace, positions: Sequence[FilePosition]) -> Source:
    from reduction.hosts.streaming.directory_source import DirectorySource
    from reduction.hosts.streaming.tail_source import TailSource

    batch_bytes = min((options.batch_size or _BATCH_LINES) * _BYTES_A_LINE, _MOST_BYTES)
    if options.directory:
        return DirectorySource(Path(options.directory), positions, batch_bytes)
    return TailSource(Path(options.follow), positions, batch_bytes)


def _config(options: argparse.Namespace) -> WindowConfig:
    from reduction.hosts.streaming.clocks import WindowConfig

    idle = options.lateness if options.idle is None else options.idle
    return WindowConfig(
        options.host, options.clock, options.seconds * 1000, options.lateness * 1000, max(1, idle) * 1000
    )


def _checkpoint_key(options: argparse.Namespace, config: WindowConfig) -> dict[str, str | int]:
    """Return the options that must not change between two processes with the same checkpoint."""
    return {
        "-H": config.host,
        "--clock": config.clock,
        "-t": options.seconds,
        "--lateness": options.lateness,
        "-T": str(Path(options.directory).resolve()) if options.directory else "",
        "--follow": str(Path(options.follow).absolute()) if options.follow else "",
    }


def _table(options: argparse.Namespace, stack: ExitStack) -> LiveTable | None:
    """Return the table of `--live`, shown until `stack` is closed."""
    if not options.live:
        return None
    if not sys.stdout.isatty():
        _LOG.warning("--live needs a terminal: printing reports instead")
        return None
    from reduction.hosts.streaming.live_table import LiveTable

    return stack.enter_context(LiveTable(options.host))
