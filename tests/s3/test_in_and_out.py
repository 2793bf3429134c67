"""Input and output in object storage: the same bytes as from the same files in a folder."""

import gzip
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from workdir import KEY, ROOT, each, each_engine

SAMPLES = ROOT / "task" / "reducer"
SIMPLE = b"Source IP,Environment\n1.1.1.1,Asia Prod\n"


@pytest.fixture
def samples(world):
    for path in sorted((SAMPLES / "regions").rglob("*")):
        if path.is_file() and not path.is_symlink():
            world.put(f"in/{path.relative_to(SAMPLES / 'regions').as_posix()}", path.read_bytes())
    return world


def rows(count: int, seed: int) -> bytes:
    draw = random.Random(seed)
    lines = (f"10.{draw.randrange(9)}.{draw.randrange(256)}.{draw.randrange(256)},x\n" for _ in range(count))
    return ("Source IP,Text\n" + "".join(lines)).encode()


@each_engine
def test_the_sample_tree_gives_the_expected_bytes(samples, engine):
    outcome = samples.succeeds(engine=engine)
    assert samples.combined == (SAMPLES / "regions.expected.csv").read_bytes()
    assert samples.listed() == ["Combined.csv", "Combined.report.json"]
    assert f"result: {samples.out}/Combined.csv" in outcome.stderr
    assert samples.scratch_folders() == []


def test_the_report_of_objects_equals_that_of_files(samples):
    samples.succeeds()
    files, all_rows = (
        json.loads(samples.get("out/Combined.report.json"))[part] for part in ("files", "rows")
    )
    local = samples.workdir.reduce(input_dir=SAMPLES / "regions", output_dir=samples.workdir.output).report
    assert all_rows == local["rows"]
    assert files["taken"] == local["files"]["taken"]
    linked = {"folder-link", "not-a-file"}  # there are no such objects
    assert [file for file in local["files"]["ignored"] if file["reason"] not in linked] == files["ignored"]


@each("how", objects_to_folder=("output",), folder_to_objects=("input",), in_one_process=("--inline",))
def test_input_and_output_may_be_of_different_kinds(world, how):
    world.csv("Asia Prod 1.csv", KEY, "2.2.2.2", "1.1.1.1")
    world.csv("deep/er/NA Prod.csv", KEY, "1.1.1.1")
    expected = world.of_folders()
    if how == "--inline":
        world.succeeds("--inline")
        assert world.combined == expected
    elif how == "output":
        (world.workdir.root / "new").mkdir()
        assert world.succeeds(output_dir=world.workdir.root / "new").combined_bytes == expected
    else:
        world.succeeds(input_dir=world.workdir.input)
        assert world.combined == expected


def test_input_and_output_may_be_the_same_prefix(world):
    world.csv("Asia Prod.csv", KEY, "1.1.1.1")
    for _ in range(2):
        world.succeeds(output_dir=world.tree)
        assert world.get("in/Combined.csv") == SIMPLE
    assert json.loads(world.get("in/Combined.report.json"))["files"]["found"] == 3


@each(
    "url",
    whole_bucket=("s3://{}",),
    slash_at_the_end=("s3://{}/in/",),
    of_one_folder=("s3://{}/in/deep",),
)
def test_any_prefix_may_be_the_tree(world, url):
    world.csv("deep/Asia Prod.csv", KEY, "1.1.1.1")
    world.put("in/deeper/EU Prod.csv", b"no such column\n")
    world.put("inner/EU Prod.csv", b"no such column\n")
    world.succeeds(input_dir=url.format(world.bucket))
    assert world.combined == SIMPLE


@each("engine", native=("native",), pandas=("pandas",))
def test_large_objects_are_read_in_ranges_and_archives_are_decompressed(world, engine):
    world.file("Asia Prod big.csv", rows(900_000, 1))
    world.file("Asia Prod packed.csv", gzip.compress(rows(1_500_000, 2), 1))
    world.file("NA Prod empty.csv", b"")
    world.file("EU Prod.csv", b"\xef\xbb\xbf" + rows(10, 3))
    world.succeeds(engine=engine)
    assert world.combined == world.of_folders(engine="native")
    big = [line for line in world.proxy.requests if line.startswith("GET") and "Asia Prod big" in line]
    assert len(big) == 2


