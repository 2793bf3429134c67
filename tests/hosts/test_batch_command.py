"""`host-processor batch` as a real process: what it prints, what it says, how it ends."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

START = 1565647200000
LOG = f"{START} a b\n{START + 1} c a\n{START + 2} a d\nrubbish\n{START + 3} b d\n"
QUESTION = ["-H", "a", "-s", str(START), "-e", str(START + 9)]
COMMAND = [sys.executable, "-m", "reduction.hosts", "batch"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "connections.log"
    path.write_text(LOG)
    return path


def batch(*arguments: object, **how: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        **how,
    )
    sys.stdout.write(f"{done!r}\n")
    assert "Traceback" not in done.stderr
    return done


# What it prints ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "text"),
    [
        ("outgoing", "Hostnames connected to a:\nb,d\n"),
        ("incoming", "Hostnames that connected to a:\nc\n"),
        ("both", "Hostnames connected to a:\nb,d\nHostnames that connected to a:\nc\n"),
    ],
)
def test_each_direction_has_a_heading_and_a_line_of_hosts(log, direction, text):
    done = batch(*QUESTION, "-f", log, "--direction", direction)
    assert (done.returncode, done.stdout) == (0, text)


def test_outgoing_is_what_is_asked_unless_it_is_said(log):
    assert batch(*QUESTION, "-f", log).stdout == "Hostnames connected to a:\nb,d\n"


def test_nobody_is_an_empty_line(log):
    done = batch("-H", "nobody", "-s", START, "-e", START, "-f", log)
    assert (done.returncode, done.stdout) == (0, "Hostnames connected to nobody:\n\n")


def test_json_has_the_lists_asked_for_and_the_stats(log):
    reported = json.loads(batch(*QUESTION, "-f", log, "--format", "json", "--direction", "both").stdout)
    assert reported == {
        "host": "a",
        "start": START,
        "end": START + 9,
        "direction": "both",
        "outgoing": ["b", "d"],
        "incoming": ["c"],
        "lines_scanned": 5,
        "bytes_read": len(LOG),
        "bytes_total": len(LOG),
        "malformed": {"not-three-fields": 1},
    }
    reported = json.loads(batch(*QUESTION, "-f", log, "--format", "json", "--direction", "incoming").stdout)
    assert "outgoing" not in reported
    assert reported["incoming"] == ["c"]


def test_hosts_are_printed_as_utf_8_whatever_the_locale(tmp_path):
    (tmp_path / "x.log").write_text(f"{START} a Zoë\n", encoding="utf-8")
    environment = os.environ | {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"}
    for form in ("text", "json"):
        assert "Zoë" in batch(*QUESTION, "-f", tmp_path / "x.log", "--format", form, env=environment).stdout


def test_several_logs_folders_and_archives_are_one(log, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.txt").write_text(f"{START + 1} a early\n")
    (tmp_path / "packed").write_bytes(gzip.compress(f"{START + 5} a late\n".encode()))
    done = batch(*QUESTION, "-f", log, tmp_path / "packed", "-f", tmp_path / "folder")
    assert done.stdout.splitlines()[1] == "b,early,d,late"


@pytest.mark.parametrize("lines", [1, 7, 10_000_000])
def test_no_answer_depends_on_the_batch_size(log, lines):
    assert batch(*QUESTION, "-f", log, "-b", lines).stdout.splitlines()[1] == "b,d"


# What it says --------------------------------------------------------------------------------------------


def test_malformed_lines_are_reported_on_standard_error(log):
    done = batch(*QUESTION, "-f", log)
    assert "WARNING: 1 of 5 lines are malformed: 1 not-three-fields\n" in done.stderr
    assert f"'{log}', line 4: not-three-fields: 'rubbish'\n" in done.stderr


def test_without_anything_to_say_it_is_silent_unless_asked(log):
    log.write_text(LOG.replace("rubbish\n", ""))
    assert batch(*QUESTION, "-f", log).stderr == ""
    assert (
        f"bytes read: {log.stat().st_size} of {log.stat().st_size}; lines: 4"
        in batch(*QUESTION, "-f", log, "-v").stderr
    )


# How it ends ---------------------------------------------------------------------------------------------


def test_a_missing_log_is_exit_code_1(tmp_path):
    done = batch(*QUESTION, "-f", tmp_path / "none.log")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no such file: '" in done.stderr


def test_a_broken_archive_is_exit_code_1_and_no_answer(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(LOG.encode())[:-9])
    done = batch(*QUESTION, "-f", tmp_path / "a.gz")
    assert (done.returncode, done.stdout) == (1, "")
    assert "a.gz' cannot be read to its end" in done.stderr


def test_all_errors_of_a_question_are_reported_at_once(log):
    done = batch("-H", "a b", "-s", "soon", "-e", "12345", "-f", log)
    assert (done.returncode, done.stdout) == (3, "")
    assert "--host 'a b': must be UTF-8 without spaces and tabs" in done.stderr
    assert "--start soon: must be 13 digits" in done.stderr
    assert "--end 12345: must be 13 digits" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["-H", "a", "-s", START, "-e", START - 1], "is after --end"),
        (["-H", "", "-s", START, "-e", START], "--host '': must be"),
        (["-H", b"a\xff", "-s", START, "-e", START], "must be UTF-8"),
        (["-H", "a", "-s", START], "-e/--end"),
        ([*QUESTION, "-b", "0"], "must be a whole number, 1 or more"),
        ([*QUESTION, "--lateness", "-1"], "argument --lateness"),
        ([*QUESTION, "--direction", "up"], "argument --direction"),
    ],
)
def test_a_bad_question_is_exit_code_3(log, arguments, error):
    done = batch(*[os.fsdecode(a) if isinstance(a, bytes) else a for a in arguments], "-f", log)
    assert (done.returncode, done.stdout) == (3, "")
    assert error in done.stderr


def test_a_log_out_of_order_is_exit_code_5_and_no_answer(tmp_path):
    lines = [f"{START + 1000 * second} a b{second}\n" for second in range(7200)]
    lines[3600] = f"{START} a late\n"
    (tmp_path / "a.log").write_text("".join(lines))
    query = ["-H", "a", "-s", START + 3_600_000, "-e", START + 3_602_000, "-f", tmp_path / "a.log"]
    done = batch(*query)
    assert (done.returncode, done.stdout) == (5, "")
    assert "3599 s older than one before" in done.stderr
    assert batch(*query, "--full-scan").stdout.splitlines()[1] == "b3601,b3602"
    assert batch(*query, "--lateness", 3599).stdout.splitlines()[1] == "b3601,b3602"


def test_standard_output_that_is_full_is_exit_code_6(log):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *QUESTION, "-f", log], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 6
    assert b"cannot write to standard output: No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_reader_that_has_gone_is_no_error(log):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, *QUESTION, "-f", log], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert b"ERROR" not in done.stderr


def test_strict_prints_the_answer_and_ends_with_exit_code_7(log):
    done = batch(*QUESTION, "-f", log, "--strict")
    assert (done.returncode, done.stdout.splitlines()[1]) == (7, "b,d")
    log.write_text(LOG.replace("rubbish\n", ""))
    assert batch(*QUESTION, "-f", log, "--strict").returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_while_it_waits_for_a_log(log, tmp_path, number, code):
    os.mkfifo(tmp_path / "pipe")
    process = subprocess.Popen(
        [*COMMAND, *QUESTION, "-f", log, tmp_path / "pipe", log],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with (tmp_path / "pipe").open("wb"):  # returns when the process has opened the other end
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (code, b"")
    assert b"Traceback" not in stderr


def test_help_lists_every_argument():
    shown = batch("--help").stdout
    for argument in (
        "--host",
        "--start",
        "--end",
        "--file",
        "--direction",
        "--format",
        "--lateness",
        "--full-scan",
    ):
        assert argument in shown


# What is written about it --------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
SHOWN = re.compile(r"^\$ \.venv/bin/host-processor batch ((?:.*\\\n)*.*)\n((?:.+\n)+?)```$", re.MULTILINE)


def test_the_readme_shows_what_is_printed():
    shown = SHOWN.findall((ROOT / "docs/host-processor.md").read_text(encoding="utf-8"))
    assert len(shown) == 2
    for arguments, text in shown:
        assert batch(*shlex.split(arguments.replace("\\\n", " ")), cwd=ROOT).stdout == text


def test_a_question_waits_for_nothing_that_it_does_not_need(log):
    strangers = {"pandas", "numpy", "rich", "sqlite3", "watchdog", "gzip", "concurrent.futures"}
    script = (
        "import sys\nfrom reduction.hosts.__main__ import main\n"
        f"code = main({['batch', *QUESTION, '-f', str(log)]!r})\n"
        f"print(code, {strangers!r} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "0 set()"
