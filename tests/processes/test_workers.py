"""The processes of runners: started, heard, stopped; nothing outlives its controller."""

from __future__ import annotations

import os
import re
import resource
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from workdir import KEY, OLD, PATIENCE, ROOT, Running, Workdir, each


class Watched:
    """A process that is not our child, whose end can be waited for."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)

    def ends(self, seconds: float = PATIENCE) -> bool:
        """Whether the process has ended, at the latest after so many seconds."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        ended = bool(poll.poll(seconds * 1000))
        os.close(self._descriptor)
        return ended


# The controller dies -------------------------------------------------------------------------------------


def started(workdir: Workdir, runners: int, **variables: object) -> tuple[Running, list[Watched]]:
    """A run in which every runner has begun with a big file."""
    for number in range(runners):
        workdir.big(f"NA Prod {number}.csv")
    running = workdir.start(log_level="DEBUG", runners=runners, **variables)
    pids: list[str] = []
    reading = 0
    while reading < runners:
        line = running.wait_for(" - DEBUG: ")
        pids += re.findall(r"started, pid (\d+)", line)
        reading += "reading 'NA Prod" in line
    return running, [Watched(int(pid)) for pid in pids]


def test_runners_end_by_themselves_when_the_controller_is_killed(with_result):
    running, runners = started(with_result, 4)
    running.process.kill()
    assert [runner.pid for runner in runners if not runner.ends(15)] == []
    assert running.finish().combined == OLD


def test_the_run_after_a_killed_controller_is_right_and_sweeps(with_result):
    running, runners = started(with_result, 2)
    running.process.kill()
    assert all(runner.ends(15) for runner in runners)
    for path in with_result.passing:
        path.unlink()
    with_result.csv("NA Prod.csv", KEY, "2.2.2.2")
    outcome = with_result.reduce(runners=2)
    assert outcome.combined == [*OLD, ("2.2.2.2", "NA Prod")]
    assert outcome.leftovers == []


def test_a_controller_that_is_stopped_and_goes_on_loses_nothing(with_result):
    with_result.big("NA Prod.csv", rows=100_000)
    running = with_result.start(log_level="DEBUG", runners=2)
    running.wait_for("started, pid")
    os.kill(running.process.pid, signal.SIGSTOP)
    os.kill(running.process.pid, signal.SIGCONT)
    outcome = running.finish()
    assert outcome.exit_code == 0
    assert len(outcome.combined) == 10_001


# One runner alone ----------------------------------------------------------------------------------------


@each("number", "code", interrupted=(signal.SIGINT, 130), terminated=(signal.SIGTERM, 143))
def test_a_signal_ends_one_runner_alone_and_leaves_nothing_behind(with_result, number, code):
    with_result.big("NA Prod.csv")
    running = with_result.start("runner.py", "1", log_level="DEBUG")
    running.wait_for("reading 'NA Prod.csv'")
    running.process.send_signal(number)
    outcome = running.finish()
    assert (outcome.exit_code, outcome.combined, outcome.leftovers) == (code, OLD, [])


@each("number", "code", interrupted=(signal.SIGINT, 130), terminated=(signal.SIGTERM, 143))
def test_a_signal_between_partial_and_manifest_leaves_no_half_of_them(with_result, number, code):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"""if True:
            import os, sys, runner
            from reduction.pipeline import partials
            really = partials.commit
            def commit(directory, manifest):
                assert partials.partial_path(directory, 1).exists()
                os.kill(os.getpid(), {int(number)})
                really(directory, manifest)
            partials.commit = commit
            sys.exit(runner.main(["1"]))
            """,
        ],
        cwd=ROOT,
        env=os.environ | with_result.variables,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert sorted(path.name for path in with_result.output.iterdir()) == [
        "Combined.csv",
        "Combined.report.json",
    ]


def test_one_runner_alone_that_is_killed_leaves_what_the_next_sweeps(with_result):
    path = with_result.big("NA Prod.csv")
    running = with_result.start("runner.py", "1", log_level="DEBUG")
    running.wait_for("reading 'NA Prod.csv'")
    running.process.kill()
    assert running.finish().combined == OLD
    path.unlink()
    assert with_result.run_one(1).leftovers == [".Combined_1.csv", ".Combined_1.json"]


# A runner fails ------------------------------------------------------------------------------------------


def little_memory() -> None:
    """In the child: as on a small machine. A thread may take 64 MiB of address space for its few bytes."""
    resource.setrlimit(resource.RLIMIT_AS, (180 << 20, 180 << 20))


