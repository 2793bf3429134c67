"""`batch`: which hosts did HOST connect with, from START to END? A question about finished logs."""

from __future__ import annotations

import argparse

from reduction.errors import SettingsError
from reduction.hosts.arguments import add_common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `batch` takes."""
    add_common(parser)
    parser.add_argument(
        "-s",
        "--start",
        required=True,
        metavar="START",
        help="the first moment, in the log's unit or ISO 8601",
    )
    parser.add_argument("-e", "--end", required=True, metavar="END", help="the last moment")


def run(options: argparse.Namespace) -> None:
    """Answer the question."""
    raise SettingsError([f"batch is not finished: no answer about '{options.host}'"])
