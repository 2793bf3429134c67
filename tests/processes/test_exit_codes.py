"""How a run can fail: kills, signals, a full disk, strict mode. What is left behind, and the exit code."""

import os
import re
import resource
import signal
import sys

import pytest
from workdir import KEY, OLD, Running, Workdir, each, each_engine


def reading(workdir: Workdir, name: str, **variables: object) -> tuple[Running, int]:
    """A run in which runner 1 has just begun to read a big file, and its process id."""
    workdir.big(name)
    running = workdir.start(log_level="DEBUG", **variables)
    started = running.wait_for("Runner [1] - DEBUG: started, pid ")
    running.wait_for(f"reading {name!r}")
    return running, int(re.findall(r"pid (\d+)", started)[0])


def is_running(pid: int) -> bool:
    """Whether the process still runs; one that is dead but not yet buried doesn't."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - as short as it gets
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def errors(stderr: str) -> str:
    """What the controller said at level ERROR or above."""
    return "\n".join(re.findall(r"Reducer - (?:ERROR|CRITICAL): (.*)", stderr))


# A runner fails ------------------------------------------------------------------------------------------


@each_engine
def test_a_killed_runner_is_named_with_its_file(with_result, engine):
    running, pid = reading(with_result, "Asia Prod 2.csv", runners=2, engine=engine)
    os.kill(pid, signal.SIGKILL)
    outcome = running.finish()
    assert outcome.exit_code == 4
    assert re.search(r"[Rr]unner \[?1\b.*Asia Prod 2\.csv", errors(outcome.stderr))
    assert outcome.combined == OLD
    assert outcome.leftovers == []


def test_when_one_runner_fails_the_others_stop(with_result):
    with_result.big("Asia Prod 3.csv")
    running, pid = reading(with_result, "Asia Prod 2.csv", runners=3)
    os.kill(pid, signal.SIGKILL)
    outcome = running.finish()
    assert outcome.exit_code == 4
    pids = re.findall(r"started, pid (\d+)", outcome.stderr)
    assert [pid for pid in pids if is_running(int(pid))] == []


def test_after_a_failed_reduce_the_partials_of_other_nodes_stay(with_result):
    with_result.set(mode="reduce", runners=4)
    with_result.reduce(low=3, high=3)
    others = with_result.reduce(low=4, high=4).leftovers
    assert len(others) == 4
    running, pid = reading(with_result, "Asia Prod 2.csv", low=1, high=2)
    os.kill(pid, signal.SIGKILL)
    outcome = running.finish()
    assert outcome.exit_code == 4
    assert outcome.leftovers == others


# A signal ------------------------------------------------------------------------------------------------


@each(
    "number", "code", "to_all",
    interrupted=(signal.SIGINT, 130, False),
    terminated=(signal.SIGTERM, 143, False),
    interrupted_at_the_terminal=(signal.SIGINT, 130, True),
    terminated_with_its_children=(signal.SIGTERM, 143, True),
)  # fmt: skip
def test_a_signal_stops_all_and_leaves_nothing_behind(with_result, number, code, to_all):
    running, pid = reading(with_result, "Asia Prod 2.csv", runners=2)
    os.kill(running.process.pid, number) if not to_all else running.signal_group(number)
    outcome = running.finish()
    assert outcome.exit_code == code
    assert not is_running(pid)
    assert outcome.combined == OLD
    assert outcome.leftovers == []


def test_an_interrupted_run_of_pandas_ends_as_well(with_result):
    running, pid = reading(with_result, "Asia Prod 2.csv", runners=2, engine="pandas")
    running.signal_group(signal.SIGINT)
    outcome = running.finish()
    assert (outcome.exit_code, outcome.combined, outcome.leftovers) == (130, OLD, [])
    assert not is_running(pid)


def test_an_interrupted_inline_run_leaves_nothing_behind(with_result):
    with_result.big("Asia Prod 2.csv")
    running = with_result.start("reducer.py", "--inline", log_level="DEBUG")
    running.wait_for("reading 'Asia Prod 2.csv'")
    os.kill(running.process.pid, signal.SIGINT)
    outcome = running.finish()
    assert (outcome.exit_code, outcome.combined, outcome.leftovers) == (130, OLD, [])


def test_what_a_killed_run_left_is_swept_by_the_next(with_result):
    running, _ = reading(with_result, "Asia Prod 2.csv", runners=3)
    running.signal_group(signal.SIGKILL)
    assert running.finish().combined == OLD
    (with_result.input / "Asia Prod 2.csv").unlink()
    with_result.csv("Asia Prod 3.csv", KEY, "2.2.2.2")
    outcome = with_result.reduce()
    assert outcome.exit_code == 0
    assert outcome.combined == [*OLD, ("2.2.2.2", "Asia Prod")]
    assert outcome.leftovers == []


def test_partials_of_a_run_with_more_runners_are_swept_too(with_result):
    assert len(with_result.reduce(mode="reduce", runners=9).leftovers) == 18
    outcome = with_result.reduce(runners=2)
    assert outcome.exit_code == 0
    assert outcome.combined == OLD
    assert outcome.leftovers == []


# A result that can't be written --------------------------------------------------------------------------


def small_files() -> None:
    """In the child: no file may grow beyond 40 kB, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