def test_a_runner_without_memory_is_named_and_stops_the_others(with_result):
    rows = "".join(f"{n >> 16}.{n >> 8 & 255}.{n & 255}.1\n" for n in range(1_200_000))
    with_result.file("NA Prod 2.csv", f"Source IP\n{rows}")
    with_result.big("NA Prod 3.csv", rows=6_000_000)
    running = with_result.start(log_level="DEBUG", runners=3, before=little_memory)
    outcome = running.finish()
    assert outcome.exit_code == 4
    assert re.search(
        r"ERROR: runner 2 of 3 failed while reading 'NA Prod 2\.csv': MemoryError", outcome.stderr
    )
    assert (outcome.combined, outcome.leftovers) == (OLD, [])
    pids = [int(pid) for pid in re.findall(r"started, pid (\d+)", outcome.stderr)]
    assert len(pids) == 3
    assert not any(Path(f"/proc/{pid}/cmdline").exists() for pid in pids)


def test_an_output_directory_that_vanishes_while_runners_work_is_exit_code_6(with_result):
    running, runners = started(with_result, 2)
    with_result.output.rename(with_result.root / "somewhere else")  # at once, whatever they write
    for path in with_result.passing:
        os.truncate(path, 1000)  # they are soon done then
    outcome = running.finish()
    assert outcome.exit_code == 6
    assert "Traceback" not in re.sub(r"(?s)Traceback.*?\nreduction\.errors", "", outcome.stderr)
    assert all(runner.ends() for runner in runners)


# The machinery by itself ---------------------------------------------------------------------------------

BEGIN = """
import logging, os, signal, sys, time
from reduction.runtime import logs, workers as processes
from reduction.runtime.main import run_main
from reduction.runtime.workers import WorkerPool
logs.to_standard_error("INFO", "Reducer")
log = logging.getLogger("reduction.test")
"""


def script(text: str) -> subprocess.CompletedProcess[str]:
    """Runs a script that uses `Runners`; what it leaves behind keeps its pipes open, and is seen so."""
    return subprocess.run(
        [sys.executable, "-c", BEGIN + textwrap.dedent(text)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_every_job_is_done_once_with_its_own_index():
    done = script("""
        def work(job, index):
            log.info("job %s index %s", job, index)
        with WorkerPool(work, "INFO") as runners:
            runners.start({3: "c", 4: "d", 9: "i"})
            print(runners.wait(lambda: None))
    """)
    assert done.stdout == "None\n"
    assert sorted(re.findall(r"- (Runner.*)", done.stderr)) == [
        "Runner [3] - INFO: job c index 0",
        "Runner [4] - INFO: job d index 1",
        "Runner [9] - INFO: job i index 2",
    ]


def test_no_line_of_a_runner_is_lost_or_cut():
    done = script("""
        def work(job, index):
            for number in range(2000):
                log.info("line %s %s", number, "x" * (number % 300))
        with WorkerPool(work, "INFO") as runners:
            runners.start({1: None, 2: None})
            runners.wait(lambda: None)
    """)
    for runner in (1, 2):
        lines = re.findall(rf"Runner \[{runner}\] - INFO: line (\d+) (x*)", done.stderr)
        assert [(int(number), len(text)) for number, text in lines] == [(n, n % 300) for n in range(2000)]


def test_a_line_of_a_runner_may_hold_any_character():
    done = script(r"""
        def work(job, index):
            log.info("%s", "two\nlines, \u00e4 \U0001f40d \0 \udcff")
        with WorkerPool(work, "INFO") as runners:
            runners.start({1: None})
            runners.wait(lambda: None)
    """)
    assert "Runner [1] - INFO: two\nlines, ä 🐍 \0 \\udcff\n" in done.stderr


def test_half_a_line_of_a_killed_runner_is_no_line():
    done = script("""
        def work(job, index):
            really = os.write
            def write(descriptor, data):
                really(descriptor, data[:-3])
                os.kill(os.getpid(), signal.SIGKILL)
            os.write = write
            log.info("half")
        with WorkerPool(work, "INFO") as runners:
            runners.start({1: None})
            print(runners.wait(lambda: None).cause)
    """)
    assert done.stdout.startswith("the process was killed by SIGKILL"), done.stderr
    assert done.stderr == ""


def test_a_runner_that_has_used_up_all_memory_says_so():
    done = script("""
        import resource
        held = []
        def work(job, index):
            with open("/proc/self/statm") as file:
                pages = int(file.read().split()[0])
            why = MemoryError("x" * 200_000)
            limit = pages * resource.getpagesize() + (20 << 20)
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            for size in (1 << 20, 1 << 12, 1 << 6):
                try:
                    while True:
                        held.append(bytes(size))
                except MemoryError:
                    pass
            raise why
        with WorkerPool(work, "INFO") as runners:
            runners.start({1: None})
            print(runners.wait(lambda: None).cause)
    """)
    assert re.match("MemoryError: x{200000} ", done.stdout), done.stderr


def test_ends_of_runners_are_learned_also_if_the_parent_of_the_controller_ignored_such_news():
    done = script("""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        def work(job, index):
            if index == 1:
                os._exit(3)
        with WorkerPool(work, "INFO") as runners:
            runners.start({1: None, 2: None})
            print(runners.wait(lambda: None).cause)
    """)
    assert done.stdout == "the process exited with code 3 without an error message\n", done.stderr


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("os._exit(3)", "the process exited with code 3 without an error message"),
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            "the process was killed by SIGKILL, often the OOM killer; try fewer runners",
        ),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the process was killed by SIGSEGV"),
        ("os.kill(os.getpid(), 40)", "the process was killed by 40"),
        ("1 / 0", "ZeroDivisionError: division by zero (<string>:"),
        ("sys.exit(5)", "SystemExit: 5 (<string>:"),
    ],
)  # fmt: skip
def test_a_runner_that_ends_badly_is_reported_with_its_cause(how, cause):
    done = script(f"""
        def work(job, index):
            if index == 1:
                {how}
        with WorkerPool(work, "INFO") as runners:
            runners.start({{1: None, 2: None}})
            failure = runners.wait(lambda: None)
        print(failure.runner, failure.exit_code, failure.cause)
    """)
    assert done.stdout.startswith(f"2 None {cause}"), done.stderr


