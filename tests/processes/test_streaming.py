"""The program `host-processor streaming` as a process: what it prints, moves, and ends with."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "task" / "hosts" / "connections.txt"
EIGHT = ["Athanasios", "Averyanna", "Giordana", "Jadon", "Manit", "Matina", "Nafeesa", "Zinn"]
PATIENCE = 60
PROGRAM = [sys.executable, "-m", "reduction.hosts", "streaming", "-H", "Aadvik"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that do not outlive the test."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def once(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, arguments), "--once"],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def start(started: list, *arguments: object, **variables: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | variables,
    )  # fmt: skip
    started.append(process)
    return process


def wait_for(condition) -> None:
    """Waits until it holds: what another process does can only be looked for."""
    looked = threading.Event()
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        looked.wait(0.01)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("batch", [1, 7, 1000, 1_000_000])
def test_the_sample_is_reported_and_put_away(folder, end, batch):
    (folder / "log.txt").write_bytes(SAMPLE.read_bytes().replace(b"\n", end.encode()))
    done = once("-T", folder, "--format", "json", "-b", batch)
    assert (done.returncode, done.stderr) == (0, "")
    reported = json.loads(done.stdout)
    assert (reported["outgoing"], reported["incoming"], reported["lines"]) == (EIGHT, ["Khiem"], 10_000)
    assert reported["busiest"] == {"hosts": ["Aadvik"], "connections": 8}
    assert (reported["clock"], reported["late"], reported["malformed"]) == ("processing", 0, {})
    assert [path.name for path in folder.rglob("*.txt")] == ["log.txt"]
    assert (folder / "processed" / "log.txt").exists()


def test_reports_are_text_to_read_unless_json_is_wanted(folder):
    (folder / "log.txt").write_bytes(SAMPLE.read_bytes())
    done = once("-T", folder)
    assert done.stdout.splitlines()[1:] == [
        "Hostnames connected to Aadvik:",
        ",".join(EIGHT),
        "Hostnames that connected to Aadvik:",
        "Khiem",
        "Busiest host, with 8 of 10,000 connections:",
        "Aadvik",
        "",
    ]


def test_that_nothing_came_is_reported_too(folder):
    done = once("-T", folder)
    assert done.returncode == 0
    assert "No connections came." in done.stdout


def test_a_file_that_drops_in_is_reported_in_its_time(folder, started):
    streaming = start(started, "-T", folder, "--format", "json", "--clock", "event")
    (folder / "log.tmp").write_bytes(SAMPLE.read_bytes())
    (folder / "log.tmp").rename(folder / "log.txt")
    reported = [json.loads(streaming.stdout.readline()) for _ in range(23)]
    assert sum(report["lines"] for report in reported) > 9_000
    assert {host for report in reported for host in report["outgoing"]} == set(EIGHT) - {"Giordana"}, (
        "still open"
    )
    wait_for((folder / "processed" / "log.txt").exists)


def test_without_events_of_the_system_the_folder_is_looked_at_again_and_again(tmp_path, folder, started):
    (tmp_path / "watchdog.py").write_text("raise ImportError('not installed here')\n")
    kept = ("-T", folder, "--format", "json", "--clock", "event")
    streaming = start(started, *kept, PYTHONPATH=str(tmp_path))
    assert "(not installed here): polling it every 0.5 s" in streaming.stderr.readline()
    for name, line in (("1", b"1565647204351 Aadvik Matina\n"), ("2", b"1565660000000 a b\n")):
        (folder / f"{name}.part").write_bytes(line)
        (folder / f"{name}.part").rename(folder / f"{name}.txt")
        wait_for((folder / "processed" / f"{name}.txt").exists)
    assert json.loads(streaming.stdout.readline())["outgoing"] == ["Matina"]


def test_by_processing_a_report_comes_every_so_many_seconds(folder, started):
    streaming = start(started, "-T", folder, "--format", "json", "-t", "1")
    reported = [json.loads(streaming.stdout.readline()) for _ in range(2)]
    assert [report["window_end"] - report["window_start"] for report in reported] == [1000, 1000]
    assert reported[1]["window_start"] == reported[0]["window_end"]
    assert [report["busiest"] for report in reported] == [None, None]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("clock", ["processing", "event"])
def test_a_signal_ends_it_with_the_open_window_reported(folder, started, number, code, clock):
    (folder / "log.txt").write_bytes(b"1565647204351 Aadvik Matina\n")
    streaming = start(started, "-T", folder, "--format", "json", "--clock", clock)
    wait_for((folder / "processed" / "log.txt").exists)
    streaming.send_signal(number)
    stdout, stderr = streaming.communicate(timeout=PATIENCE)
    assert streaming.returncode == code, stderr
    assert json.loads(stdout)["outgoing"] == ["Matina"]


def test_with_a_state_a_signal_leaves_the_window_open_for_the_next_start(tmp_path, folder, started):
    (folder / "1.txt").write_bytes(b"1565647204351 Aadvik Matina\n")
    kept = ("-T", folder, "--clock", "event", "--state", tmp_path / "state", "--output", tmp_path / "out")
    streaming = start(started, *kept, "--format", "json")
    wait_for((folder / "processed" / "1.txt").exists)
    streaming.terminate()
    assert streaming.communicate(timeout=PATIENCE)[0] == ""
    assert (streaming.returncode, (tmp_path / "out").read_text()) == (143, "")
    (folder / "2.txt").write_bytes(b"1565647204352 Aadvik Jadon\n")
    assert once(*kept, "--format", "json").returncode == 0
    assert json.loads((tmp_path / "out").read_text())["outgoing"] == ["Jadon", "Matina"]


def test_a_log_is_followed_while_it_grows(tmp_path, started):
    log = tmp_path / "app.log"
    log.write_bytes(b"1565647204351 Aadvik Matina\n")
    streaming = start(started, "--follow", log, "--format", "json", "--clock", "event", "-t", "60")
    with log.open("ab", buffering=0) as writer:
        writer.write(b"1565648000000 a b\n")
        assert json.loads(streaming.stdout.readline())["outgoing"] == ["Matina"]
        log.rename(tmp_path / "app.log.1")
        writer.write(b"1565648001000 Aadvik Zinn\n")
    log.write_bytes(b"1565649000000 a b\n")
    assert json.loads(streaming.stdout.readline())["outgoing"] == ["Zinn"]


def test_a_real_process_killed_again_and_again_writes_each_report_once(tmp_path, folder, started):
    """Killed with SIGKILL as soon as it has written some more, while files drop in."""
    lines = SAMPLE.read_bytes().splitlines(keepends=True)
    parts = [b"".join(lines[at : at + 2500]) for at in range(0, 10_000, 2500)]
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "log.txt").write_bytes(SAMPLE.read_bytes())
    event = ("--clock", "event", "--format", "json", "-b", 100)
    expected = once("-T", tmp_path / "whole", *event).stdout
    out = tmp_path / "out"
    out.touch()
    kept = ("-T", folder, *event, "--state", tmp_path / "state", "--output", out)
    for number, part in enumerate(parts):
        (folder / f"{number}.txt").write_bytes(part)
        before = out.stat().st_size
        streaming = start(started, *kept)
        wait_for(lambda before=before: out.stat().st_size > before)
        streaming.kill()
        streaming.wait(timeout=PATIENCE)
    assert once(*kept).returncode == 0
    assert out.read_text() == expected


def test_two_processes_with_one_state_are_rejected(tmp_path, folder, started):
    kept = ("-T", folder, "--state", tmp_path / "state")
    start(started, *kept)
    wait_for((tmp_path / "state" / "streaming.sqlite-wal").exists)
    done = once(*kept)
    assert (done.returncode, done.stdout) == (2, "")
    assert "another process" in done.stderr


def test_malformed_lines_are_counted_shown_and_with_strict_an_exit_code(folder):
    (folder / "log.txt").write_bytes(b"1565647204351 Aadvik Matina\n\nnonsense\n12 a b\n")
    done = once("-T", folder, "--strict", "--format", "json")
    assert done.returncode == 7
    assert json.loads(done.stdout)["malformed"] == {"not-a-time": 1, "not-three-fields": 1}
    assert "'log.txt', line 3: not-three-fields: 'nonsense'" in done.stderr
    assert "'log.txt', line 4: not-a-time: '12 a b'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-T", "missing"], 1, "the folder 'missing' does not exist"),
        (["--follow", "missing.log"], 1, "the log 'missing.log' cannot be read"),
        (["--follow", "missing/app.log"], 1, "the folder of 'missing/app.log' does not exist"),
        (["-T", ".", "--output", "missing/out"], 2, "'missing/out' cannot be written"),
        (["-T", ".", "--output", "out.txt"], 3, "would be read as a log"),
        (["-T", ".", "-t", "0"], 3, "1 or more"),
        (["-T", ".", "-t", "99999999"], 3, "a year"),
        (["-T", ".", "-H", "two words"], 3, "without spaces and tabs"),
        (["-T", ".", "--follow", "x"], 3, "not allowed with"),
        ([], 3, "is required"),
        (["-T", ".", "--output", "/dev/full"], 6, "No space left"),
    ],
)
def test_what_cannot_be_done_is_said_with_an_exit_code(folder, monkeypatch, arguments, code, message):
    monkeypatch.chdir(folder)
    done = once(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_state_is_not_used_for_another_question(tmp_path, folder):
    assert once("-T", folder, "--state", tmp_path / "state").returncode == 0
    done = once("-T", folder, "--state", tmp_path / "state", "-t", "60")
    assert done.returncode == 3
    assert "with -t 3600 (now 60)" in done.stderr


def test_the_readme_shows_what_is_printed(tmp_path):
    readme = (ROOT / "docs/host-processor.md").read_text(encoding="utf-8")
    [(setting_up, arguments, text)] = re.findall(
        r"^\$ (mkdir .*)\n\$ \.venv/bin/host-processor streaming (.*)\n((?:.*\n)+?)```$", readme, re.MULTILINE
    )
    assert setting_up == "mkdir -p logs && cp task/hosts/connections.txt logs"
    (tmp_path / "logs").mkdir()
    shutil.copy(SAMPLE, tmp_path / "logs")
    done = subprocess.run(
        [*PROGRAM[:3], "streaming", *shlex.split(arguments)],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    assert done.stdout == text


def test_help_names_every_argument():
    shown = subprocess.run(
        [*PROGRAM[:4], "--help"], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    arguments = (
        "--directory --follow --seconds --queue-size --clock --idle --once --output --state --live --lateness"
    )
    for argument in arguments.split():
        assert argument in shown.stdout


def test_live_is_a_table_on_a_terminal(folder):
    (folder / "log.txt").write_bytes(SAMPLE.read_bytes())
    terminal, end = pty.openpty()
    done = subprocess.Popen([*PROGRAM, "-T", folder, "--live", "--once"], stdout=end, stderr=end)
    os.close(end)
    shown = b""
    try:
        while chunk := os.read(terminal, 1 << 16):
            shown += chunk
    except OSError:
        pass  # the other end was closed
    os.close(terminal)
    assert done.wait(timeout=PATIENCE) == 0
    assert b"Connections of Aadvik" in shown
    assert b"Khiem" in shown


def test_live_without_a_terminal_prints_reports(folder):
    (folder / "log.txt").write_bytes(SAMPLE.read_bytes())
    done = once("-T", folder, "--live")
    assert "Giordana" in done.stdout
    assert "--live needs a terminal" in done.stderr
