"""Acceptance: the tasks, what goes in and what comes out, promise by promise, through `python reducer.py` and
(at the end) through `host-processor`.

Elsewhere: the ways to write CSV, addresses and the report (tests/cases); settings, exit codes, kills and
many nodes (tests/processes); logs, windows and kills of the Host processor (tests/hosts).
"""

import gzip
import os
import random
import re
from pathlib import Path

import pytest
from workdir import KEY, each, each_engine, host_processor, workdir  # noqa: F401 - pytest finds the fixture here

# ruff: noqa: F811 - asking for a fixture looks like a second definition of its name

TASK = Path(__file__).parent / "task" / "reducer"
SAMPLE = Path(__file__).parent / "task" / "hosts" / "connections.txt"


def names_in(folder: Path) -> list[str]:
    """What a folder holds, without what lies deeper."""
    return sorted(path.name for path in folder.iterdir())


# The task ------------------------------------------------------------------------------------------------


@each("lines", no_file=(None,), no_row=([],), no_valid_row=(["unknown", "300.1.1.1"],))
def test_01_without_valid_data_there_is_no_result(workdir, lines):
    workdir.csv("Asia Prod 0.csv", KEY, "1.1.1.1")
    assert workdir.reduce().combined == [("1.1.1.1", "Asia Prod")]
    (workdir.input / "Asia Prod 0.csv").unlink()
    if lines is not None:
        workdir.csv("Asia Prod.csv", KEY, *lines)
    outcome = workdir.reduce()
    assert outcome.exit_code == 0
    assert outcome.combined_bytes is None
    assert " - WARNING: " in outcome.stderr
    assert outcome.report["result"] is None
    assert outcome.report["rows"]["distinct"] == 0


@each_engine
def test_02_one_folder_of_valid_files(workdir, engine):
    outcome = workdir.reduce(input_dir=TASK / "exercise", runners=2, engine=engine)
    assert outcome.exit_code == 0
    assert outcome.combined_bytes == (TASK / "exercise.expected.csv").read_bytes()
    assert outcome.report["files"] == {"found": 4, "taken": 4, "ignored": []}


def test_03_a_tree_of_valid_files(workdir):
    workdir.csv("Asia Prod 1.csv", KEY, "3.3.3.3", "1.1.1.1")
    workdir.csv("2026/05/Asia Prod 1.csv", KEY, "2.2.2.2", "1.1.1.1")
    workdir.csv("NA Prod 1.csv/EMEA Test.csv", KEY, "1.1.1.1")  # a folder may be called like a file
    outcome = workdir.reduce(runners=2)
    assert outcome.exit_code == 0
    assert outcome.combined == [
        ("1.1.1.1", "Asia Prod"),
        ("1.1.1.1", "EMEA Test"),
        ("2.2.2.2", "Asia Prod"),
        ("3.3.3.3", "Asia Prod"),
    ]


def test_04_other_files_are_ignored_and_named(workdir):
    workdir.csv("Asia Prod.csv", KEY, "1.1.1.1")
    workdir.file("notes.txt", "Source IP\n8.8.8.8\n")
    workdir.csv("Combined.csv", "Source IP,Environment", "9.9.9.9,Old Prod")
    outcome = workdir.reduce()
    assert outcome.exit_code == 0
    assert outcome.combined == [("1.1.1.1", "Asia Prod")]
    assert outcome.ignored == {"notes.txt": "other-type", "Combined.csv": "own-result"}


def test_05_broken_rows_and_files_do_not_spoil_the_others(workdir):
    workdir.csv("Asia Prod 1.csv", "Source IP,Count", "1.1.1.1,5", "oops", "2.2.2.2,5,5", "3.3.3.3,7")
    workdir.file("Asia Prod 2.csv", 'Source IP,Note\n4.4.4.4,fine\n5.5.5.5,"cut o')
    outcome = workdir.reduce()
    assert outcome.exit_code == 0
    assert outcome.combined == [("1.1.1.1", "Asia Prod"), ("3.3.3.3", "Asia Prod")]
    assert outcome.rejected == {"not-an-address": 1, "too-many-fields": 1}
    assert outcome.ignored == {"Asia Prod 2.csv": "broken"}


@each_engine
def test_06_a_file_without_the_key_column_is_ignored_and_its_header_named(workdir, engine):
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1")
    workdir.csv("Asia Prod 2.csv", "Host,Port", "2.2.2.2,443")
    outcome = workdir.reduce("--inline", engine=engine)
    assert outcome.exit_code == 0
    assert outcome.combined == [("1.1.1.1", "Asia Prod")]
    (entry,) = outcome.report["files"]["ignored"]
    assert (entry["path"], entry["reason"]) == ("Asia Prod 2.csv", "no-key-column")
    assert "Host" in entry["detail"]
    assert "Port" in entry["detail"]


