"""Partials and their manifests: what is damaged is noticed, what is not ours is left alone."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workdir import each_engine

from reduction import engines
from reduction.errors import PartialsRejected, WriteError
from reduction.pipeline import partials
from reduction.pipeline.partials import Manifest, ManifestDamaged, ManifestMissing, RowSuffix
from reduction.pipeline.split_results import ByteRange, FileError, SplitResult
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import RejectedRow, SkippedFile, Stats
from reduction.runtime.atomic_file import atomic_write

ROWS = (
    b"Source IP,Environment\n1.1.1.1,Asia Prod\n1.1.1.1,\xc3\x84 b\n10.0.0.2,Asia Prod\n"
    b"::1,Asia Prod\n::ffff,NA Prod\n"
)
MANIFEST = Manifest(
    run_id="0123456789abcdef",
    runner=1,
    runners=2,
    splits=3,
    fingerprint="f" * 64,
    engine="reference",
    seconds=1.25,
    bytes=len(ROWS),
    crc32=f"{zlib.crc32(ROWS):08x}",
    addresses={"Asia Prod": 3, "NA Prod": 1, "Ä b": 1},
    stats=Stats(
        taken=2, bytes=999, read=8, valid=5, rejected=Counter({"no-key": 2, "not-an-address": 1}),
        ignored=[SkippedFile("ä/x.txt", "other-type", "the name does not end in .csv")],
        examples=[RejectedRow("Asia Prod.csv", 3, "no-key", 'a "quoted" \\ text\n')],
    ),
)  # fmt: skip


def committed(directory: Path, manifest: Manifest = MANIFEST, rows: bytes = ROWS) -> None:
    partials.partial_path(directory, manifest.runner).write_bytes(rows)
    partials.commit(directory, manifest)


# Manifests -----------------------------------------------------------------------------------------------


def test_a_manifest_comes_back_as_it_was(tmp_path):
    committed(tmp_path)
    assert partials.read_manifest(tmp_path, 1) == MANIFEST


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.floats(0, 1e9), st.integers(0, 2**70)
)
def test_any_manifest_comes_back_as_it_was(tmp_path_factory, text, seconds, number):
    directory = tmp_path_factory.mktemp("out")
    manifest = MANIFEST._replace(
        run_id=text, seconds=seconds, bytes=number, addresses={text: number},
        stats=Stats(ignored=[SkippedFile(text, text, text)]),
    )  # fmt: skip
    partials.commit(directory, manifest)
    assert partials.read_manifest(directory, 1) == manifest


def test_a_partial_without_manifest_is_not_there(tmp_path):
    partials.partial_path(tmp_path, 1).write_bytes(ROWS)
    with pytest.raises(ManifestMissing):
        partials.read_manifest(tmp_path, 1)


def read_or_none(directory: Path) -> Manifest | None:
    try:
        return partials.read_manifest(directory, 1)
    except ManifestDamaged:
        return None


@pytest.mark.parametrize(
    "change", [lambda byte: byte ^ 1, lambda byte: byte ^ 0x80, lambda _: 0, lambda _: 0x30]
)
def test_a_changed_byte_of_a_manifest_is_noticed_or_does_no_harm(tmp_path, change):
    """Only a blank between values may change: what is read is then the very same."""
    committed(tmp_path)
    path = partials.manifest_path(tmp_path, 1)
    text = path.read_bytes()
    for position, byte in enumerate(text):
        path.write_bytes(text[:position] + bytes([change(byte)]) + text[position + 1 :])
        read = read_or_none(tmp_path)
        assert read is None or read == MANIFEST, (
            f"byte {position}, near {text[position - 20 : position + 20]!r}"
        )
        if text[position : position + 1].isalnum() and change(byte) != byte:
            assert read is None, f"byte {position}, near {text[position - 20 : position + 20]!r}"


def test_a_manifest_cut_short_anywhere_is_noticed(tmp_path):
    committed(tmp_path)
    path = partials.manifest_path(tmp_path, 1)
    text = path.read_bytes().rstrip()
    for end in range(len(text)):
        path.write_bytes(text[:end])
        assert read_or_none(tmp_path) is None, f"cut at {end}"


def test_a_byte_missing_in_a_manifest_is_noticed_or_does_no_harm(tmp_path):
    committed(tmp_path)
    path = partials.manifest_path(tmp_path, 1)
    text = path.read_bytes()
    for position in range(len(text)):
        path.write_bytes(text[:position] + text[position + 1 :])
        assert read_or_none(tmp_path) in (None, MANIFEST), f"byte {position}"


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"1", b"null", b'"format"', b"\xff\xfe", b"{" * 10, b'{"format": 4}']
)
def test_what_is_no_manifest_is_damaged(tmp_path, text):
    partials.manifest_path(tmp_path, 1).write_bytes(text)
    with pytest.raises(ManifestDamaged):
        partials.read_manifest(tmp_path, 1)


def test_a_manifest_in_the_place_of_another_is_damaged(tmp_path):
    committed(tmp_path)
    partials.manifest_path(tmp_path, 1).rename(partials.manifest_path(tmp_path, 2))
    with pytest.raises(ManifestDamaged):
        partials.read_manifest(tmp_path, 2)


def test_a_manifest_of_another_format_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(partials, "FORMAT", 99)
    committed(tmp_path)
    monkeypatch.undo()
    with pytest.raises(ManifestDamaged, match="format 99, but this version reads format 4"):
        partials.read_manifest(tmp_path, 1)


# The rows themselves -------------------------------------------------------------------------------------


def merged(engine: str, directory: Path, discarded: Collection[int] = ()) -> bytes:
    path = directory / "merged"
    with atomic_write(path) as file:
        engines.load(engine).merge(directory, [partials.read_manifest(directory, 1)], file, discarded)
    assert (file.bytes, file.crc32) == (path.stat().st_size, zlib.crc32(path.read_bytes()))
    return path.read_bytes()


@each_engine
def test_a_whole_partial_is_merged_as_it_is(tmp_path, engine):
    committed(tmp_path)
    assert merged(engine, tmp_path) == ROWS


@each_engine
@pytest.mark.parametrize(
    "change", [lambda byte: byte ^ 1, lambda byte: byte ^ 0x80, lambda _: 0, lambda _: 0x22]
)
def test_a_changed_byte_of_a_partial_is_noticed_by_the_merge(tmp_path, engine, change):
    committed(tmp_path)
    path = partials.partial_path(tmp_path, 1)
    for position, byte in enumerate(ROWS):
        if change(byte) == byte:
            continue
        path.write_bytes(ROWS[:position] + bytes([change(byte)]) + ROWS[position + 1 :])
        with pytest.raises(PartialsRejected, match=r"'\.Combined_1\.csv' is damaged .*REDUCER_LOW_RUNNER=1"):
            merged(engine, tmp_path)


@each_engine
def test_a_partial_cut_short_anywhere_is_noticed_by_the_merge(tmp_path, engine):
    committed(tmp_path)
    for end in range(len(ROWS)):
        partials.partial_path(tmp_path, 1).write_bytes(ROWS[:end])
        with pytest.raises(PartialsRejected, match="damaged"):
            merged(engine, tmp_path)


@each_engine
@pytest.mark.parametrize("more", [b"\n", b"\0", b"9.9.9.9,Asia Prod\n", b'"', ROWS, b'"' + b"x" * 200_000])
def test_a_partial_with_something_behind_it_is_noticed_by_the_merge(tmp_path, engine, more):
    committed(tmp_path)
    partials.partial_path(tmp_path, 1).write_bytes(ROWS + more)
    with pytest.raises(PartialsRejected, match="damaged"):
        merged(engine, tmp_path)


@each_engine
def test_a_partial_that_is_gone_is_noticed_by_the_merge(tmp_path, engine):
    committed(tmp_path)
    partials.partial_path(tmp_path, 1).unlink()
    with pytest.raises(PartialsRejected, match=r"\.Combined_1\.csv.*No such file"):
        merged(engine, tmp_path)


@each_engine
def test_a_big_damaged_partial_is_noticed_by_the_merge(tmp_path, engine):
    lines = b"".join(b"10.%d.%d.1,Asia Prod\n" % (n >> 8, n & 255) for n in range(60_000))
    rows = b"Source IP,Environment\n" + lines
    manifest = MANIFEST._replace(bytes=len(rows), crc32=f"{zlib.crc32(rows):08x}")
    committed(tmp_path, manifest, rows)
    assert merged(engine, tmp_path) == rows
    for position in (30, len(rows) // 2, len(rows) - 2):
        for byte in b'"\0\xff9':
            damaged = bytearray(rows)
            damaged[position] = byte
            if damaged == rows:
                continue
            partials.partial_path(tmp_path, 1).write_bytes(damaged)
            with pytest.raises(PartialsRejected, match="damaged"):
                merged(engine, tmp_path)


# With rows of split files ----------------------------------------------------------------------------------

CUT_ROWS = (
    b"Source IP,Environment,Split File\n1.1.1.1,Asia Prod\n1.1.1.1,Asia Prod,0\n1.1.1.1,Asia Prod,11\n"
    b'2.2.2.2,Asia Prod,0\n3.3.3.3,Asia Prod,11\n9.9.9.9,"a,b c",2\n::1,Asia Prod,0\n::1,Asia Prod,11\n'
    b"::2,Asia Prod,0\n"
)


def result(number: int, path: str = "deep/Asia Prod 1.csv", error: FileError | None = None) -> SplitResult:
    split = Split(path, 99, 111, 10, 20, number)
    return SplitResult(split, ByteRange(12, 22, 3), Stats(read=3, valid=3), error)


SPLIT_MANIFEST = MANIFEST._replace(
    bytes=len(CUT_ROWS),
    crc32=f"{zlib.crc32(CUT_ROWS):08x}",
    addresses={"Asia Prod": 1},
    split_file_counts={0: 4, 2: 1, 11: 3},
    split_results=(
        result(0),
        result(11),
        result(2, "a,b c.csv", FileError("broken", "a NUL byte", 3)),
    ),
)


def test_a_manifest_with_splits_comes_back_as_it_was(tmp_path):
    committed(tmp_path, SPLIT_MANIFEST, CUT_ROWS)
    assert partials.read_manifest(tmp_path, 1) == SPLIT_MANIFEST


def test_endings_stand_in_the_order_of_rows():
    assert partials.row_suffixes([MANIFEST, SPLIT_MANIFEST], {0}) == [
        RowSuffix("Asia Prod", "Asia Prod"),
        RowSuffix("Asia Prod,0", None),
        RowSuffix("Asia Prod,11", "Asia Prod"),
        RowSuffix("NA Prod", "NA Prod"),
        RowSuffix('"a,b c",2', "a,b c"),
        RowSuffix("Ä b", "Ä b"),
    ]


@each_engine
@pytest.mark.parametrize(
    ("discarded", "rows"),
    [
        ((), b'1.1.1.1,Asia Prod\n2.2.2.2,Asia Prod\n3.3.3.3,Asia Prod\n9.9.9.9,"a,b c"\n'
             b"::1,Asia Prod\n::2,Asia Prod\n"),
        ({0}, b'1.1.1.1,Asia Prod\n3.3.3.3,Asia Prod\n9.9.9.9,"a,b c"\n::1,Asia Prod\n'),
        ({2, 11}, b"1.1.1.1,Asia Prod\n2.2.2.2,Asia Prod\n::1,Asia Prod\n::2,Asia Prod\n"),
        ({0, 2, 11}, b"1.1.1.1,Asia Prod\n"),
    ],
)  # fmt: skip
def test_rows_of_cut_files_are_of_their_environment_or_dropped(tmp_path, engine, discarded, rows):
    committed(tmp_path, SPLIT_MANIFEST, CUT_ROWS)
    assert merged(engine, tmp_path, discarded) == b"Source IP,Environment\n" + rows


@each_engine
def test_a_changed_byte_of_a_partial_with_cut_files_is_noticed_by_the_merge(tmp_path, engine):
    committed(tmp_path, SPLIT_MANIFEST, CUT_ROWS)
    for position, byte in enumerate(CUT_ROWS):
        partials.partial_path(tmp_path, 1).write_bytes(
            CUT_ROWS[:position] + bytes([byte ^ 1]) + CUT_ROWS[position + 1 :]
        )
        with pytest.raises(PartialsRejected, match="damaged"):
            merged(engine, tmp_path, {0})


# Sweeping ------------------------------------------------------------------------------------------------

OWN = [".Combined_1.csv", ".Combined_1.json", ".Combined_2.csv", ".Combined_2.csv.00ff.tmp",
       ".Combined_12.json", ".Combined_12.json.0123abcd.tmp"]  # fmt: skip
HALF_WRITTEN = [".Combined.csv.0123abcd.tmp", ".Combined.report.json.0123abcd.tmp"]
NOT_OWN = ["Combined.csv", "Combined.report.json", ".Combined.csv", ".Combined_.csv", ".Combined_x.csv",
           ".Combined_1.csv.bak", ".Combined_1.txt", "Combined_1.csv", ".Combined_1.csv.tmp",
    ".combined_1.csv",
           ".Combined_1.csv.xyz.tmp", "x.Combined_1.csv", "Asia Prod.csv", ".Combined_-1.csv"]  # fmt: skip


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    for name in (*OWN, *HALF_WRITTEN, *NOT_OWN):
        (tmp_path / name).write_text(name)
    return tmp_path


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_sweep_takes_all_that_runs_leave_and_nothing_else(swept):
    partials.remove_all(swept)
    assert names(swept) == set(NOT_OWN)


def test_a_range_is_swept_without_its_neighbours(swept):
    partials.remove(swept, 2, 11)
    assert names(swept) == {*NOT_OWN, *HALF_WRITTEN, *OWN} - {".Combined_2.csv", ".Combined_2.csv.00ff.tmp"}


def test_half_written_results_are_swept_without_the_partials(swept):
    partials.remove_result_temp_files(swept)
    assert names(swept) == {*NOT_OWN, *OWN}


def test_manifests_go_first_so_that_no_manifest_is_left_without_its_partial(swept, monkeypatch):
    gone: list[str] = []
    really = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        gone.append(path.suffix)
        really(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    partials.remove_all(swept)
    own = gone[: len(OWN)]
    assert ".json" in own
    assert own == sorted(own, key=lambda suffix: suffix != ".json")


def test_what_cannot_be_removed_is_an_error_that_names_it(tmp_path):
    partials.manifest_path(tmp_path, 1).mkdir()
    with pytest.raises(WriteError, match=r"\.Combined_1\.json"):
        partials.remove(tmp_path, 1, 1)


def test_a_directory_that_is_gone_is_an_error_that_names_it(tmp_path):
    for sweep in (
        lambda: partials.remove(tmp_path / "gone", 1, 1),
        lambda: partials.remove_all(tmp_path / "gone"),
        lambda: partials.remove_result_temp_files(tmp_path / "gone"),
    ):
        with pytest.raises(WriteError, match="gone"):
            sweep()


@pytest.mark.parametrize(
    ("runners", "advice"),
    [
        ([3], "run REDUCER_MODE=reduce REDUCER_LOW_RUNNER=3 REDUCER_HIGH_RUNNER=3"),
        ([3, 4, 5], "run REDUCER_MODE=reduce REDUCER_LOW_RUNNER=3 REDUCER_HIGH_RUNNER=5"),
        ([5, 1, 2, 5], "run REDUCER_MODE=reduce REDUCER_LOW_RUNNER=1 REDUCER_HIGH_RUNNER=2"
                       " and run REDUCER_MODE=reduce REDUCER_LOW_RUNNER=5 REDUCER_HIGH_RUNNER=5"),
    ],
)  # fmt: skip
def test_advice_names_ranges_to_repeat(runners, advice):
    assert partials.rerun_hint(runners) == advice
