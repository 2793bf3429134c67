"""The command lines of the controller and of a single runner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from reduction import __version__
from reduction.errors import SettingsError

if TYPE_CHECKING:
    import argparse

ENV_FILE_HELP = "read variables that are not set in the environment from FILE"


class Options(NamedTuple):
    """The options of the controller."""

    env_file: str | None = None
    explain: bool = False
    inline: bool = False


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options of the controller; raises `SettingsError`."""
    if not arguments:
        return Options()  # the usual call does not wait for argparse
    parser = new_parser("reducer.py", "Turns CSV files into one Combined.csv.")
    parser.add_argument("--env-file", metavar="FILE", help=ENV_FILE_HELP)
    parser.add_argument("--explain", action="store_true", help="print the effective configuration and exit")
    parser.add_argument("--inline", action="store_true", help="run everything in this one process")
    parser.add_argument("--version", action="version", version=__version__)
    return Options(**vars(parser.parse_args(arguments)))


def parse_runner(arguments: Sequence[str] | None) -> tuple[int, str | None]:
    """Return the runner's number and the env file; raises `SettingsError`."""
    parser = new_parser("runner.py", "Runs one runner alone.")
    parser.add_argument("runner", metavar="ID", type=int, help="its number, 1 to REDUCER_RUNNERS_QTY")
    parser.add_argument("--env-file", metavar="FILE", help=ENV_FILE_HELP)
    options = parser.parse_args(arguments)
    return options.runner, options.env_file


def new_parser(program: str, description: str) -> argparse.ArgumentParser:
    """Return a parser that raises `SettingsError`; argparse would exit with 2, the code of the output."""
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise SettingsError([f"{message}; {self.format_usage().strip()}"])

    return Parser(prog=program, description=description)