@each("name", missing=("nowhere",), not_a_folder=("Asia Prod.csv",))
def test_07_without_an_input_directory_the_exit_code_is_1(workdir, name):
    workdir.csv("Asia Prod.csv", KEY, "1.1.1.1")
    before = workdir.reduce().combined_bytes
    outcome = workdir.reduce(input_dir=workdir.input / name)
    assert outcome.exit_code == 1
    assert name in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert outcome.combined_bytes == before


@each("name", missing=("nowhere",), not_a_folder=("Asia Prod.csv",))
def test_08_without_an_output_directory_the_exit_code_is_2(workdir, name):
    workdir.csv("Asia Prod.csv", KEY, "1.1.1.1")
    outcome = workdir.reduce(output_dir=workdir.input / name)
    assert outcome.exit_code == 2
    assert name in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert names_in(workdir.input) == ["Asia Prod.csv"]


def test_09_many_runners_are_as_many_processes_with_one_result(workdir):
    for n in range(1, 10):
        workdir.csv(f"Asia Prod {n}.csv", KEY, f"{n}.{n}.{n}.{n}", "10.10.10.10")
    outcome = workdir.reduce(runners=7, log_level="DEBUG")
    assert outcome.exit_code == 0
    assert outcome.addresses == [f"{n}.{n}.{n}.{n}" for n in range(1, 11)]
    started = re.findall(r"Runner \[(\d+)\] - DEBUG: started, pid (\d+)", outcome.stderr)
    assert sorted(runner for runner, _ in started) == list("1234567")
    assert len({pid for _, pid in started}) == 7


@each("name", new_environment=("aaa bbb.csv",), new_part=("aaa bbb ccc.csv",))
def test_10_and_11_a_new_file_is_part_of_the_next_run(workdir, name):
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1")
    assert workdir.reduce().combined == [("1.1.1.1", "Asia Prod")]
    workdir.csv(name, KEY, "2.2.2.2")
    assert workdir.reduce().combined == [("1.1.1.1", "Asia Prod"), ("2.2.2.2", "aaa bbb")]


# What goes in: names and kinds of files ------------------------------------------------------------------

TAKEN = {
    "Asia Prod.csv": "Asia Prod",
    "Asia Prod 1.csv": "Asia Prod",
    "Asia Prod part_id-7.csv": "Asia Prod",
    "deep/er/NA Prod 1.csv": "NA Prod",
    "asia prod x.csv": "asia prod",
    "Größe Süd ü.csv": "Größe Süd",
    "A,B C'D.csv": "A,B C'D",
    '"Q" Prod.csv': '"Q" Prod',
    "1 2 3.csv": "1 2",
}
IGNORED = {
    "Asia.csv": "other-name",
    "Asia Prod 1 2.csv": "other-name",
    "Asia  Prod.csv": "other-name",
    "Asia Prod .csv": "other-name",
    " Asia Prod.csv": "other-name",
    "Asia Prod  1.csv": "other-name",
    "Asia Prod 1.2.csv": "other-name",
    "Asia Prod.csv.csv": "other-name",
    "deep/Asia.Prod 1.csv": "other-name",
    "notes.txt": "other-type",
    "Asia Prod": "other-type",
    "Asia Prod.csv~": "other-type",
    "Asia Prod 1.csv.gz": "other-type",
    "Asia Prod 1.CSV": "other-type",
    ".Asia Prod.csv": "hidden",
    "deep/.Asia Prod 1.csv": "hidden",
    "Combined.csv": "own-result",
    "Combined.report.json": "own-result",
}


def test_the_name_decides_what_is_input_and_of_which_environment(workdir):
    for name in [*TAKEN, *IGNORED]:
        workdir.csv(name, KEY, "1.1.1.1")
    outcome = workdir.reduce()
    assert outcome.ignored == IGNORED
    assert outcome.report["files"]["taken"] == len(TAKEN)
    assert outcome.combined == [
        ("1.1.1.1", environment) for environment in sorted(set(TAKEN.values()), key=str.encode)
    ]


def test_a_hidden_folder_is_named_once_and_not_entered(workdir):
    workdir.csv("deep/.git/Asia Prod 1.csv", KEY, "1.1.1.1")
    workdir.csv("deep/.git/Asia Prod 2.csv", KEY, "2.2.2.2")
    outcome = workdir.reduce()
    assert outcome.combined is None
    assert outcome.ignored == {"deep/.git": "hidden"}


def test_links_to_files_are_read_and_links_to_folders_are_not_followed(workdir):
    workdir.csv("deep/Asia Prod.csv", KEY, "1.1.1.1")
    (workdir.root / "elsewhere").write_text("Source IP\n2.2.2.2\n")
    (workdir.input / "NA Prod.csv").symlink_to(workdir.root / "elsewhere")
    (workdir.input / "deep/again").symlink_to(workdir.input, target_is_directory=True)
    outcome = workdir.reduce()
    assert outcome.exit_code == 0
    assert outcome.combined == [("1.1.1.1", "Asia Prod"), ("2.2.2.2", "NA Prod")]
    assert outcome.ignored == {"deep/again": "folder-link"}


