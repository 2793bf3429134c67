"""The command line that both commands share, and printing to standard output."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from reduction.errors import SettingsError, WriteError

LATENESS_SECONDS = 300


class Arguments(argparse.ArgumentParser):
    """A parser that raises `SettingsError`: argparse would exit with 2, the code of the output."""

    def error(self, message: str) -> NoReturn:
        """Raise `SettingsError`."""
        raise SettingsError([f"{message}; see `{self.prog} --help`"])


def whole_number(least: int) -> Callable[[str], int]:
    """Return a parser of whole numbers, `least` or more, for the `type` of an argument."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 12) or int(text) < least:
            raise argparse.ArgumentTypeError(f"'{text}': must be a whole number, {least} or more")
        return int(text)

    return parse


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command has."""
    parser.add_argument("-H", "--host", required=True, metavar="HOST", help="the host in question")
    parser.add_argument(
        "-b", "--batch-size", type=whole_number(1), metavar="LINES",
        help="lines to read at a time, roughly; no result depends on it",
    )  # fmt: skip
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default: text)")
    parser.add_argument(
        "--lateness", type=whole_number(0), default=LATENESS_SECONDS, metavar="SECONDS",
        help="how much older a line may be than any line before it (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--strict", action="store_true", help="exit with 7 if a line is malformed")
    parser.add_argument("-v", "--verbose", action="store_true", help="log more to standard error")


def print_text(text: str) -> None:
    """Print `text` as UTF-8, whatever the locale, and flush; raises `WriteError`.

    A reader that is gone (`| head`) is not an error.
    """
    try:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except OSError as error:
        # Otherwise Python would write again at exit, and report an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise WriteError(f"cannot write to standard output: {error.strerror}") from error
