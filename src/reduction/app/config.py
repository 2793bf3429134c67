"""Every environment variable of the Reducer: name, default and check; and the immutable `Settings`.

`VARIABLES` is the one table: `--explain` prints it, and tests compare `dev.env` and README with it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from reduction import engines
from reduction.errors import SettingsError
from reduction.runtime import memory_budget, resources
from reduction.storage.url import is_url, redact_url

PREFIX = "REDUCER_"
MODES = ("reduce_collect", "reduce", "collect")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_SIZE_UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
DERIVED_DEFAULT = "derived from the input"


class _Invalid(ValueError):
    """A value is invalid; the text is the rule that it violates."""


class Variable(NamedTuple):
    """One variable: its default as a user would write it (or in words, if it is computed) and its parser."""

    name: str
    field: str
    default: str
    parse: Callable[[str], Any]
    meaning: str
    computed: Callable[[dict[str, Any]], Any] | None = None


class Settings(NamedTuple):
    """The checked configuration. `run_id` is None if it is derived from the input.

    `output_dir` is a string if it is a URL (`s3://...`), a path if it is a folder.
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
            raise _Invalid(f"must be one of {', '.join(allowed)}")
        return text

    return parse


def _engine(text: str) -> str:
    if text not in engines.NAMES:
        raise _Invalid(f"must be one of {', '.join(engines.NAMES)}")
    return text


def _level(text: str) -> str:
    return _one_of(*LEVELS)(text.upper())


def _at_least_one(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) < 1:
        raise _Invalid("must be a whole number, 1 or more")
    return int(text)


def _size(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,15}) ?([A-Za-z]{0,3})", text)
    if not match or match[2].upper() not in _SIZE_UNITS:
        raise _Invalid("must be a number of bytes, or a number followed by KiB, MiB or GiB")
    return int(match[1]) * _SIZE_UNITS[match[2].upper()]


def _folder_or_url(text: str) -> Path | str:
    return text if is_url(text) else Path(text)


def _memory(text: str) -> int:
    if (size := _size(text)) < memory_budget.MIN_MEMORY:
        raise _Invalid(
            f"must be at least {memory_budget.MIN_MEMORY >> 20} MiB (one runner plus the controller)"
        )
    return size


def _default_runners(values: dict[str, Any]) -> int:
    if engines.is_distributed(values.get("engine")):
        return 1
    memory = values.get("memory", resources.memory().amount)
    needed = engines.min_memory(values.get("engine", engines.AUTO))
    return memory_budget.runners_that_fit(memory, needed, resources.processors().amount)


def _yes_or_no(text: str) -> bool:
    return _one_of("true", "false")(text.lower()) == "true"


def _spark_master(text: str) -> str:
    if not re.fullmatch(r"local(-cluster)?(\[[0-9*, ]+\])?|yarn|(spark|k8s)://\S+", text):
        raise _Invalid("must be local[N], local[*], spark://HOST:PORT, yarn or k8s://HOST:PORT")
    return text


def _run_id(text: str) -> str:
    if len(text) > 250 or not text.isprintable():
        raise _Invalid("must be at most 250 printable characters")
    return text


VARIABLES = (
    Variable(
        "REDUCER_INPUT_DIR", "input_dir", "data", str,
        "the input tree: a folder, or a URL such as s3://bucket/prefix",
    ),
    Variable(
        "REDUCER_OUTPUT_DIR", "output_dir", "data", _folder_or_url,
        "where results go: an existing folder, or a URL",
    ),
    Variable("LOG_LEVEL", "log_level", "INFO", _level, ", ".join(LEVELS)),
    Variable(
        "REDUCER_MODE", "mode", "reduce_collect", _one_of(*MODES),
        "reduce_collect, reduce (write partials only) or collect (merge all partials)",
    ),
    Variable(
        "REDUCER_RUNNERS_QTY", "runners", "processors this process may use", _at_least_one,
        "number of runners over all nodes; by default as many as fit in memory; 1 with engine spark",
        _default_runners,
    ),
    Variable(
        "REDUCER_MEMORY", "memory", "limit of the control group", _memory,
        "bytes that all processes started here may use; without a limit, the machine's memory",
        lambda _: resources.memory().amount,
    ),
    Variable("REDUCER_LOW_RUNNER", "low_runner", "1", _at_least_one, "first runner started on this node"),
    Variable(
        "REDUCER_HIGH_RUNNER", "high_runner", "REDUCER_RUNNERS_QTY", _at_least_one,
        "last runner started on this node",
        lambda values: values.get("runners"),
    ),
    Variable(
        "REDUCER_BATCH_SIZE", "batch_rows", "250000", _at_least_one,
        "rows that the pandas engine reads at a time; native reads 64 KiB at a time",
    ),
    Variable(
        "REDUCER_COMPACT_AT", "compact_at_rows", "1000000", _at_least_one,
        "rows in a runner's buffer that start a compaction; a larger buffer waits until it doubles",
    ),
    Variable(
        "REDUCER_ENGINE", "engine", "auto", _engine,
        f"{', '.join(engines.NAMES)}; auto: the fastest installed, never spark",
    ),
    Variable(
        "REDUCER_SPARK_MASTER", "spark_master", "local[*]", _spark_master,
        "where engine spark submits its job: local[N], spark://HOST:PORT, yarn, k8s://HOST:PORT",
    ),
    Variable(
        "REDUCER_RUN_ID", "run_id", DERIVED_DEFAULT, _run_id,
        "names the run; by default derived from the list of input files, so that nodes agree",
        lambda _: None,
    ),
    Variable(
        "REDUCER_SPLIT_SIZE", "split_bytes", "64 MiB", _size,
        "large files are divided into splits of this size (engine native); 0: never",
    ),
    Variable(
        "REDUCER_STRICT", "strict", "false", _yes_or_no,
        "true: exit with 7 if a file was skipped or a row rejected, after everything is written",
    ),
)  # fmt: skip


