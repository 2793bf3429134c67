"""What the commands of the Host processor have in common on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from reduction.errors import SettingsError

LATENESS_SECONDS = 300


class Arguments(argparse.ArgumentParser):
    """A command line whose faults are faults of the configuration."""

    def error(self, message: str) -> NoReturn:
        """Raise `SettingsError`."""
        raise SettingsError([f"{message}; `{self.prog} --help` tells more"])


def whole_number(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` on, for the `type` of an argument."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 12) or int(text) < least:
            raise argparse.ArgumentTypeError(f"'{text}': must be a whole number, {least} or more")
        return int(text)

    return parse


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every command takes."""
    parser.add_argument("-H", "--host", required=True, metavar="HOST", help="the host that is asked about")
    parser.add_argument(
        "-b", "--batch-size", type=whole_number(1), metavar="LINES",
        help="about so many lines are read at a time; no result depends on it",
    )  # fmt: skip
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default: text)")
    parser.add_argument(
        "--lateness", type=whole_number(0), default=LATENESS_SECONDS, metavar="SECONDS",
        help="a line is at most so much older than any line before it (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--strict", action="store_true", help="any malformed line makes exit code 7")
    parser.add_argument("-v", "--verbose", action="store_true", help="say more on standard error")
