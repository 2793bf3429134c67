"""Objects in, objects out: byte for byte what one machine makes of the same files."""

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
    assert samples.working_folders() == []


def test_the_report_says_of_objects_what_it_says_of_files(samples):
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
def test_input_and_output_are_chosen_apart(world, how):
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


def test_the_output_may_be_where_the_input_is(world):
    world.csv("Asia Prod.csv", KEY, "1.1.1.1")
    for _ in range(2):
        world.succeeds(output_dir=world.tree)
        assert world.get("in/Combined.csv") == SIMPLE
    assert json.loads(world.get("in/Combined.report.json"))["files"]["found"] == 3


@each(
    "address",
    whole_bucket=("s3://{}",),
    slash_at_the_end=("s3://{}/in/",),
    of_one_folder=("s3://{}/in/deep",),
)
def test_any_prefix_may_be_the_tree(world, address):
    world.csv("deep/Asia Prod.csv", KEY, "1.1.1.1")
    world.put("in/deeper/EU Prod.csv", b"no such column\n")
    world.put("inner/EU Prod.csv", b"no such column\n")
    world.succeeds(input_dir=address.format(world.bucket))
    assert world.combined == SIMPLE


@each("engine", native=("native",), pandas=("pandas",))
def test_large_objects_are_read_in_ranges_and_archives_are_unpacked(world, engine):
    world.file("Asia Prod big.csv", rows(900_000, 1))
    world.file("Asia Prod packed.csv", gzip.compress(rows(1_500_000, 2), 1))
    world.file("NA Prod empty.csv", b"")
    world.file("EU Prod.csv", b"\xef\xbb\xbf" + rows(10, 3))
    world.succeeds(engine=engine)
    assert world.combined == world.of_folders(engine="native")
    big = [
        request
        for request in world.proxy.requests
        if request.startswith("GET") and "Asia Prod big" in request
    ]
    assert len(big) == 2


def test_no_more_runners_than_one_change_the_bytes(world):
    for n in range(23):
        world.file(f"part {n % 3}/Asia Prod {n}.csv", rows(500, n))
    expected = world.of_folders()
    for runners in (1, 5):
        world.succeeds(runners=runners)
        assert world.combined == expected


def test_more_objects_than_a_page_of_the_listing_are_found(world):
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
def test_keys_may_be_as_odd_as_the_store_allows(world, engine):
    taken = 0
    for n, name in enumerate(ODD):
        world.put(f"in/{name}", f"{KEY}\n1.1.1.{n}\n".encode())
    world.succeeds(engine=engine)
    report = json.loads(world.get("out/Combined.report.json"))
    taken = report["files"]["taken"]
    hidden = {file["path"]: file["reason"] for file in report["files"]["ignored"]}
    assert hidden == {"../": "hidden", "./": "hidden"}, "as with folders of such names"
    assert taken == len(ODD) - 2
    assert len(world.combined.splitlines()) == 1 + taken


def test_names_are_judged_as_those_of_files(world):
    world.csv("Asia Prod.csv", KEY, "1.1.1.1")
    for key in (
        ".hidden/a/EU Prod.csv", ".hidden/EU Prod.csv", "deep/.Asia Prod.csv", "EU.csv", "EU Prod.txt",
        "Combined.csv", "folder/", ".Combined_7.csv", "x/.Combined_1.json",
    ):  # fmt: skip
        world.put(f"in/{key}", b"" if key.endswith("/") else b"Source IP\n9.9.9.9\n")
    world.succeeds()
    assert world.combined == SIMPLE
    ignored = {
        e["path"]: e["reason"] for e in json.loads(world.get("out/Combined.report.json"))["files"]["ignored"]
    }
    assert ignored == {
        ".hidden/": "hidden", "deep/.Asia Prod.csv": "hidden", "EU.csv": "other-name",
        "EU Prod.txt": "other-type", "Combined.csv": "own-result",
    }  # fmt: skip


def test_without_a_valid_row_there_is_no_result_afterwards(world):
    world.put("out/Combined.csv", SIMPLE)
    world.csv("Asia Prod.csv", KEY, "oops")
    world.succeeds()
    assert world.listed() == ["Combined.report.json"]


def test_many_ranges_and_objects_are_asked_for_at_once(world):
    """The proxy answers no GET of an object before four of them wait: one after the other would never end."""
    for n in range(4):
        world.csv(f"Asia Prod {n}.csv", KEY, f"1.1.1.{n}")
    together = threading.Barrier(4, timeout=30)
    world.proxy.add("GET", r"Asia Prod", before=together.wait)
    world.succeeds(runners=1)
    assert world.combined == world.of_folders()


def test_the_controller_has_no_second_thread_when_it_forks(world):
    """A warning of Python's own, from 3.12 on, and a deadlock in the worst case."""
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