def load(environment: Mapping[str, str], env_file: str | None = None) -> Settings:
    """Return the settings that `environment` gives, filled up from `env_file` and the deproblems.

    Raises `SettingsError` with all problems at once.
    """
    given = {name: (text, "environment") for name, text in environment.items()}
    problems: list[str] = []
    if env_file is not None:
        from_file, problems = _read_env_file(env_file)
        given = {name: (text, env_file) for name, text in from_file.items()} | given
    problems += _unknown_names(given)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for variable in VARIABLES:
        text, origin = given.get(variable.name, ("", ""))
        origins[variable.name] = origin if text else "default"
        if variable.computed is not None and not text:
            continue
        try:
            values[variable.field] = variable.parse(text or variable.default)
        except _Invalid as rule:
            problems.append(f"{variable.name}={text} ({origin}): {rule}")
    for variable in VARIABLES:  # deproblems that need to know of others
        if variable.computed is not None and not given.get(variable.name, ("", ""))[0]:
            values[variable.field] = variable.computed(values)
    problems += _range_problems(values)
    if problems:
        raise SettingsError(problems)
    return Settings(**values, origins=origins)


def explain(settings: Settings) -> str:
    """Return every variable with its meaning, effective value and origin, in the format of an env file."""
    lines = []
    for variable in VARIABLES:
        value = getattr(settings, variable.field)
        lines.append(f"# {variable.meaning}")
        if value is None:
            lines.append(f"{f'# {variable.name}=':<50} # {DERIVED_DEFAULT}")
        else:
            lines.append(f"{f'{variable.name}={_as_text(value)}':<50} # {settings.origins[variable.name]}")
    return "\n".join(lines)


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else redact_url(str(value))


def _read_env_file(env_file: str) -> tuple[dict[str, str], list[str]]:
    if not os.path.isfile(env_file):  # noqa: PTH113 - the name is shown as it was given
        return {}, [f"--env-file {env_file}: no such file"]
    from dotenv import dotenv_values

    try:
        values = dotenv_values(env_file)
    except (OSError, UnicodeDecodeError) as error:
        return {}, [f"--env-file {env_file}: cannot be read: {error}"]
    problems = [
        f"{name} ({env_file}): missing '=' after the name" for name, text in values.items() if text is None
    ]
    return {name: text for name, text in values.items() if text is not None}, problems


def _unknown_names(given: Mapping[str, tuple[str, str]]) -> list[str]:
    known = {variable.name for variable in VARIABLES}
    problems = []
    for name in sorted(given):
        if name.startswith(PREFIX) and name not in known:
            from difflib import get_close_matches

            nearest = get_close_matches(name.upper(), sorted(known), n=1, cutoff=0.0)[0]
            problems.append(f"{name} ({given[name][1]}): unknown variable; did you mean {nearest}?")
    return problems


def _range_problems(values: Mapping[str, Any]) -> list[str]:
    runners, low, high = (values.get(name) for name in ("runners", "low_runner", "high_runner"))
    if runners is None or low is None or high is None:
        return []
    problems = []
    if engines.is_distributed(values.get("engine")) and max(runners, low, high) > 1:
        return [
            f"REDUCER_ENGINE={values['engine']} distributes the work itself: REDUCER_RUNNERS_QTY={runners},"
            f" REDUCER_LOW_RUNNER={low} and REDUCER_HIGH_RUNNER={high} must be 1 or unset"
        ]
    if high > runners:
        problems.append(
            f"REDUCER_HIGH_RUNNER={high} is above REDUCER_RUNNERS_QTY={runners}: there is no such runner"
        )
    if low > high:
        problems.append(
            f"REDUCER_LOW_RUNNER={low} is above REDUCER_HIGH_RUNNER={high}: the range {low}..{high} is empty"
        )
    return problems
