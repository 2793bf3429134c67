"""Opening an input file: compression, byte-order marks, and detection of changes since it was listed."""

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
    """The content, read as engines do it: block by block."""
    with open_input(str(path.parent), split or listed(path), progress) as stream:
        return b"".join(iter(lambda: stream.read1(1 << 16), b""))  # type: ignore[attr-defined]


def skip_error(path: Path, progress, split: Split | None = None) -> FileSkipped:
    with pytest.raises(FileSkipped) as raised:
        read(path, progress, split)
    return raised.value


def addresses(path: Path, progress) -> set[object] | None:
    """The addresses in the file; None if it is skipped."""
    try:
        with open_input(str(path.parent), listed(path), progress) as stream:
            return read_file(stream, NAME, Stats())
    except FileSkipped:
        return None


# Compression ---------------------------------------------------------------------------------------------


def test_a_plain_file_is_read_as_it_is(path, progress):
    path.write_bytes(TEXT)
    assert read(path, progress) == TEXT


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"a", b"ab\n", b"Source IP\n", b"\xef\xbb\xbf", b"BZh", b"\x1f\x8b"]
)
def test_a_tiny_file_is_read_as_it_is(path, progress, content):
    path.write_bytes(content)
    assert read(path, progress) == content.removeprefix(b"\xef\xbb\xbf")


@each_archive
def test_an_archive_is_recognized_by_its_first_bytes_not_by_its_name(path, progress, pack):
    path.write_bytes(pack(TEXT))
    assert read(path, progress) == TEXT


@each_archive
def test_an_archive_of_several_members_is_read_completely(path, progress, pack):
    path.write_bytes(pack(TEXT[:1000]) + pack(b"") + pack(TEXT[1000:]))
    assert read(path, progress) == TEXT


@each_archive
def test_an_archive_in_an_archive_is_decompressed_once(path, progress, pack):
    path.write_bytes(gzip.compress(pack(TEXT)))
    assert read(path, progress) == pack(TEXT)


@pytest.mark.parametrize(
    "beginning", [b"BZh", b"BZh9", b"BZh Source", b"\x1f\x8b Source IP", b"(\xb5/ Source IP"]
)
def test_a_text_that_begins_like_an_archive_is_a_text(path, progress, beginning):
    path.write_bytes(beginning + b",Source IP\nx,1.1.1.1\n")
    assert read(path, progress).startswith(beginning)


@each_archive
def test_a_truncated_archive_is_never_accepted(path, progress, pack):
    packed = pack(TEXT[:400])
    for end in range(1, len(packed)):
        path.write_bytes(packed[:end])
        assert addresses(path, progress) is None, f"cut at {end} of {len(packed)}"


@pytest.mark.parametrize("name", [name for name in ARCHIVES if name != "zstd"])
def test_a_changed_byte_of_an_archive_is_detected_or_harmless(path, progress, name):
    packed = ARCHIVES[name](TEXT[:400])
    path.write_bytes(TEXT[:400])
    expected = addresses(path, progress)
    detected = 0
    for position in range(len(packed)):
        path.write_bytes(packed[:position] + bytes([packed[position] ^ 0x55]) + packed[position + 1 :])
        got = addresses(path, progress)
        detected += got is None
        assert got is None or got == expected, f"byte {position} of {len(packed)}"
    assert detected > len(packed) / 2


@each_archive
def test_a_broken_archive_is_broken(path, progress, pack):
    path.write_bytes(pack(TEXT)[:-5])
    assert skip_error(path, progress).reason == SkipReason.BROKEN
    path.write_bytes(pack(TEXT)[:20] + b"\xaa" * 2000)
    assert skip_error(path, progress).reason == SkipReason.BROKEN


def test_gzip_is_read_in_the_same_way_without_isal(path, progress, monkeypatch):
    monkeypatch.setitem(sys.modules, "isal.igzip", None)
    path.write_bytes(gzip.compress(TEXT) + gzip.compress(TEXT))
    assert read(path, progress) == TEXT + TEXT
    path.write_bytes(gzip.compress(TEXT)[:-5])
    assert skip_error(path, progress).reason == SkipReason.BROKEN


