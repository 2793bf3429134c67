"""Every variable: its default, its check, where its value came from, and that each is found of everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reduction.app import config
from reduction.app.plan import resources_sentence, runner_budget
from reduction.errors import SettingsError
from reduction.pipeline.splits import Listing, Split
from reduction.runtime import resources
from reduction.runtime.resources import Resource

ROOT = Path(__file__).parents[2]
NAMES = [variable.name for variable in config.VARIABLES]


@pytest.fixture(autouse=True)
def six_processors(monkeypatch) -> None:
    monkeypatch.setattr(resources, "processors", lambda: Resource(6, "affinity"))
    monkeypatch.setattr(resources, "memory", lambda: Resource(4 << 30, "physical"))


def problems(env_file: str | None = None, **environment: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        config.load(environment, env_file)
    return raised.value.problems


def test_defaults_are_those_of_the_specification():
    settings = config.load({})
    assert settings._asdict() == {
        "input_dir": "data",
        "output_dir": Path("data"),
        "log_level": "INFO",
        "mode": "reduce_collect",
        "runners": 6,
        "memory": 4 << 30,
        "low_runner": 1,
        "high_runner": 6,
        "batch_rows": 250_000,
        "compact_at_rows": 1_000_000,
        "engine": "auto",
        "spark_master": "local[*]",
        "run_id": None,
        "split_bytes": 64 << 20,
        "strict": False,
        "origins": dict.fromkeys(NAMES, "default"),
    }


def test_settings_are_frozen():
    with pytest.raises(AttributeError):
        config.load({}).runners = 3


def test_an_empty_variable_counts_as_not_set():
    assert config.load(dict.fromkeys(NAMES, "")) == config.load({})


def test_the_last_runner_is_by_default_the_quantity():
    settings = config.load({"REDUCER_RUNNERS_QTY": "9", "REDUCER_LOW_RUNNER": "3"})
    assert (settings.low_runner, settings.high_runner, settings.runners) == (3, 9, 9)


@pytest.mark.parametrize(
    ("memory", "engine", "runners"),
    [
        ("4 GiB", "native", 6),
        ("256 MiB", "native", 6),
        ("256 MiB", "reference", 3),
        ("256 MiB", "pandas", 1),
        ("128 MiB", "native", 2),
        ("80 MiB", "native", 1),
        ("80 MiB", "pandas", 1),
    ],
)
def test_by_default_there_are_no_more_runners_than_memory_carries(memory, engine, runners):
    settings = config.load({"REDUCER_MEMORY": memory, "REDUCER_ENGINE": engine})
    assert (settings.runners, settings.high_runner) == (runners, runners)


def test_more_runners_than_memory_carries_can_be_asked_for():
    assert config.load({"REDUCER_MEMORY": "80 MiB", "REDUCER_RUNNERS_QTY": "5"}).runners == 5


def budget(files: int, **variables: str) -> int:
    settings = config.load({f"REDUCER_{name}": value for name, value in variables.items()})
    return runner_budget(settings, Listing(tuple(Split(f"{n}", 1, 1, 0, 1) for n in range(files)), ()))


def test_memory_is_divided_among_the_runners_that_are_started_here():
    one = budget(0, MEMORY="256 MiB", RUNNERS_QTY="1")
    assert 256 << 20 > one > 128 << 20
    assert one > budget(10_000, MEMORY="256 MiB", RUNNERS_QTY="1") > 128 << 20, (
        "the list of splits needs some"
    )
    assert budget(0, MEMORY="256 MiB", RUNNERS_QTY="9", LOW_RUNNER="8") == one // 2


def test_the_plan_says_which_resources_there_are_and_why():
    assert resources_sentence(config.load({"REDUCER_LOW_RUNNER": "3"}), 888 << 20) == (
        "6 processors (affinity) and 4,096 MiB of memory (physical) for 4 runners here, 888 MiB each"
    )
    assert resources_sentence(config.load({"REDUCER_MEMORY": "80 MiB"}), 38 << 20) == (
        "6 processors (affinity) and 80 MiB of memory (REDUCER_MEMORY) for 1 runner here, 38 MiB each"
    )


@pytest.mark.parametrize(
    ("mode", "reduces", "collects"),
    [("reduce", True, False), ("collect", False, True), ("reduce_collect", True, True)],
)
def test_a_mode_says_what_is_done(mode, reduces, collects):
    settings = config.load({"REDUCER_MODE": mode})
    assert (settings.reduces, settings.collects) == (reduces, collects)


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("REDUCER_INPUT_DIR", " a b ", "input_dir", " a b "),
        ("REDUCER_OUTPUT_DIR", "a/../b", "output_dir", Path("a/../b")),
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("LOG_LEVEL", "CRITICAL", "log_level", "CRITICAL"),
        ("REDUCER_RUNNERS_QTY", "007", "runners", 7),
        ("REDUCER_BATCH_SIZE", "1", "batch_rows", 1),
        ("REDUCER_COMPACT_AT", "999999999999", "compact_at_rows", 999_999_999_999),
        ("REDUCER_ENGINE", "reference", "engine", "reference"),
        ("REDUCER_SPARK_MASTER", "local", "spark_master", "local"),
        ("REDUCER_SPARK_MASTER", "local[3]", "spark_master", "local[3]"),
        ("REDUCER_SPARK_MASTER", "spark://a:7077,b:7077", "spark_master", "spark://a:7077,b:7077"),
        ("REDUCER_SPARK_MASTER", "yarn", "spark_master", "yarn"),
        (
            "REDUCER_RUN_ID",
            "manual__2026-11-22T00:00:00+00:00",
            "run_id",
            "manual__2026-11-22T00:00:00+00:00",
        ),
        ("REDUCER_RUN_ID", "x" * 250, "run_id", "x" * 250),
        ("REDUCER_SPLIT_SIZE", "0", "split_bytes", 0),
        ("REDUCER_SPLIT_SIZE", "4096", "split_bytes", 4096),
        ("REDUCER_SPLIT_SIZE", "1 KiB", "split_bytes", 1 << 10),
        ("REDUCER_SPLIT_SIZE", "2mib", "split_bytes", 2 << 20),
        ("REDUCER_SPLIT_SIZE", "3 GiB", "split_bytes", 3 << 30),
        ("REDUCER_MEMORY", "256 MiB", "memory", 256 << 20),
        ("REDUCER_MEMORY", "83886080", "memory", 80 << 20),
        ("REDUCER_STRICT", "TRUE", "strict", True),
        ("REDUCER_STRICT", "false", "strict", False),
    ],
)
def test_a_good_value_is_understood(name, text, field, value):
    settings = config.load({name: text, "REDUCER_HIGH_RUNNER": "1"})
    assert getattr(settings, field) == value
    assert settings.origins[name] == "environment"


NO_COUNTS = ["0", "-1", "1.5", "1e3", "one", " 1", "1 ", "+1", "1_000", "\u0661", "1" * 13, "0x10"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("LOG_LEVEL", ["VERBOSE", "10", "INFO "]),
        ("REDUCER_MODE", ["Reduce", "both", "reduce,collect"]),
        ("REDUCER_RUNNERS_QTY", NO_COUNTS),
        ("REDUCER_LOW_RUNNER", NO_COUNTS),
        ("REDUCER_HIGH_RUNNER", NO_COUNTS),
        ("REDUCER_BATCH_SIZE", NO_COUNTS),
        ("REDUCER_COMPACT_AT", NO_COUNTS),
        ("REDUCER_ENGINE", ["Pandas", "polars", "auto "]),
        ("REDUCER_SPARK_MASTER", ["spark", "spark://", "host:7077", "local[2", "http://a"]),
        ("REDUCER_RUN_ID", ["x" * 251, "a\nb", "a\0b", "a\tb"]),
        ("REDUCER_SPLIT_SIZE", ["-1", "1.5 MiB", "MiB", "64 MB", "64  MiB", "64 TiB", "1" * 16]),
        ("REDUCER_MEMORY", ["0", "79 MiB", "80", "64 MB", "a lot"]),
        ("REDUCER_STRICT", ["1", "0", "yes", "on", "True "]),
    ],
)
def test_a_bad_value_is_an_error_with_variable_value_and_rule(name, values):
    for value in values:
        [problem] = problems(**{name: value})
        assert problem.startswith(f"{name}={value} (environment): must be "), problem


@pytest.mark.parametrize(
    ("quantity", "low", "high", "said"),
    [
        ("4", "1", "5", ["REDUCER_HIGH_RUNNER=5 is above REDUCER_RUNNERS_QTY=4: there is no such runner"]),
        ("4", "3", "2", ["REDUCER_LOW_RUNNER=3 is above REDUCER_HIGH_RUNNER=2: the range 3..2 is empty"]),
        ("4", "9", "", ["REDUCER_LOW_RUNNER=9 is above REDUCER_HIGH_RUNNER=4: the range 9..4 is empty"]),
        ("2", "9", "8", ["REDUCER_HIGH_RUNNER=8 is above REDUCER_RUNNERS_QTY=2: there is no such runner",
                         "REDUCER_LOW_RUNNER=9 is above REDUCER_HIGH_RUNNER=8: the range 9..8 is empty"]),
    ],
)  # fmt: skip
def test_a_range_that_is_empty_is_an_error(quantity, low, high, said):
    assert (
        list(problems(REDUCER_RUNNERS_QTY=quantity, REDUCER_LOW_RUNNER=low, REDUCER_HIGH_RUNNER=high)) == said
    )


def test_a_range_is_not_checked_by_a_value_that_is_invalid_itself():
    assert len(problems(REDUCER_RUNNERS_QTY="none", REDUCER_LOW_RUNNER="3")) == 1
    assert len(problems(REDUCER_HIGH_RUNNER="none", REDUCER_LOW_RUNNER="3")) == 1


def test_spark_has_one_runner_by_default():
    settings = config.load({"REDUCER_ENGINE": "spark"})
    assert (settings.runners, settings.low_runner, settings.high_runner) == (1, 1, 1)


@pytest.mark.parametrize("name", ["REDUCER_RUNNERS_QTY", "REDUCER_LOW_RUNNER", "REDUCER_HIGH_RUNNER"])
def test_spark_accepts_one_runner_only(name):
    [problem] = problems(**{"REDUCER_ENGINE": "spark", name: "2"})
    assert problem.startswith("REDUCER_ENGINE=spark distributes the work itself: ")
    assert f"{name}=2" in problem


def test_all_problems_are_reported_at_once(tmp_path):
    file = tmp_path / "some.env"
    file.write_text("REDUCER_STRICT=perhaps\nREDUCER_BATCHSIZE=1\n")
    found = problems(str(file), LOG_LEVEL="LOUD", REDUCER_MODE="x", REDUCER_HIGH_RUNNER="7", REDUCER_FOO="1")
    assert len(found) == 6
    for part in (
        "LOG_LEVEL=LOUD",
        "REDUCER_MODE=x",
        "REDUCER_HIGH_RUNNER=7",
        "REDUCER_FOO",
        "REDUCER_BATCHSIZE",
    ):
        assert any(part in problem for problem in found), part
    assert any("REDUCER_STRICT=perhaps" in problem and str(file) in problem for problem in found)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("REDUCER_RUNNER_QTY", "REDUCER_RUNNERS_QTY"),
        ("REDUCER_INPUT", "REDUCER_INPUT_DIR"),
        ("REDUCER_BATCHSIZE", "REDUCER_BATCH_SIZE"),
        ("REDUCER_LOG_LEVEL", "LOG_LEVEL"),
        ("REDUCER_RUNID", "REDUCER_RUN_ID"),
        ("REDUCER_strict", "REDUCER_STRICT"),
        ("REDUCER_", None),
        ("REDUCER_XYZZY", None),
    ],
)
def test_an_unknown_name_is_an_error_that_names_the_nearest_known_one(wrong, meant):
    [problem] = problems(**{wrong: "1"})
    assert problem.startswith(f"{wrong} (environment): unknown variable; did you mean ")
    suggested = problem.removesuffix("?").rpartition(" ")[2]
    assert suggested in NAMES
    assert meant in (None, suggested)


def test_names_of_others_are_no_error():
    config.load({"PATH": "/bin", "REDUCE_X": "1", "LOG_LEVELS": "x", "reducer_mode": "x"})


# The file ------------------------------------------------------------------------------------------------


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / "some.env"


def test_the_file_fills_what_the_environment_does_not_set(env_file):
    env_file.write_text("# a remark\nREDUCER_BATCH_SIZE=7\nREDUCER_RUN_ID='from the file'\nOTHER=1\n")
    settings = config.load({"REDUCER_BATCH_SIZE": "8"}, str(env_file))
    assert (settings.batch_rows, settings.run_id) == (8, "from the file")
    origins = settings.origins
    assert origins["REDUCER_BATCH_SIZE"] == "environment"
    assert origins["REDUCER_RUN_ID"] == str(env_file)
    assert origins["REDUCER_STRICT"] == "default"


def test_a_value_of_the_file_that_is_not_used_is_not_checked(env_file):
    env_file.write_text("REDUCER_BATCH_SIZE=none\n")
    assert config.load({"REDUCER_BATCH_SIZE": "8"}, str(env_file)).batch_rows == 8


def test_a_file_that_is_not_there_is_reported_with_the_others(env_file):
    found = problems(str(env_file), REDUCER_MODE="x")
    assert found[0] == f"--env-file {env_file}: no such file"
    assert len(found) == 2


@pytest.mark.parametrize("content", [b"\xff\xfeR\0E\0", b"REDUCER_RUN_ID=\xe9\n", b"\x80"])
def test_a_file_that_is_not_text_is_an_error(env_file, content):
    env_file.write_bytes(content)
    [problem] = problems(str(env_file))
    assert str(env_file) in problem


def test_a_name_without_a_value_in_an_env_file_is_an_error(env_file):
    env_file.write_text("REDUCER_STRICT\nREDUCER_ENGINE=reference\n")
    [problem] = problems(str(env_file))
    assert problem.startswith(f"REDUCER_STRICT ({env_file}): ")


# The same everywhere
# -----------------------------------------------------------------------------------------


def test_explain_lists_every_variable_with_meaning_value_and_origin(env_file):
    env_file.write_text("REDUCER_SPLIT_SIZE=1 MiB\n")
    text = config.explain(config.load({"REDUCER_STRICT": "true", "LOG_LEVEL": "debug"}, str(env_file)))
    assert text.splitlines()[::2] == [f"# {variable.meaning}" for variable in config.VARIABLES]
    matches = [re.fullmatch(r"(?:# )?(\w+)=(.*?) +# (.*)", line) for line in text.splitlines()[1::2]]
    lines = {match[1]: match[2] for match in matches}
    assert list(lines) == NAMES
    assert lines["REDUCER_STRICT"] == "true"
    assert lines["LOG_LEVEL"] == "DEBUG"
    assert lines["REDUCER_SPLIT_SIZE"] == str(1 << 20)
    assert lines["REDUCER_RUNNERS_QTY"] == lines["REDUCER_HIGH_RUNNER"] == "6"
    assert lines["REDUCER_RUN_ID"] == ""
    origins = {match[1]: match[3] for match in matches}
    assert origins["REDUCER_RUN_ID"] == "derived from the input"
    assert origins["REDUCER_STRICT"] == "environment"
    assert origins["REDUCER_SPLIT_SIZE"] == str(env_file)
    assert origins["REDUCER_MODE"] == "default"


def test_what_explain_prints_can_be_given_back(env_file):
    settings = config.load({"REDUCER_STRICT": "true", "REDUCER_RUN_ID": "x", "REDUCER_BATCH_SIZE": "7"})
    env_file.write_text(config.explain(settings))
    again = config.load({}, str(env_file))
    assert again._replace(origins={}) == settings._replace(origins={})


def text_of(name: str) -> str:
    path = ROOT / name
    return path.read_text()


def test_dev_env_has_every_variable_in_order_with_its_default():
    lines = re.findall(r"^(# )?([A-Z_]+)=(.*)$", text_of("dev.env"), re.MULTILINE)
    assert [name for _, name, _ in lines] == NAMES
    for (remark, name, value), variable in zip(lines, config.VARIABLES, strict=True):
        if remark and variable.computed is None:
            assert value == variable.default, name
        if remark and variable.computed is not None:
            assert value in ("", variable.default), name


def test_dev_env_can_be_used():
    text_of("dev.env")
    config.load({}, str(ROOT / "dev.env"))


def test_readme_has_a_row_for_every_variable():
    readme = text_of("README.md")
    rows = re.findall(r"^\| *`?((?:REDUCER_|LOG_)[A-Z_]+)`? *\|(.*)$", readme, re.MULTILINE)
    assert [name for name, _ in rows] == NAMES
    for (name, row), variable in zip(rows, config.VARIABLES, strict=True):
        if variable.computed is None:
            assert variable.default in row, name
