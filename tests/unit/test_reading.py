"""Opening an input file: what it may be packed in, and how it is noticed that it is not what was listed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reduction.engines.reference import read_file
from reduction.errors import FileSkipped
from reduction.pipeline.discovery import find
from reduction.pipeline.reading import open_input
from reduction.pipeline.splits import Split
from reduction.pipeline.stats import SkipReason, Stats

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NAME = "Asia Prod.csv"
TEXT = b"Source IP,Count\n" + b"".join(b"10.%d.%d.1,%d\n" % (n >> 8, n & 255, n * n) for n in range(3000))
CHECKED = {zstd.CompressionParameter.checksum_flag: 1}
ARCHIVES: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "bz2 of level 1": lambda data: bz2.compress(data, 1),
    "xz": lzma.compress,
    "zstd": zstd.compress,
    "zstd with checksum": lambda data: zstd.compress(data, options=CHECKED),
}
each_archive = pytest.mark.parametrize("pack", ARCHIVES.values(), ids=ARCHIVES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / NAME


def listed(path: Path) -> Split:
    [split] = find(str(path.parent)).splits
    return split


def read(path: Path, progress, split: Split | None = None) -> bytes:
    """The content, read as engines do it: result by result."""
    with open_input(str(path.parent), split or listed(path), progress) as stream:
        return b"".join(iter(lambda: stream.read1(1 << 16), b""))


def verdict(path: Path, progress, split: Split | None = None) -> FileSkipped:
    with pytest.raises(FileSkipped) as raised:
        read(path, progress, split)
    return raised.value


def addresses(path: Path, progress) -> set[object] | None:
    """What a reader makes of the file; None if it is ignored."""
    try:
        with open_input(str(path.parent), listed(path), progress) as stream:
            return read_file(stream, NAME, Stats())
    except FileSkipped:
        return None


# Packed or not -------------------------------------------------------------------------------------------


def test_a_plain_file_is_given_as_it_is(path, progress):
    path.write_bytes(TEXT)
    assert read(path, progress) == TEXT


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"a", b"ab\n", b"Source IP\n", b"\xef\xbb\xbf", b"BZh", b"\x1f\x8b"]
)
def test_a_tiny_file_is_given_as_it_is(path, progress, content):
    path.write_bytes(content)
    assert read(path, progress) == content.removeprefix(b"\xef\xbb\xbf")


@each_archive
def test_an_archive_is_known_by_its_first_bytes_not_by_its_name(path, progress, pack):
    path.write_bytes(pack(TEXT))
    assert read(path, progress) == TEXT


@each_archive
def test_an_archive_of_several_parts_is_read_to_the_last(path, progress, pack):
    path.write_bytes(pack(TEXT[:1000]) + pack(b"") + pack(TEXT[1000:]))
    assert read(path, progress) == TEXT


@each_archive
def test_an_archive_in_an_archive_is_not_unpacked_twice(path, progress, pack):
    path.write_bytes(gzip.compress(pack(TEXT)))
    assert read(path, progress) == pack(TEXT)


@pytest.mark.parametrize(
    "beginning", [b"BZh", b"BZh9", b"BZh Source", b"\x1f\x8b Source IP", b"(\xb5/ Source IP"]
)
def test_a_text_that_begins_like_an_archive_is_a_text(path, progress, beginning):
    path.write_bytes(beginning + b",Source IP\nx,1.1.1.1\n")
    assert read(path, progress).startswith(beginning)


@each_archive
def test_an_archive_cut_short_anywhere_never_passes_for_a_whole_one(path, progress, pack):
    packed = pack(TEXT[:400])
    for end in range(1, len(packed)):
        path.write_bytes(packed[:end])
        assert addresses(path, progress) is None, f"cut at {end} of {len(packed)}"


@pytest.mark.parametrize("name", [name for name in ARCHIVES if name != "zstd"])
def test_a_changed_byte_of_an_archive_is_noticed_or_does_no_harm(path, progress, name):
    packed = ARCHIVES[name](TEXT[:400])
    path.write_bytes(TEXT[:400])
    right = addresses(path, progress)
    noticed = 0
    for position in range(len(packed)):
        path.write_bytes(packed[:position] + bytes([packed[position] ^ 0x55]) + packed[position + 1 :])
        got = addresses(path, progress)
        noticed += got is None
        assert got is None or got == right, f"byte {position} of {len(packed)}"
    assert noticed > len(packed) / 2


@each_archive
def test_a_broken_archive_is_broken(path, progress, pack):
    path.write_bytes(pack(TEXT)[:-5])
    assert verdict(path, progress).reason == SkipReason.BROKEN
    path.write_bytes(pack(TEXT)[:20] + b"\xaa" * 2000)
    assert verdict(path, progress).reason == SkipReason.BROKEN


def test_gzip_is_read_alike_where_isal_has_no_wheel(path, progress, monkeypatch):
    monkeypatch.setitem(sys.modules, "isal.igzip", None)
    path.write_bytes(gzip.compress(TEXT) + gzip.compress(TEXT))
    assert read(path, progress) == TEXT + TEXT
    path.write_bytes(gzip.compress(TEXT)[:-5])
    assert verdict(path, progress).reason == SkipReason.BROKEN


def test_rubbish_behind_an_archive_is_broken(path, progress):
    path.write_bytes(gzip.compress(TEXT) + b"rubbish")
    assert verdict(path, progress).reason == SkipReason.BROKEN


# Byte-order marks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, *ARCHIVES.values()], ids=["plain", *ARCHIVES])
def test_the_mark_of_utf8_is_no_part_of_the_text(path, progress, pack):
    path.write_bytes(pack(b"\xef\xbb\xbf" + TEXT))
    assert read(path, progress) == TEXT


def test_only_the_first_mark_is_one(path, progress):
    path.write_bytes(b"\xef\xbb\xbf\xef\xbb\xbfSource IP\n")
    assert read(path, progress) == b"\xef\xbb\xbfSource IP\n"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_wide_encodings_are_broken_and_named(path, progress, encoding, pack):
    path.write_bytes(pack(("\ufeff" + TEXT.decode()).encode(encoding)))
    fault = verdict(path, progress)
    assert fault.reason == SkipReason.BROKEN
    assert encoding[:6].upper() in fault.detail


# A file that changes -------------------------------------------------------------------------------------


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"1.1.1.1,1\n")


def keep_size(path: Path) -> None:
    before = path.stat()
    path.write_bytes(bytes(reversed(path.read_bytes())))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


def cut(path: Path) -> None:
    os.truncate(path, 30)


def make_empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_another(path: Path) -> None:
    (path.parent / "new").write_bytes(TEXT * 2)
    (path.parent / "new").replace(path)


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


IN_PLACE = [grow, keep_size, cut, make_empty]
CHANGES = [*IN_PLACE, Path.unlink, replace_by_another, replace_by_a_folder, replace_by_a_pipe]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_between_listing_and_reading_is_noticed(path, progress, change):
    path.write_bytes(TEXT)
    split = listed(path)
    change(path)
    assert verdict(path, progress, split).reason == SkipReason.CHANGED


@pytest.mark.parametrize("change", IN_PLACE)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_a_file_that_changes_while_it_is_read_is_noticed(path, progress, change, pack):
    path.write_bytes(pack(TEXT * 20))
    split = listed(path)

    def read_slowly() -> None:
        with open_input(str(path.parent), split, progress) as stream:
            stream.read(100)
            change(path)
            stream.read()

    with pytest.raises(FileSkipped) as raised:
        read_slowly()
    assert raised.value.reason == SkipReason.CHANGED


def test_what_looks_broken_because_it_is_still_being_written_counts_as_changed(path, progress):
    whole = gzip.compress(TEXT * 20)
    path.write_bytes(whole[:-100])
    split = listed(path)

    def read_while_written() -> None:
        with open_input(str(path.parent), split, progress) as stream:
            stream.read(100)
            path.write_bytes(whole)
            raise FileSkipped(SkipReason.BROKEN, "a quote is still open")

    with pytest.raises(FileSkipped) as raised:
        read_while_written()
    assert raised.value.reason == SkipReason.CHANGED


def test_a_file_that_is_removed_while_it_is_read_was_read_whole(path, progress):
    path.write_bytes(TEXT)
    with open_input(str(path.parent), listed(path), progress) as stream:
        path.unlink()
        assert stream.read() == TEXT


def test_reading_alone_does_not_count_as_a_change(path, progress):
    path.write_bytes(TEXT)
    split = listed(path)
    assert read(path, progress, split) == read(path, progress, split)


def test_a_file_that_cannot_be_opened_is_broken_and_says_why(path, progress, monkeypatch):
    path.write_bytes(TEXT)
    split = listed(path)

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    fault = verdict(path, progress, split)
    assert (fault.reason, "Permission denied" in fault.detail) == (SkipReason.BROKEN, True)


def test_a_disk_that_fails_in_the_middle_makes_the_file_broken(path, progress, monkeypatch):
    path.write_bytes(TEXT * 20)
    split = listed(path)

    def fail(self: object, buffer: object) -> int:
        raise OSError(5, "Input/output error")

    def read_from_a_bad_disk() -> None:
        with open_input(str(path.parent), split, progress) as stream:
            stream.read(100)
            monkeypatch.setattr("reduction.runtime.compression.CountingFile.readinto", fail)
            while stream.read1(1 << 16):
                pass

    with pytest.raises(FileSkipped, match="Input/output error"):
        read_from_a_bad_disk()


# Progress ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, *ARCHIVES.values()], ids=["plain", *ARCHIVES])
def test_progress_counts_the_bytes_on_disk_each_once(path, progress, pack):
    path.write_bytes(pack(b"\xef\xbb\xbf" + TEXT * 8))
    read(path, progress)
    assert progress.bytes == path.stat().st_size


def test_no_descriptor_is_left_open_whatever_becomes_of_the_file(path, progress):
    def open_descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count

    before = open_descriptors()
    for content in (TEXT, gzip.compress(TEXT), gzip.compress(TEXT)[:-9], "\ufeffx".encode("utf-16-le"), b""):
        path.write_bytes(content)
        addresses(path, progress)
    split = listed(path)
    grow(path)
    verdict(path, progress, split)
    assert open_descriptors() == before