def test_a_pipe_with_the_name_of_an_export_does_not_hang_the_run(workdir):
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1")
    os.mkfifo(workdir.input / "Asia Prod 2.csv")
    outcome = workdir.reduce()
    assert outcome.combined == [("1.1.1.1", "Asia Prod")]
    assert outcome.ignored == {"Asia Prod 2.csv": "not-a-file"}


def test_a_name_that_is_not_utf8_does_no_harm_and_is_accounted_for(workdir):
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1")
    workdir.csv(os.fsdecode(b"Asia Prod \xff.csv"), KEY, "1.1.1.1", "oops")
    workdir.csv(os.fsdecode(b"Asia \xff 1 2.csv"), KEY, "1.1.1.1")
    outcome = workdir.reduce(log_level="DEBUG")
    assert outcome.exit_code == 0
    assert outcome.combined == [("1.1.1.1", "Asia Prod")]
    assert outcome.report["files"]["found"] == 3
    assert "other-name" in outcome.ignored.values()


def test_a_file_that_vanishes_before_it_is_read_does_not_stop_the_run(workdir):
    workdir.csv("Asia Prod 0.csv", KEY, "1.1.1.1")
    workdir.big("Asia Prod 1.csv", rows=500_000)
    late = workdir.csv("Asia Prod 2.csv", KEY, "2.2.2.2")
    running = workdir.start(log_level="DEBUG")
    running.wait_for("reading 'Asia Prod 1.csv'")
    late.unlink()
    outcome = running.finish()
    assert outcome.exit_code == 0
    assert "1.1.1.1" in outcome.addresses
    assert outcome.ignored["Asia Prod 2.csv"] in {"broken", "changed-while-read"}


def test_files_are_shared_in_the_byte_order_of_their_paths(workdir):
    right = [
        "B x.csv",
        "a b.csv",
        "a b/x y.csv",
        "a-b x.csv",
        "a/x 1.csv",
        "a/x y.csv",
        "a0 b.csv",
        "Ü x.csv",
    ]
    for name in right:
        workdir.csv(name, KEY, "1.1.1.1")
    outcome = workdir.reduce(runners=3, log_level="DEBUG")
    read = re.findall(r"Runner \[(\d)\] - DEBUG: reading '(.*)'", outcome.stderr)
    for runner in (1, 2, 3):
        assert [name for who, name in read if who == str(runner)] == right[runner - 1 :: 3]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_broken(workdir):
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1")
    workdir.csv("Asia Prod 2.csv", KEY, "2.2.2.2").chmod(0)
    outcome = workdir.reduce()
    assert outcome.combined == [("1.1.1.1", "Asia Prod")]
    assert outcome.ignored == {"Asia Prod 2.csv": "broken"}


@each_engine
def test_a_file_that_changes_while_it_is_read_does_not_count(workdir, engine):
    workdir.csv("Asia Prod 1.csv", KEY, "1.1.1.1")
    big = workdir.big("Asia Prod 2.csv", rows=1_000_000)
    running = workdir.start(engine=engine, log_level="DEBUG")
    running.wait_for("reading 'Asia Prod 2.csv'")
    with big.open("ab") as file:
        file.write(b"9.9.9.9,1\n")
    outcome = running.finish()
    assert outcome.exit_code == 0
    assert outcome.combined == [("1.1.1.1", "Asia Prod")]
    assert outcome.ignored == {"Asia Prod 2.csv": "changed-while-read"}
    assert outcome.report["rows"]["read"] == 1


# What comes out ------------------------------------------------------------------------------------------


@each_engine
def test_the_order_is_v4_before_v6_by_number_then_environment_by_bytes(workdir, engine):
    right = ["0.0.0.1", "1.9.9.9", "1.10.0.0", "9.255.0.0", "10.0.0.0", "128.0.0.0", "255.255.255.255"]
    right += ["::", "::9", "::10", "::a:0", "1::", "a::", "10::", "2001:db8::9", "2001:db8::a", "8000::"]
    environments = ["Asia Prod", "Asia Zone", "a b", "asia Prod", "Ásia Prod"]
    for seed, environment in enumerate(environments):
        lines = random.Random(seed).sample(right, len(right))
        workdir.csv(f"{environment} {seed}.csv", KEY, *lines)
    outcome = workdir.reduce(runners=3, engine=engine)
    assert outcome.combined == [(address, environment) for address in right for environment in environments]