def test_an_archive_followed_by_other_bytes_is_broken(path, progress):
    path.write_bytes(gzip.compress(TEXT) + b"other")
    assert skip_error(path, progress).reason == SkipReason.BROKEN


# Byte-order marks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, *ARCHIVES.values()], ids=["plain", *ARCHIVES])
def test_the_byte_order_mark_of_utf8_is_removed(path, progress, pack):
    path.write_bytes(pack(b"\xef\xbb\xbf" + TEXT))
    assert read(path, progress) == TEXT


def test_only_one_byte_order_mark_is_removed(path, progress):
    path.write_bytes(b"\xef\xbb\xbf\xef\xbb\xbfSource IP\n")
    assert read(path, progress) == b"\xef\xbb\xbfSource IP\n"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "compressed"])
def test_wide_encodings_are_broken_and_the_detail_names_them(path, progress, encoding, pack):
    path.write_bytes(pack(("\ufeff" + TEXT.decode()).encode(encoding)))
    error = skip_error(path, progress)
    assert error.reason == SkipReason.BROKEN
    assert encoding[:6].upper() in error.detail


# A file that changes -------------------------------------------------------------------------------------


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"1.1.1.1,1\n")


def keep_size(path: Path) -> None:
    before = path.stat()
    path.write_bytes(bytes(reversed(path.read_bytes())))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


def truncate(path: Path) -> None:
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


IN_PLACE = [grow, keep_size, truncate, make_empty]
CHANGES = [*IN_PLACE, Path.unlink, replace_by_another, replace_by_a_folder, replace_by_a_pipe]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_between_listing_and_reading_is_skipped(path, progress, change):
    path.write_bytes(TEXT)
    split = listed(path)
    change(path)
    assert skip_error(path, progress, split).reason == SkipReason.CHANGED


@pytest.mark.parametrize("change", IN_PLACE)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "compressed"])
def test_a_file_that_changes_while_it_is_read_is_skipped(path, progress, change, pack):
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


def test_a_file_that_looks_broken_while_it_is_being_written_counts_as_changed(path, progress):
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


def test_a_file_that_is_removed_while_it_is_read_is_read_completely(path, progress):
    path.write_bytes(TEXT)
    with open_input(str(path.parent), listed(path), progress) as stream:
        path.unlink()
        assert stream.read() == TEXT


def test_reading_does_not_count_as_a_change(path, progress):
    path.write_bytes(TEXT)
    split = listed(path)
    assert read(path, progress, split) == read(path, progress, split)


def test_a_file_that_cannot_be_opened_is_broken_with_the_reason(path, progress, monkeypatch):
    path.write_bytes(TEXT)
    split = listed(path)

    def fail(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", fail)
    error = skip_error(path, progress, split)
    assert (error.reason, "Permission denied" in error.detail) == (SkipReason.BROKEN, True)


def test_a_read_error_in_the_middle_makes_the_file_broken(path, progress, monkeypatch):
    path.write_bytes(TEXT * 20)
    split = listed(path)

    def fail(self: object, buffer: object) -> int:
        raise OSError(5, "Input/output error")

    def read_with_error() -> None:
        with open_input(str(path.parent), split, progress) as stream:
            stream.read(100)
            monkeypatch.setattr("reduction.runtime.compression.CountingFile.readinto", fail)
            while stream.read1(1 << 16):  # type: ignore[attr-defined]
                pass

    with pytest.raises(FileSkipped, match="Input/output error"):
        read_with_error()


# Progress ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, *ARCHIVES.values()], ids=["plain", *ARCHIVES])
def test_progress_counts_each_byte_on_disk_once(path, progress, pack):
    path.write_bytes(pack(b"\xef\xbb\xbf" + TEXT * 8))
    read(path, progress)
    assert progress.bytes == path.stat().st_size


def test_no_descriptor_is_left_open_for_any_kind_of_file(path, progress):
    def open_descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count

    before = open_descriptors()
    for content in (TEXT, gzip.compress(TEXT), gzip.compress(TEXT)[:-9], "\ufeffx".encode("utf-16-le"), b""):
        path.write_bytes(content)
        addresses(path, progress)
    split = listed(path)
    grow(path)
    skip_error(path, progress, split)
    assert open_descriptors() == before
