"""Environment variables, the file that may fill them, what is said about errors, and the log."""

import os
import re

import pytest
from workdir import KEY, Workdir, each

VARIABLES = [
    "REDUCER_INPUT_DIR",
    "REDUCER_OUTPUT_DIR",
    "LOG_LEVEL",
    "REDUCER_MODE",
    "REDUCER_RUNNERS_QTY",
    "REDUCER_LOW_RUNNER",
    "REDUCER_HIGH_RUNNER",
    "REDUCER_BATCH_SIZE",
    "REDUCER_COMPACT_AT",
    "REDUCER_ENGINE",
    "REDUCER_RUN_ID",
    "REDUCER_SPLIT_SIZE",
    "REDUCER_STRICT",
]


@pytest.fixture
def world(workdir: Workdir) -> Workdir:
    """A world in which a run succeeds unless a setting keeps it from it."""
    workdir.csv("Asia Prod.csv", KEY, "1.1.1.1")
    return workdir


# Errors --------------------------------------------------------------------------------------------------


@each(
    "settings", "variable", "value",
    no_runner=({"runners": 0}, "REDUCER_RUNNERS_QTY", "0"),
    less_than_no_runner=({"runners": -2}, "REDUCER_RUNNERS_QTY", "-2"),
    runners_in_words=({"runners": "two"}, "REDUCER_RUNNERS_QTY", "two"),
    half_a_runner=({"runners": "1.5"}, "REDUCER_RUNNERS_QTY", "1.5"),
    low_is_0=({"low": 0}, "REDUCER_LOW_RUNNER", "0"),
    low_above_quantity=({"runners": 2, "low": 3}, "REDUCER_LOW_RUNNER", "3"),
    high_above_quantity=({"runners": 2, "high": 3}, "REDUCER_HIGH_RUNNER", "3"),
    low_above_high=({"runners": 4, "low": 3, "high": 2}, "REDUCER_LOW_RUNNER", "3"),
    empty_batches=({"batch_size": 0}, "REDUCER_BATCH_SIZE", "0"),
    batches_in_words=({"batch_size": "many"}, "REDUCER_BATCH_SIZE", "many"),
    compact_at_nothing=({"compact_at": 0}, "REDUCER_COMPACT_AT", "0"),
    no_such_engine=({"engine": "cobol"}, "REDUCER_ENGINE", "cobol"),
    no_such_mode=({"mode": "both"}, "REDUCER_MODE", "both"),
    no_such_level=({"log_level": "LOUD"}, "LOG_LEVEL", "LOUD"),
    no_such_truth=({"strict": "perhaps"}, "REDUCER_STRICT", "perhaps"),
    negative_size=({"split_size": "-1"}, "REDUCER_SPLIT_SIZE", "-1"),
    size_in_parsecs=({"split_size": "64 parsecs"}, "REDUCER_SPLIT_SIZE", "64 parsecs"),
)  # fmt: skip
def test_an_error_is_named_with_variable_and_value(world, settings, variable, value):
    outcome = world.reduce(**settings)
    assert outcome.exit_code == 3
    assert re.search(rf"{variable}\b.*(?<![\w.]){re.escape(value)}\b", outcome.stderr)
    assert "Traceback" not in outcome.stderr
    assert list(world.output.iterdir()) == []


def test_all_errors_are_reported_at_once_before_anything_is_started(world):
    outcome = world.reduce(
        runners="none", batch_size=0, engine="cobol", mode="both", strict="perhaps", input_dir="nowhere"
    )
    assert outcome.exit_code == 3
    for name in ("RUNNERS_QTY", "BATCH_SIZE", "ENGINE", "MODE", "STRICT"):
        assert f"REDUCER_{name}" in outcome.stderr
    assert "Runner [" not in outcome.stderr


@each(
    "unknown", "meant",
    letters_swapped=("runners_qyt", "REDUCER_RUNNERS_QTY"),
    letter_missing=("bach_size", "REDUCER_BATCH_SIZE"),
    other_word=("output_directory", "REDUCER_OUTPUT_DIR"),
)  # fmt: skip
def test_an_unknown_variable_is_an_error_that_names_the_nearest_known(world, unknown, meant):
    outcome = world.reduce(**{unknown: 2})
    assert outcome.exit_code == 3
    assert f"REDUCER_{unknown.upper()}" in outcome.stderr
    assert re.search(rf"\b{meant}\b", outcome.stderr)


@each("engine", another=("duckdb",), mistyped=("nativ",))
def test_an_engine_that_is_not_in_this_build_is_an_error_not_a_fallback(world, engine):
    outcome = world.reduce(engine=engine)
    assert outcome.exit_code == 3
    assert re.search(rf"{engine}.*must be one of", outcome.stderr)
    assert outcome.combined is None


def test_auto_chooses_an_engine_and_says_why(world):
    outcome = world.reduce(engine="auto")
    engine = outcome.report["engine"]
    assert engine["name"] in {"native", "pandas"}
    assert f"{engine['name']}" in outcome.stderr
    assert engine["why"] in outcome.stderr