def test_the_number_of_runners_does_not_change_the_bytes(world):
    for n in range(23):
        world.file(f"part {n % 3}/Asia Prod {n}.csv", rows(500, n))
    expected = world.of_folders()
    for runners in (1, 5):
        world.succeeds(runners=runners)
        assert world.combined == expected


def test_a_listing_of_several_pages_is_read_completely(world):
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda n: world.csv(f"{n % 7}/Asia Prod {n}.csv", KEY, f"1.1.{n // 256}.{n % 256}"),
                range(1234),
            )
        )
    world.succeeds()
    assert world.combined == world.of_folders()
    assert json.loads(world.get("out/Combined.report.json"))["files"]["taken"] == 1234


ODD = [
    "a b/Asia Prod 1.csv", "a+b/Asia Prod 2.csv", "100%25/Asia Prod 3.csv", "ümläut/Asia Prod 4.csv",
    "日本/Asia Prod ü.csv", "//Asia Prod 5.csv", "x//y/Asia Prod 6.csv", "../Asia Prod 7.csv",
    "./Asia Prod 8.csv", "q?x=1#y&z/Asia Prod 9.csv", "\U0001f680/Asia Prod 10.csv",
    "~*'()!/Asia Prod 11.csv", "Asia Prod\u00a0x 12.csv",
]  # fmt: skip


@each_engine
def test_keys_may_have_any_characters_that_the_store_allows(world, engine):
    for n, name in enumerate(ODD):
        world.put(f"in/{name}", f"{KEY}\n1.1.1.{n}\n".encode())
    world.succeeds(engine=engine)
    report = json.loads(world.get("out/Combined.report.json"))
    accepted = report["files"]["taken"]
    skipped = {file["path"]: file["reason"] for file in report["files"]["ignored"]}
    assert skipped == {"../": "hidden", "./": "hidden"}, "as with folders of such names"
    assert accepted == len(ODD) - 2
    assert len(world.combined.splitlines()) == 1 + accepted


def test_the_rules_of_file_names_apply_to_keys(world):
    world.csv("Asia Prod.csv", KEY, "1.1.1.1")
    for key in (
        ".hidden/a/EU Prod.csv", ".hidden/EU Prod.csv", "deep/.Asia Prod.csv", "EU.csv", "EU Prod.txt",
        "Combined.csv", "folder/", ".Combined_7.csv", "x/.Combined_1.json",
    ):  # fmt: skip
        world.put(f"in/{key}", b"" if key.endswith("/") else b"Source IP\n9.9.9.9\n")
    world.succeeds()
    assert world.combined == SIMPLE
    skipped = {
        e["path"]: e["reason"] for e in json.loads(world.get("out/Combined.report.json"))["files"]["ignored"]
    }
    assert skipped == {
        ".hidden/": "hidden", "deep/.Asia Prod.csv": "hidden", "EU.csv": "other-name",
        "EU Prod.txt": "other-type", "Combined.csv": "own-result",
    }  # fmt: skip


def test_without_a_valid_row_the_old_result_is_deleted(world):
    world.put("out/Combined.csv", SIMPLE)
    world.csv("Asia Prod.csv", KEY, "oops")
    world.succeeds()
    assert world.listed() == ["Combined.report.json"]


def test_several_objects_are_fetched_at_the_same_time(world):
    """The proxy responds to the first GET when four of them wait: sequential requests would never end."""
    for n in range(4):
        world.csv(f"Asia Prod {n}.csv", KEY, f"1.1.1.{n}")
    together = threading.Barrier(4, timeout=30)
    world.proxy.add("GET", r"Asia Prod", before=together.wait)
    world.succeeds(runners=1)
    assert world.combined == world.of_folders()


def test_the_controller_has_only_one_thread_when_it_forks(world):
    """Otherwise Python warns, from 3.12 on, and a runner could deadlock."""
    world.csv("Asia Prod.csv", KEY, "1.1.1.1")
    script = """if True:
        import os, reducer
        real = os.fork
        def fork():
            with open("threads", "a") as file: print(len(os.listdir("/proc/self/task")), file=file)
            return real()
        os.fork = fork
        raise SystemExit(reducer.main([]))
    """
    runner = world.workdir.root / "fork.py"
    runner.write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\nexec({script!r})\n")
    assert world.workdir.start(str(runner)).finish().exit_code == 0
    assert (world.workdir.root / "threads").read_text().split() == ["1", "1"]
    assert world.combined == SIMPLE
