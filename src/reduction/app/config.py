"""Every environment variable of the Reducer: name, default, check; and the frozen `Settings` made of them.

This is the only place that reads the environment. `VARIABLES` is the one table: `dev.env`, README and
`--explain` are made from it or tested against it. The controller's `Options` stand here too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from reduction import __version__, engines
from reduction.errors import SettingsError
from reduction.runtime import resources
from reduction.storage.url import is_url, redact_url

if TYPE_CHECKING:
    import argparse

PREFIX = "REDUCER_"
MODES = ("reduce_collect", "reduce", "collect")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_SIZE_UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
_LEAST_MEMORY = 80 << 20
_RULE_OF_DERIVED = "derived from the input"


class _Rejected(ValueError):
    """A value breaks its rule; the text is the rule."""


class Options(NamedTuple):
    """What the command line of the controller may ask for."""

    env_file: str | None = None
    explain: bool = False
    inline: bool = False


class Variable(NamedTuple):
    """One variable: its default as a user would write it (or in words, if it is computed) and its check."""

    name: str
    field: str
    default: str
    parse: Callable[[str], Any]
    meaning: str
    computed: Callable[[dict[str, Any]], Any] | None = None


class Settings(NamedTuple):
    """The checked configuration. `run_id` is None where it is to be derived from the input.

    `output_dir` is a string if it is an address (`s3://...`), a path if it is a folder.
    """

    input_dir: str
    output_dir: Path | str
    log_level: str
    mode: str
    runners: int
    memory: int
    low_runner: int
    high_runner: int
    batch_rows: int
    compact_at_rows: int
    engine: str
    spark_master: str
    run_id: str | None
    split_bytes: int
    strict: bool
    origins: Mapping[str, str]

    @property
    def reduces(self) -> bool:
        """Whether runners are started."""
        return self.mode != "collect"

    def runner_memory(self, splits: int) -> int:
        """Return how many bytes each runner that is started here may take, in a run of so many splits."""
        return resources.memory_of_a_runner(self.memory, self.high_runner - self.low_runner + 1, splits)

    @property
    def collects(self) -> bool:
        """Whether the partials are merged."""
        return self.mode != "reduce"

    @property
    def is_whole(self) -> bool:
        """Whether all runners are started here and collected at once, so that nobody else needs a partial."""
        return self.mode == "reduce_collect" and (self.low_runner, self.high_runner) == (1, self.runners)


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise _Rejected(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def _engine(text: str) -> str:
    if text not in engines.NAMES:
        raise _Rejected(f"must be one of {', '.join(engines.NAMES)}: this engine is not in this build")
    return text


def _level(text: str) -> str:
    return _one_of(*LEVELS)(text.upper())


def _at_least_one(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) < 1:
        raise _Rejected("must be a whole number, 1 or more")
    return int(text)


def _size(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,15}) ?([A-Za-z]{0,3})", text)
    if not match or match[2].upper() not in _SIZE_UNITS:
        raise _Rejected("must be a number of bytes, or one with KiB, MiB or GiB behind it")
    return int(match[1]) * _SIZE_UNITS[match[2].upper()]


def _folder_or_address(text: str) -> Path | str:
    return text if is_url(text) else Path(text)


def _memory(text: str) -> int:
    if (size := _size(text)) < _LEAST_MEMORY:
        raise _Rejected(
            f"must be at least {_LEAST_MEMORY >> 20} MiB: so much one runner and the controller need"
        )
    return size


def _runners_carried(values: dict[str, Any]) -> int:
    if values.get("engine") in engines.SHARE_THE_WORK_OUT:
        return 1
    memory = values.get("memory", resources.memory().amount)
    needed = engines.memory_needed(values.get("engine", engines.AUTO))
    carried = resources.memory_of_a_runner(memory, 1) // needed
    return max(1, min(resources.processors().amount, carried))


def _yes_or_no(text: str) -> bool:
    return _one_of("true", "false")(text.lower()) == "true"


def _spark_master(text: str) -> str:
    if not re.fullmatch(r"local(-cluster)?(\[[0-9*, ]+\])?|yarn|(spark|k8s)://\S+", text):
        raise _Rejected("must be local[N], local[*], spark://HOST:PORT, yarn or k8s://HOST:PORT")
    return text


def _run_id(text: str) -> str:
    if len(text) > 250 or not text.isprintable():
        raise _Rejected("must be at most 250 printable characters")
    return text


VARIABLES = (
    Variable("REDUCER_INPUT_DIR", "input_dir", "data", str, "the input tree: a folder or an address"),
    Variable("REDUCER_OUTPUT_DIR", "output_dir", "data", _folder_or_address, "where results go"),
    Variable("LOG_LEVEL", "log_level", "INFO", _level, ", ".join(LEVELS)),
    Variable("REDUCER_MODE", "mode", "reduce_collect", _one_of(*MODES), ", ".join(MODES)),
    Variable(
        "REDUCER_RUNNERS_QTY", "runners", "processors this process may use", _at_least_one,
        "runners in total, over all nodes; by default no more than memory carries; spark: 1",
        _runners_carried,
    ),
    Variable(
        "REDUCER_MEMORY", "memory", "limit of the control group", _memory,
        "bytes for all processes started here; without a limit what the machine has",
        lambda _: resources.memory().amount,
    ),
    Variable("REDUCER_LOW_RUNNER", "low_runner", "1", _at_least_one, "the first runner started here"),
    Variable(
        "REDUCER_HIGH_RUNNER", "high_runner", "REDUCER_RUNNERS_QTY", _at_least_one,
        "the last runner started here",
        lambda values: values.get("runners"),
    ),
    Variable(
        "REDUCER_BATCH_SIZE", "batch_rows", "250000", _at_least_one, "rows the pandas engine reads at a time",
    ),
    Variable(
        "REDUCER_COMPACT_AT", "compact_at_rows", "1000000", _at_least_one,
        "buffer rows at which compaction runs; a buffer that stays larger waits until it has doubled",
    ),
    Variable("REDUCER_ENGINE", "engine", "auto", _engine, ", ".join(engines.NAMES)),
    Variable(
        "REDUCER_SPARK_MASTER", "spark_master", "local[*]", _spark_master,
        "where engine spark submits its job",
    ),
    Variable(
        "REDUCER_RUN_ID", "run_id", _RULE_OF_DERIVED, _run_id,
        "names the run; an orchestrator may give its own, the same on every node", lambda _: None,
    ),
    Variable(
        "REDUCER_SPLIT_SIZE", "split_bytes", "64 MiB", _size,
        "a bigger file that is large beside the rest is cut into splits of so many bytes (native); 0: never",
    ),
    Variable(
        "REDUCER_STRICT", "strict", "false", _yes_or_no,
        "true: anything ignored or rejected makes exit code 7, after everything is written",
    ),
)  # fmt: skip


def load(environment: Mapping[str, str], env_file: str | None = None) -> Settings:
    """Return the settings that `environment` gives, filled up from `env_file` and the defaults.

    Raises `SettingsError` with all faults at once.
    """
    given = {name: (text, "environment") for name, text in environment.items()}
    faults: list[str] = []
    if env_file is not None:
        from_file, faults = _read_env_file(env_file)
        given = {name: (text, env_file) for name, text in from_file.items()} | given
    faults += _unknown_names(given)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for variable in VARIABLES:
        text, origin = given.get(variable.name, ("", ""))
        origins[variable.name] = origin if text else "default"
        if variable.computed is not None and not text:
            continue
        try:
            values[variable.field] = variable.parse(text or variable.default)
        except _Rejected as rule:
            faults.append(f"{variable.name}={text} ({origin}): {rule}")
    for variable in VARIABLES:  # defaults that need to know of others
        if variable.computed is not None and not given.get(variable.name, ("", ""))[0]:
            values[variable.field] = variable.computed(values)
    faults += _range_faults(values)
    if faults:
        raise SettingsError(faults)
    return Settings(**values, origins=origins)


def options_of(arguments: Sequence[str]) -> Options:
    """Return what the command line of the controller asks for; raises `SettingsError`."""
    if not arguments:
        return Options()  # the usual call does not wait for a parser of command lines
    parser = command_line("reducer.py", "Turns CSV files into one Combined.csv.")
    parser.add_argument("--env-file", metavar="FILE", help="variables that are not set are taken from here")
    parser.add_argument("--explain", action="store_true", help="print the effective configuration and exit")
    parser.add_argument("--inline", action="store_true", help="run everything in this one process")
    parser.add_argument("--version", action="version", version=__version__)
    return Options(**vars(parser.parse_args(arguments)))


def command_line(program: str, description: str) -> argparse.ArgumentParser:
    """Return a parser whose faults are `SettingsError`s, not exit code 2 (the output directory)."""
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise SettingsError([f"{message}; {self.format_usage().strip()}"])

    return Parser(prog=program, description=description)


def explain(settings: Settings) -> str:
    """Return every effective value and where it came from, a line for each variable."""
    lines = []
    for variable in VARIABLES:
        value = getattr(settings, variable.field)
        shown = (
            _RULE_OF_DERIVED
            if value is None
            else str(value).lower()
            if isinstance(value, bool)
            else redact_url(str(value))
        )
        lines.append(f"{variable.name + '=' + str(shown):<50} # {settings.origins[variable.name]}")
    return "\n".join(lines)


def plan(settings: Settings, runner_memory: int) -> str:
    """Return what runners may use of the machine and why, in one sentence."""
    processors, memory = resources.processors(), resources.memory()
    why = memory.why if settings.origins["REDUCER_MEMORY"] == "default" else "REDUCER_MEMORY"
    runners = settings.high_runner - settings.low_runner + 1
    return (
        f"{processors.amount} processor{'s'[: processors.amount > 1]} ({processors.why}) and"
        f" {settings.memory >> 20:,} MiB of memory ({why})"
        f" for {runners} runner{'s'[: runners > 1]} here, {runner_memory >> 20:,} MiB each"
    )


def _read_env_file(env_file: str) -> tuple[dict[str, str], list[str]]:
    if not os.path.isfile(env_file):  # noqa: PTH113 - the name is shown as it was given
        return {}, [f"--env-file {env_file}: there is no such file"]
    from dotenv import dotenv_values

    try:
        values = dotenv_values(env_file)
    except (OSError, UnicodeDecodeError) as error:
        return {}, [f"--env-file {env_file}: it can't be read: {error}"]
    faults = [
        f"{name} ({env_file}): there is no = behind the name" for name, text in values.items() if text is None
    ]
    return {name: text for name, text in values.items() if text is not None}, faults


def _unknown_names(given: Mapping[str, tuple[str, str]]) -> list[str]:
    known = {variable.name for variable in VARIABLES}
    faults = []
    for name in sorted(given):
        if name.startswith(PREFIX) and name not in known:
            from difflib import get_close_matches

            nearest = get_close_matches(name.upper(), sorted(known), n=1, cutoff=0.0)[0]
            faults.append(f"{name} ({given[name][1]}): there is no such variable; did you mean {nearest}?")
    return faults


def _range_faults(values: Mapping[str, Any]) -> list[str]:
    runners, low, high = (values.get(name) for name in ("runners", "low_runner", "high_runner"))
    if runners is None or low is None or high is None:
        return []
    faults = []
    if values.get("engine") in engines.SHARE_THE_WORK_OUT and max(runners, low, high) > 1:
        return [
            f"REDUCER_ENGINE={values['engine']} shares the work out itself: REDUCER_RUNNERS_QTY={runners},"
            f" REDUCER_LOW_RUNNER={low} and REDUCER_HIGH_RUNNER={high} must be 1, or not be set"
        ]
    if high > runners:
        faults.append(
            f"REDUCER_HIGH_RUNNER={high} is above REDUCER_RUNNERS_QTY={runners}: there is no such runner"
        )
    if low > high:
        faults.append(
            f"REDUCER_LOW_RUNNER={low} is above REDUCER_HIGH_RUNNER={high}: runners {low}..{high} are none"
        )
    return faults