def test_the_result_is_plain_csv(workdir):
    workdir.file("a,b c.csv", "Source IP,x\r\n2.2.2.2,1\r\n1.1.1.1,1\r\n")
    workdir.csv("Ü x.csv", KEY, "1.1.1.1")
    right = 'Source IP,Environment\n1.1.1.1,"a,b c"\n1.1.1.1,Ü x\n2.2.2.2,"a,b c"\n'
    assert workdir.reduce().combined_bytes == right.encode()


@each("engine", "runners", "batch_size", "compact_at", "split_size",
    reference_1_runner=("reference", 1, 250_000, 1_000_000, "64MiB"),
    reference_2_runners=("reference", 2, 1000, 1, "1KiB"),
    reference_3_runners=("reference", 3, 7, 100, 0),
    reference_7_runners=("reference", 7, 1, 1000, 4096),
    pandas_1_runner=("pandas", 1, 250_000, 1_000_000, "64 MiB"),
    pandas_2_runners=("pandas", 2, 50, 1, "1KiB"),
    pandas_3_runners=("pandas", 3, 10, 100, 0),
    pandas_7_runners=("pandas", 7, 1000, 1000, 4096),
    auto=("auto", 2, 100, 100, 1024),
)  # fmt: skip
def test_the_same_input_gives_the_same_bytes(workdir, engine, runners, batch_size, compact_at, split_size):
    outcome = workdir.reduce(
        input_dir=TASK / "regions",
        engine=engine,
        runners=runners,
        batch_size=batch_size,
        compact_at=compact_at,
        split_size=split_size,
    )
    assert outcome.exit_code == 0
    assert outcome.combined_bytes == (TASK / "regions.expected.csv").read_bytes()


def test_inline_gives_the_same_bytes(workdir):
    outcome = workdir.reduce("--inline", input_dir=TASK / "regions", runners=3)
    assert outcome.combined_bytes == (TASK / "regions.expected.csv").read_bytes()


@each("folder", the_same=("",), below=("out/",))
def test_the_output_directory_may_be_in_the_input_tree(workdir, folder):
    workdir.csv("Asia Prod.csv", KEY, "1.1.1.1")
    (workdir.input / folder).mkdir(exist_ok=True)
    workdir.set(output_dir=workdir.input / folder)
    first, second = workdir.reduce(), workdir.reduce()
    assert first.combined == second.combined == [("1.1.1.1", "Asia Prod")]
    assert first.ignored == {}
    assert second.ignored == {
        f"{folder}Combined.csv": "own-result",
        f"{folder}Combined.report.json": "own-result",
    }
    assert second.leftovers == []


def test_an_input_directory_of_its_own_is_left_alone(workdir):
    path = workdir.csv("Asia Prod.csv", KEY, "1.1.1.1")
    before = path.stat()
    outcome = workdir.reduce(runners=2)
    assert names_in(workdir.input) == ["Asia Prod.csv"]
    assert (path.stat().st_mtime_ns, path.stat().st_size) == (before.st_mtime_ns, before.st_size)
    assert names_in(workdir.output) == ["Combined.csv", "Combined.report.json"]
    assert outcome.leftovers == []


# The Host processor: looking back ------------------------------------------------------------------------

BETWEEN = ("-s", 1565647212986, "-e", 1565647460814)


def test_batch_finds_whom_a_host_connected_to_between_two_moments():
    outcome = host_processor("batch", "-H", "Aadvik", *BETWEEN, "-f", SAMPLE)
    assert outcome.returncode == 0
    assert outcome.stdout == "Hostnames connected to Aadvik:\nJadon,Nafeesa,Averyanna\n"
    assert outcome.stderr == ""


def test_batch_finds_who_connected_to_a_host():
    outcome = host_processor("batch", "-H", "Aadvik", *BETWEEN, "-f", SAMPLE, "--direction", "incoming")
    assert outcome.stdout.splitlines()[1:] == ["Khiem"]


@each("end", "pack", lf=(b"\n", bytes), crlf=(b"\r\n", bytes), packed=(b"\n", gzip.compress))
def test_batch_reads_logs_as_they_come(tmp_path, end, pack):
    (tmp_path / "connections.txt").write_bytes(pack(SAMPLE.read_bytes().replace(b"\n", end)))
    outcome = host_processor("batch", "-H", "Aadvik", *BETWEEN, "-f", tmp_path)
    assert outcome.stdout.splitlines()[1:] == ["Jadon,Nafeesa,Averyanna"]


def test_batch_reports_all_of_a_day_by_the_clock():
    day = ("-s", "2019-08-12T22:00:00Z", "-e", "2019-08-14")
    outcome = host_processor("batch", "-H", "Aadvik", *day, "-f", SAMPLE)
    eight = "Matina,Jadon,Nafeesa,Averyanna,Zinn,Manit,Athanasios,Giordana"
    assert outcome.stdout.splitlines()[1:] == [eight]
