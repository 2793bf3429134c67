"""One huge object for all runners and nodes: the same bytes and stats as of a file, in few requests."""

import gzip
import json
import re

import pytest
from random_csv import deceiving
from workdir import KEY, each

FACTS = ("bytes", "files", "rows", "addresses", "result")
OLD = b"Source IP,Environment\n9.9.9.9,Old Prod\n"
LARGE = "Asia Prod.csv"
EXPIRED = "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
ROWS = [f'10.{n >> 8 & 255}.{n & 255}.1,"a\n{n}"' for n in range(24_000)]
PLAIN = "\n".join([f"{KEY},Note", *ROWS, "no,x", *ROWS[:50], ""]).encode()
SPLIT = 100_000
UNITS = -(-len(PLAIN) // SPLIT)
DECEIVING = deceiving(rows=4000)


@pytest.fixture
def one(world, monkeypatch):
    """A large object with quotes and a bad row, a small one, and an old result; three runners."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    world.file(LARGE, PLAIN)
    world.csv("deep/NA Prod.csv", KEY, "8.8.8.8")
    world.put("out/Combined.csv", OLD)
    world.workdir.set(runners=3, split_size=SPLIT)
    return world


def facts(world) -> dict[str, object]:
    report = json.loads(world.get("out/Combined.report.json"))
    return {name: report[name] for name in FACTS} | {"combined": world.combined}


def expected(world) -> dict[str, object]:
    """What the reference engine says of the same files in a folder."""
    how = {"input_dir": world.workdir.input, "output_dir": world.workdir.output, "runners": 1}
    outcome = world.workdir.reduce(engine="reference", **how)
    assert outcome.exit_code == 0
    return {name: outcome.report[name] for name in FACTS} | {"combined": outcome.combined_bytes}


def requests_of(world, name: str = LARGE) -> int:
    return sum(
        request.startswith("GET") and request.endswith(f"in/{name}") for request in world.proxy.requests
    )


def test_runners_share_one_object_and_each_fetches_its_head_once(one):
    outcome = one.succeeds(log_level="DEBUG")
    assert facts(one) == expected(one)
    readers = re.findall(r"Runner \[(\d)\] - DEBUG: reading 'Asia Prod.csv', bytes", outcome.stderr)
    assert set(readers) == {"1", "2", "3"}
    assert len(readers) == UNITS > 4
    assert "once more" not in outcome.stderr
    assert requests_of(one) == 3 + UNITS


def test_nodes_and_runners_alone_share_one_object(one):
    one.succeeds(mode="reduce", low=1, high=2)
    assert one.workdir.run_one(3).exit_code == 0
    assert one.workdir.run_one(1).exit_code == 0, "a runner may do its part again"
    assert one.combined == OLD
    one.succeeds(mode="collect")
    assert facts(one) == expected(one)


@each("engine", pandas=("pandas",), reference=("reference",))
def test_engines_that_do_not_cut_read_it_whole(one, engine):
    outcome = one.succeeds(engine=engine, log_level="DEBUG")
    assert facts(one) == expected(one)
    assert outcome.stderr.count("reading 'Asia Prod.csv'") == 1


LONG = b'"' + b"x" * 150_000 + b'"'


@each(
    "content",
    windows_lines=(b"\xef\xbb\xbf\r\n" + PLAIN.replace(b"\n", b"\r\n"),),
    long_rows=(b"Note,Source IP\n" + LONG + b",1.1.1.1\n" + LONG + b",no\n" + b",2.2.2.2\n" * 30_000,),
    long_header=(LONG + b",Source IP\n" + b",2.2.2.2\n" * 30_000 + LONG + b",1.1.1.1\n",),
    nothing_but_a_header=(LONG * 3 + b",Source IP",),
    no_key=(PLAIN.replace(b"Source", b"Target"),),
    nul=(PLAIN + b"\0\n1.1.1.1\n",),
    open_quote=(PLAIN + b'"1.1.1.1\n',),
    wide=(PLAIN.decode().encode("utf-16"),),
    deceiving=(DECEIVING,),
    archive=(gzip.compress(PLAIN, 0),),
    damaged_archive=(gzip.compress(PLAIN, 0)[:-9],),
)
def test_whatever_is_in_an_object_its_stats_are_those_of_the_file(one, content):
    one.file(LARGE, content)
    one.succeeds(split_size=20_000)
    assert facts(one) == expected(one)


def test_an_archive_is_fetched_once_by_one_runner(one):
    one.file(LARGE, gzip.compress(PLAIN, 0))
    outcome = one.succeeds(log_level="DEBUG")
    assert len(re.findall("reading 'Asia Prod.csv'", outcome.stderr)) > 4
    assert requests_of(one) == 3 + 1
    assert facts(one) == expected(one)


def test_what_has_no_key_is_not_fetched_to_its_end(one):
    one.file(LARGE, b"Count,Note\n" + b"1,some text\n" * 4_000_000)
    one.succeeds(split_size=4 << 20, runners=2)
    assert requests_of(one) < 2 + 12, "its splits would need a dozen"
    assert facts(one) == expected(one)


# Changes and disturbances in mid-run ------------------------------------------------------------------


def ignored(world) -> list[tuple[str, str, str]]:
    return [(file["path"], file["reason"], file["detail"]) for file in facts(world)["files"]["ignored"]]


def from_request(world, number: int, act) -> None:
    """Do something before the so-maniest request for the large object is passed on."""
    came = []

    def count() -> None:
        came.append(None)
        if len(came) == number:
            act()

    world.proxy.add("GET", f"in/{LARGE}$", before=count)


@each("becomes", other=(True,), gone=(False,))
@each("number", at_the_head=(1,), when_some_have_read=(6,), at_the_last=(3 + UNITS,))
def test_an_object_that_only_some_of_its_units_saw_change_is_one_ignored_file(one, becomes, number):
    other = PLAIN.replace(b"no,x", b"na,x")
    from_request(one, number, lambda: one.put(f"in/{LARGE}", other) if becomes else one.delete(f"in/{LARGE}"))
    outcome = one.succeeds()
    assert one.combined == b"Source IP,Environment\n8.8.8.8,NA Prod\n"
    [(path, reason, detail)] = ignored(one)
    assert (path, reason) == (LARGE, "changed-while-read")
    assert ("another version" if becomes else "removed after it was listed") in detail
    assert outcome.stderr.count("'Asia Prod.csv' is skipped, changed-while-read") == 1


@each("disturbance", error=({"status": 500},), half=({"cut_at": 0.5},))
def test_an_object_of_which_some_bytes_are_not_to_be_had_is_broken_once(one, disturbance):
    one.proxy.add("GET", f"in/{LARGE}$", **disturbance)
    one.succeeds()
    [(path, reason, detail)] = ignored(one)
    assert (path, reason) == (LARGE, "broken")
    assert "can't be read to its end: " in detail
    assert "Input/output" not in detail


def test_what_passes_does_no_harm_to_a_cut_object(one):
    one.proxy.add("GET", f"in/{LARGE}$", status=503, times=5)
    one.succeeds()
    assert facts(one) == expected(one)


def test_credentials_that_expire_between_two_units_end_the_run(one):
    from_request(one, 5, lambda: one.proxy.add("GET", f"in/{LARGE}$", status=403, body=EXPIRED))
    outcome = one.reduce()
    assert outcome.exit_code == 4
    assert re.search(r"while reading 'Asia Prod.csv'.*rejected \(403 ExpiredToken\)", outcome.stderr)
    assert "Traceback" not in outcome.stderr
    assert (one.combined, one.listed()) == (OLD, ["Combined.csv"])


# What does not fit together ------------------------------------------------------------------------------


@pytest.fixture
def deceived(one):
    """All partials are there, and their split results do not fit together."""
    one.file(LARGE, DECEIVING)
    one.workdir.set(split_size=5_000, run_id="night")
    one.succeeds(mode="reduce")
    return one


@each("engine", native=("native",), pandas=("pandas",), reference=("reference",))
def test_an_object_that_deceives_is_read_once_more_by_collect(deceived, engine):
    outcome = deceived.succeeds(mode="collect", engine=engine)
    assert "WARNING: 'Asia Prod.csv' re-read" in outcome.stderr
    assert facts(deceived) == expected(deceived)


def test_an_object_that_was_replaced_before_it_is_read_once_more_is_ignored(deceived):
    deceived.put(f"in/{LARGE}", DECEIVING + b"4.4.4.4,4\n")
    deceived.succeeds(mode="collect")
    assert [file[:2] for file in ignored(deceived)] == [(LARGE, "changed-while-read")]


@each("how", other_address=("other",), gone=("gone",), denied=("denied",))
def test_a_collect_that_can_not_see_the_object_says_what_to_do(deceived, how):
    tree = f"s3://{deceived.bucket}/elsewhere" if how == "other" else deceived.tree
    if how == "gone":
        deceived.delete(f"in/{LARGE}")
    if how == "denied":
        deceived.proxy.add("GET", f"in/{LARGE}$", status=403)
    outcome = deceived.reduce(mode="collect", input_dir=tree)
    assert outcome.exit_code == 5
    assert re.search(rf"'{tree}/Asia Prod\.csv' was cut .* with REDUCER_SPLIT_SIZE=0", outcome.stderr)
    assert deceived.combined == OLD
