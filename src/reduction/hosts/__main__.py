"""The program `host-processor`: who connected to whom, from connection logs.

    host-processor batch -H HOST -s START -e END -f FILE...    one query about finished logs
    host-processor streaming -H HOST -T DIR                    a report every hour, until stopped

A command is a module with `add_arguments(parser)` and `run(options)`; it imports what it needs only when it
runs, so that no command waits for the imports of another.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from reduction import __version__
from reduction.hosts.batch import command as batch_command
from reduction.hosts.cli import Arguments
from reduction.hosts.streaming import command as streaming_command
from reduction.runtime import logs
from reduction.runtime.main import run_main

_WHO = "Host processor"


def arguments() -> Arguments:
    """Return the parser; `run` of the parsed options is the command."""
    parser = Arguments(prog="host-processor", description="Who connected to whom, from connection logs.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    batch = commands.add_parser("batch", help="which hosts did HOST connect with, from START to END?")
    batch_command.add_arguments(batch)
    batch.set_defaults(run=batch_command.run)
    streaming = commands.add_parser("streaming", help="who connected to HOST, to whom, who was busiest?")
    streaming_command.add_arguments(streaming)
    streaming.set_defaults(run=streaming_command.run)
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Return the exit code of `host-processor`."""
    logs.to_standard_error("INFO", _WHO)

    def work() -> None:
        options = arguments().parse_args(given)
        logs.to_standard_error("DEBUG" if options.verbose else "INFO", _WHO)
        options.run(options)

    return run_main(work)


if __name__ == "__main__":
    sys.exit(main())