def test_an_error_of_ours_keeps_its_exit_code():
    done = script("""
        from reduction.errors import WriteError
        def work(job, index):
            raise WriteError("no space")
        with WorkerPool(work, "INFO") as runners:
            runners.start({1: None})
            failure = runners.wait(lambda: None)
        print(failure.runner, failure.exit_code, failure.cause)
    """)
    assert done.stdout == "1 6 no space\n"


def test_the_first_failure_ends_those_that_would_work_for_ever():
    done = script("""
        def work(job, index):
            if index == 1:
                raise ValueError("x")
            signal.pause()
        with WorkerPool(work, "INFO") as runners:
            runners.start({1: None, 2: None, 3: None})
            failure = runners.wait(lambda: None)
        print(failure.runner)
        with open(f"/proc/self/task/{os.getpid()}/children") as children:
            print("children:", children.read())
    """)
    assert done.stdout.startswith("2\n")
    assert done.stdout.endswith("children: \n")


def test_a_runner_that_does_not_listen_is_killed():
    done = script("""
        processes._GRACE = 0.2
        def work(job, index):
            if index == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                log.info("deaf")
                while True:
                    signal.pause()
            signal.pause()
        class Stop(Exception):
            pass
        heard = []
        def tick():
            if heard:
                raise Stop
        logging.getLogger("reduction").handlers[0].addFilter(lambda record: heard.append(1) or True)
        try:
            with WorkerPool(work, "INFO") as runners:
                runners.start({1: None, 2: None})
                runners.wait(tick)
        except Stop:
            print("stopped")
        with open(f"/proc/self/task/{os.getpid()}/children") as children:
            print("children:", children.read())
    """)
    assert done.stdout == "stopped\nchildren: \n", done.stderr


@each("number", "code", interrupted=("SIGINT", 130), terminated=("SIGTERM", 143))
def test_a_signal_at_the_very_moment_of_the_fork_leaves_no_runner_behind(number, code):
    """The runner would wait for ever: if it were forgotten, this script would wait for it."""
    done = script(f"""
        really = os.fork
        def fork():
            pid = really()
            if pid:
                os.kill(os.getpid(), signal.{number})
            return pid
        os.fork = fork
        def work(job, index):
            signal.pause()
        def run():
            with WorkerPool(work, "INFO") as runners:
                runners.start({{1: None, 2: None}})
                runners.wait(lambda: None)
        code = run_main(run)
        with open(f"/proc/self/task/{{os.getpid()}}/children") as children:
            print(code, "children:", children.read())
    """)
    assert done.stdout == f"{code} children: \n", done.stderr


def test_a_signal_while_runners_are_being_stopped_waits_until_they_are():
    done = script("""
        def work(job, index):
            signal.pause()
        really = os.waitpid
        def waitpid(pid, options):
            os.kill(os.getpid(), signal.SIGTERM)
            return really(pid, options)
        class Stop(Exception):
            pass
        def tick():
            os.waitpid = waitpid
            raise Stop
        def run():
            with WorkerPool(work, "INFO") as runners:
                runners.start({1: None, 2: None})
                runners.wait(tick)
        code = run_main(run)
        with open(f"/proc/self/task/{os.getpid()}/children") as children:
            print(code, "children:", children.read())
    """)
    assert done.stdout == "143 children: \n", done.stderr


def test_a_signal_to_the_whole_group_is_the_controllers_to_answer():
    done = script("""
        os.setpgid(0, 0)
        def work(job, index):
            log.info("here")
            signal.pause()
        here = []
        logging.getLogger("reduction").handlers[0].addFilter(lambda record: here.append(1) or True)
        def tick():
            if len(here) == 2:
                os.killpg(0, signal.SIGINT)
        def run():
            with WorkerPool(work, "INFO") as runners:
                runners.start({1: None, 2: None})
                runners.wait(tick)
        print(run_main(run))
    """)
    assert done.stdout == "130\n", done.stderr
    assert "Traceback" not in done.stderr
