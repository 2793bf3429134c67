"""Errors and the way out: exit codes, what is printed, and what reaches the log."""

from __future__ import annotations

import io
import logging
import os
import pickle
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reduction import errors
from reduction.app.plan import Job
from reduction.errors import (
    InputError,
    Interrupted,
    OutputError,
    PartialsRejected,
    ReducerError,
    RunnerFailed,
    SettingsError,
    SparkFailed,
    StrictViolation,
    WriteError,
)
from reduction.pipeline.engine import EngineOptions
from reduction.pipeline.remote_output import RemoteOutput
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import AccountingError, SkippedFile
from reduction.runtime import logs
from reduction.runtime.main import run_main
from reduction.runtime.workers import WorkerFailure

SPECIFIED = {
    InputError: 1,
    OutputError: 2,
    SettingsError: 3,
    RunnerFailed: 4,
    SparkFailed: 4,
    PartialsRejected: 5,
    WriteError: 6,
    StrictViolation: 7,
}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Signal handlers and log handlers are those of the process: put them back."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    logger = logging.getLogger(logs.ROOT)
    handlers, level, propagate = logger.handlers, logger.level, logger.propagate
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    logger.handlers, logger.propagate = handlers, propagate
    logger.setLevel(level)


def test_exit_codes_are_those_of_the_specification():
    assert {kind: kind.exit_code for kind in SPECIFIED} == SPECIFIED  # type: ignore[attr-defined]


def test_no_two_errors_share_an_exit_code_but_those_of_one_meaning():
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ReducerError)
    ]
    codes = [kind.exit_code for kind in kinds if kind is not SparkFailed]
    assert set(kinds) == {*SPECIFIED, ReducerError}
    assert len(set(codes)) == len(codes)
    assert AccountingError.exit_code == SparkFailed.exit_code == RunnerFailed.exit_code


def test_every_exit_code_stands_in_the_tree_that_is_drawn():
    drawn = dict(re.findall(r"[├└]── (\w+) +(\d+)", errors.__doc__))
    assert {name: int(code) for name, code in drawn.items()} == {
        kind.__name__: code for kind, code in SPECIFIED.items()
    }


def test_an_interruption_has_the_exit_code_of_its_signal_and_is_nothing_to_handle():
    assert Interrupted(signal.SIGINT).exit_code == 130
    assert Interrupted(signal.SIGTERM).exit_code == 143
    assert not issubclass(Interrupted, Exception)


def test_a_failed_runner_names_runner_file_and_cause_and_keeps_the_exit_code_of_the_cause():
    error = RunnerFailed(3, 8, "Asia Prod 2.csv", "MemoryError: ")
    assert str(error) == "runner 3 of 8 failed while reading 'Asia Prod 2.csv': MemoryError: "
    assert error.exit_code == 4
    assert RunnerFailed(3, 8, None, "x", 6).exit_code == 6
    assert "(no file was open)" in str(RunnerFailed(3, 8, None, "x"))


@pytest.mark.parametrize("kind", [SettingsError, PartialsRejected])
def test_many_errors_stand_in_lines_of_their_own(kind):
    error = kind(["first", "second"])
    assert error.problems == ("first", "second")
    assert str(error).splitlines()[1:] == ["  - first", "  - second"]


def test_what_crosses_a_process_border_survives_it():
    job = Job(
        1, 2, "id", "f" * 64, 3, "data",
        RemoteOutput(Path("out"), "s3://b", shared=True), "pandas", EngineOptions(5, 6),
        (Split("a b.csv", 1, 2, 0, 1),), (SkippedFile("x", "other-type", ""),),
    )  # fmt: skip
    for value in (job, WorkerFailure(3, None, "x"), WorkerFailure(3, 6, "x")):
        assert pickle.loads(pickle.dumps(value)) == value


# The entry point -------------------------------------------------------------------------------------


def raising(error: BaseException) -> int:
    def run() -> None:
        raise error

    return run_main(run)