@pytest.fixture
def too_big(with_result: Workdir) -> Workdir:
    """Input whose partial and result are over 40 kB."""
    with_result.csv("NA Prod.csv", KEY, *[f"10.1.{n >> 8}.{n & 255}" for n in range(10_000)])
    return with_result


@each("options", processes=([],), inline=(["--inline"],))
def test_a_full_disk_keeps_the_old_result(too_big, options):
    outcome = too_big.reduce(*options, before=small_files)
    assert outcome.exit_code == 6
    assert outcome.combined == OLD
    assert outcome.leftovers == []
    assert "Traceback" not in outcome.stderr


def test_a_full_disk_at_collect_keeps_the_old_result_and_the_partials(too_big):
    partials = too_big.reduce(mode="reduce", runners=2).leftovers
    full = too_big.reduce(mode="collect", runners=2, before=small_files)
    assert full.exit_code == 6
    assert full.combined == OLD
    assert full.leftovers == partials
    again = too_big.reduce(mode="collect", runners=2)
    assert again.exit_code == 0
    assert len(again.combined) == 10_001


def test_a_folder_in_the_place_of_the_result_is_a_result_that_cannot_be_written(workdir):
    workdir.csv("Asia Prod.csv", KEY, "1.1.1.1")
    (workdir.output / "Combined.csv" / "deep").mkdir(parents=True)
    outcome = workdir.reduce()
    assert outcome.exit_code == 6
    assert "Combined.csv" in errors(outcome.stderr)


def test_a_report_that_cannot_be_written_keeps_the_old_result_too(with_result):
    (with_result.output / "Combined.report.json").unlink()
    (with_result.output / "Combined.report.json" / "deep").mkdir(parents=True)
    with_result.csv("Asia Prod 2.csv", KEY, "2.2.2.2")
    outcome = with_result.reduce()
    assert outcome.exit_code == 6
    assert outcome.combined == OLD


def test_a_disk_that_is_full_when_the_report_is_written_keeps_the_old_result_too(with_result):
    for n in range(400):
        with_result.file(f"a note that nobody should have left here, number {n}.txt", "")
    with_result.csv("Asia Prod 2.csv", KEY, "2.2.2.2")
    outcome = with_result.reduce(runners=4, before=small_files)
    assert outcome.exit_code == 6
    assert outcome.combined == OLD
    assert len(outcome.report["files"]["ignored"]) == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_directory_that_may_not_be_written_is_exit_code_2(workdir):
    workdir.csv("Asia Prod.csv", KEY, "1.1.1.1")
    workdir.output.chmod(0o555)
    assert workdir.reduce().exit_code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
def test_an_input_directory_that_may_not_be_listed_is_exit_code_1(workdir):
    workdir.csv("Asia Prod.csv", KEY, "1.1.1.1")
    workdir.input.chmod(0)
    try:
        assert workdir.reduce().exit_code == 1
    finally:
        workdir.input.chmod(0o755)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a folder nobody can write to")
def test_even_root_gets_exit_code_2_where_nobody_can_write(workdir):
    workdir.csv("Asia Prod.csv", KEY, "1.1.1.1")
    outcome = workdir.reduce(output_dir="/proc")
    assert outcome.exit_code == 2
    assert "/proc" in errors(outcome.stderr)


# Strict --------------------------------------------------------------------------------------------------

FLAWS = {
    "rejected_row": ("Asia Prod 2.csv", b"Source IP\noops\n", 7),
    "other_type": ("notes.txt", b"x", 7),
    "other_name": ("Asia.csv", b"Source IP\n2.2.2.2\n", 7),
    "no_key_column": ("Asia Prod 2.csv", b"Host\n2.2.2.2\n", 7),
    "broken_file": ("Asia Prod 2.csv", b'Source IP\n"2.2.2.2\n', 7),
    "own_result": ("Combined.csv", b"Source IP,Environment\n2.2.2.2,Old Prod\n", 0),
    "own_report": ("Combined.report.json", b"{}", 0),
    "working_file": (".Combined_3.csv", b"x", 0),
    "empty_file": ("Asia Prod 2.csv", b"", 0),
}


@each("name", "content", "code", **FLAWS)
def test_strict_reports_flaws_after_writing_everything(workdir, name, content, code):
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1")
    workdir.file(name, content)
    strict = workdir.reduce(strict="true")
    assert strict.exit_code == code
    assert strict.combined == OLD
    assert strict.leftovers == []
    assert strict.report["rows"]["distinct"] == 1
    assert workdir.reduce(strict="false").exit_code == 0


def test_strict_is_judged_where_the_result_is_made(workdir):
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1", "oops")
    workdir.set(strict="true", runners=2)
    assert workdir.reduce(mode="reduce").exit_code == 0
    collected = workdir.reduce(mode="collect")
    assert collected.exit_code == 7
    assert collected.combined == OLD


def test_strict_without_any_valid_row_is_strict_too(workdir):
    workdir.csv("Asia Prod 1.csv", KEY, "oops")
    outcome = workdir.reduce(strict="true")
    assert outcome.exit_code == 7
    assert outcome.combined is None
    assert outcome.report["result"] is None