# Where settings come from --------------------------------------------------------------------------------


def test_the_default_directory_is_data_below_the_current_one(workdir):
    data = workdir.root / "data"
    data.mkdir()
    (data / "Asia Prod.csv").write_text("Source IP\n1.1.1.1\n")
    outcome = workdir.reduce(input_dir=None, output_dir=None)
    assert outcome.exit_code == 0
    assert (data / "Combined.csv").read_text() == "Source IP,Environment\n1.1.1.1,Asia Prod\n"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no processor affinity on this system")
def test_the_default_quantity_of_runners_is_that_of_the_processors_it_may_use(world):
    one = min(os.sched_getaffinity(0))
    outcome = world.reduce(runners=None, before=lambda: os.sched_setaffinity(0, {one}))
    assert outcome.report["runners"] == 1


def test_an_env_file_fills_what_the_environment_does_not_set(world):
    file = world.root / "node.env"
    file.write_text("# a node\nREDUCER_RUNNERS_QTY=none\nREDUCER_RUN_ID='from-file'\nLOG_LEVEL=DEBUG\n")
    outcome = world.reduce("--env-file", str(file), runners=2)
    assert outcome.exit_code == 0
    assert outcome.report["runners"] == 2
    assert outcome.report["run_id"] == "from-file"
    assert " - DEBUG: " in outcome.stderr


@each(
    "line", "variable", unknown=("REDUCER_ENGIN=auto", "REDUCER_ENGIN"), wrong=("LOG_LEVEL=LOUD", "LOG_LEVEL")
)
def test_errors_in_an_env_file_are_errors(world, line, variable):
    (world.root / "node.env").write_text(f"{line}\n")
    outcome = world.reduce("--env-file", "node.env")
    assert outcome.exit_code == 3
    assert re.search(rf"\b{variable}\b", outcome.stderr)


def test_an_env_file_that_is_not_there_is_an_error(world):
    outcome = world.reduce("--env-file", "nowhere.env")
    assert outcome.exit_code == 3
    assert "nowhere.env" in outcome.stderr


def test_explain_prints_every_value_and_where_it_came_from(world):
    (world.root / "node.env").write_text("REDUCER_COMPACT_AT=77\n")
    outcome = world.reduce("--explain", "--env-file", "node.env", batch_size=55, input_dir="nowhere")
    assert outcome.exit_code == 0
    said = outcome.stdout.splitlines()
    lines = {name: line for name in VARIABLES for line in said if re.match(rf"\W*{name}\b", line)}
    assert list(lines) == VARIABLES
    for name, value, source in [
        ("REDUCER_BATCH_SIZE", "55", "environment"),
        ("REDUCER_COMPACT_AT", "77", "node.env"),
        ("REDUCER_MODE", "reduce_collect", "default"),
        ("REDUCER_HIGH_RUNNER", "1", "default"),
    ]:
        assert re.search(rf"\b{value}\b", lines[name].replace(name, ""))
        assert source in lines[name]
    assert list(world.output.iterdir()) == []


def test_version_is_a_line(world):
    outcome = world.reduce("--version", input_dir="nowhere")
    assert outcome.exit_code == 0
    assert re.search(r"\d+\.\d+", outcome.stdout)


@each("value", bytes=("65536",), kib=("64KiB",), mib=("1 MiB",), gib=("2GiB",), whole_files=("0",))
def test_sizes_are_bytes_or_have_a_unit(world, value):
    assert world.reduce(split_size=value).combined == [("1.1.1.1", "Asia Prod")]


def test_one_file_and_many_runners_is_no_error(world):
    outcome = world.reduce(runners=4)
    assert outcome.exit_code == 0
    assert outcome.combined == [("1.1.1.1", "Asia Prod")]


# The log -------------------------------------------------------------------------------------------------


def test_each_line_of_the_log_says_when_who_and_how_bad(world):
    world.csv("Asia Prod 2.csv", KEY, "oops")
    outcome = world.reduce(runners=2, log_level="DEBUG")
    lines = outcome.stderr.splitlines()
    form = r"\S.* - (Reducer|Runner \[\d+\]) - (DEBUG|INFO|WARNING|ERROR|CRITICAL): \S.*"
    assert [line for line in lines if not re.fullmatch(form, line)] == []
    assert {re.fullmatch(form, line)[1] for line in lines} == {"Reducer", "Runner [1]", "Runner [2]"}
    assert outcome.stdout == ""


@each(
    "level", "shown", "hidden",
    debug=("DEBUG", ["DEBUG", "INFO"], []),
    info=("INFO", ["INFO"], ["DEBUG"]),
    error=("ERROR", [], ["DEBUG", "INFO", "WARNING"]),
)  # fmt: skip
def test_the_log_level_decides_what_is_said(world, level, shown, hidden):
    world.csv("Asia Prod 2.csv", KEY, "oops")
    outcome = world.reduce(log_level=level, runners=2)
    assert outcome.exit_code == 0
    said = outcome.stderr
    assert [name for name in shown if f" - {name}: " not in said] == []
    assert [name for name in hidden if f" - {name}: " in said] == []