@pytest.mark.parametrize("kind", [kind for kind in SPECIFIED if kind not in (RunnerFailed,)])
def test_an_error_becomes_its_exit_code_and_one_message(kind, capsys):
    logs.to_standard_error("INFO", logs.CONTROLLER)
    error = kind(["what happened"]) if kind in (SettingsError, PartialsRejected) else kind("what happened")
    assert raising(error) == kind.exit_code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("ERROR: ") == 1
    assert "what happened" in printed.err
    assert "Traceback" not in printed.err


def test_success_is_zero():
    assert run_main(lambda: None) == 0


def test_an_error_before_the_log_is_set_up_is_printed_all_the_same(capsys):
    logging.getLogger(logs.ROOT).handlers = []
    assert raising(SettingsError(["REDUCER_MODE=x"])) == 3
    assert capsys.readouterr().err.endswith(
        "Reducer - ERROR: the configuration is invalid:\n  - REDUCER_MODE=x\n"
    )


def test_the_traceback_is_for_debug(capsys):
    logs.to_standard_error("DEBUG", logs.CONTROLLER)
    assert raising(WriteError("x")) == 6
    assert "Traceback" in capsys.readouterr().err


def test_an_error_that_nobody_foresaw_is_reported_with_its_traceback(capsys):
    logs.to_standard_error("INFO", logs.CONTROLLER)
    code = raising(ZeroDivisionError("x"))
    assert code not in (0, *SPECIFIED.values())
    printed = capsys.readouterr().err
    assert "ZeroDivisionError" in printed
    assert "please report this as a bug" in printed


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_becomes_its_exit_code(number, code, capsys):
    logs.to_standard_error("INFO", logs.CONTROLLER)
    assert run_main(lambda: os.kill(os.getpid(), number)) == code
    assert "ERROR: " in capsys.readouterr().err


def test_a_signal_while_a_line_is_logged_is_not_lost(monkeypatch):
    class Signalled(io.StringIO):
        """Somebody presses Ctrl-C at the very moment when something is written."""

        def write(self, text: str) -> int:
            if "the line" in text:
                os.kill(os.getpid(), signal.SIGINT)
            return super().write(text)

    def run() -> None:
        logging.getLogger(logs.ROOT).info("the line")
        pytest.fail("went on as if nothing had happened")

    logs.to_standard_error("INFO", logs.CONTROLLER)
    monkeypatch.setattr(sys, "stderr", Signalled())
    assert run_main(run) == 130


def test_a_second_signal_does_not_disturb_the_clean_up():
    cleaned = []

    def run() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            cleaned.append(True)

    assert run_main(run) == 143
    assert cleaned == [True]


# The log -------------------------------------------------------------------------------------------------

LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) - (Reducer|Runner \[\d+\]) - ([A-Z]+): (.*)")


def test_a_line_says_when_who_how_bad_and_what(capsys):
    logs.to_standard_error("DEBUG", logs.CONTROLLER)
    logging.getLogger("reduction.x").warning("%s of %s", 3, "files")
    [line] = capsys.readouterr().err.splitlines()
    assert LINE.fullmatch(line).groups()[1:] == ("Reducer", "WARNING", "3 of files")


def test_a_line_of_a_runner_is_signed_by_it_and_keeps_its_own_time(capsys):
    logs.to_standard_error("INFO", logs.CONTROLLER)
    logs.log_forwarded(1_700_000_000.25, logging.INFO, logs.runner_name(12), "100 %s %d")
    [line] = capsys.readouterr().err.splitlines()
    time, who, level, text = LINE.fullmatch(line).groups()
    assert time.endswith(",250")
    assert (who, level, text) == ("Runner [12]", "INFO", "100 %s %d")


def test_a_level_hides_what_is_below_it(capsys):
    logs.to_standard_error("WARNING", logs.CONTROLLER)
    logging.getLogger("reduction.x").info("hidden")
    logging.getLogger("reduction.x").error("shown")
    assert [LINE.fullmatch(line)[4] for line in capsys.readouterr().err.splitlines()] == ["shown"]
