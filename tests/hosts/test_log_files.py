"""Which logs are found, how they are opened, and how they are cut into blocks of whole lines."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.errors import InputError
from reduction.hosts.batch import blocks
from reduction.hosts.batch.log_files import LogFile, find
from reduction.runtime.compression import read_errors

TEXT = b"1565647204351 Aadvik Matina\n" * 1000


def files_in(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(TEXT)


# Finding -------------------------------------------------------------------------------------------------


def test_in_a_folder_the_name_says_what_is_a_log(tmp_path):
    logs = [
        "B.txt",
        "a.log",
        "a.log-20260312",
        "a.log.1",
        "a.log.2.gz",
        "a.txt.zst",
        "deep/er/c.2026-03-12.log",
    ]
    files_in(tmp_path, *logs, ".a.log", ".git/a.log", ".txt", "a.csv", "a.log.tmp", "a.txt.part")
    files_in(tmp_path, "log", "notes.md", "a.logs", "a.gz")
    assert find([str(tmp_path)]) == [str(tmp_path / name) for name in logs]


def test_links_to_logs_are_read_and_links_to_folders_are_not_followed(tmp_path):
    files_in(tmp_path, "logs/a.log", "elsewhere")
    (tmp_path / "logs/b.log").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "logs/again").symlink_to(tmp_path / "logs", target_is_directory=True)
    (tmp_path / "logs/gone.log").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "logs/pipe.log")
    assert find([str(tmp_path / "logs")]) == [str(tmp_path / "logs/a.log"), str(tmp_path / "logs/b.log")]


def test_a_file_that_is_named_may_be_called_anything_and_the_given_order_is_kept(tmp_path):
    files_in(tmp_path, "z.csv", ".hidden", "folder/b.log", "folder/a.log")
    given_paths = [str(tmp_path / name) for name in ("z.csv", "folder", ".hidden")]
    assert [Path(path).name for path in find(given_paths)] == ["z.csv", "a.log", "b.log", ".hidden"]


def test_all_files_that_are_missing_are_reported_at_once(tmp_path):
    with pytest.raises(InputError, match=r"'/no/such', '/nor/this'"):
        find(["/no/such", str(tmp_path), "/nor/this"])


def test_a_folder_without_logs_is_an_error(tmp_path):
    files_in(tmp_path, "notes.md")
    with pytest.raises(InputError, match="no log"):
        find([str(tmp_path)])


# Opening -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_an_archive_is_known_by_its_first_bytes(tmp_path, pack):
    (tmp_path / "a.log").write_bytes(pack(TEXT))
    log = LogFile(str(tmp_path / "a.log"))
    with log.text() as stream:
        assert stream.read() == TEXT
    assert (log.has_parts, log.bytes_read, log.bytes_total) == (False, log.size, log.size)
    log.close()


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_an_archive_cut_short_is_reported_with_its_name(tmp_path, pack):
    (tmp_path / "a.log").write_bytes(pack(TEXT)[:-9])
    log = LogFile(str(tmp_path / "a.log"))
    with pytest.raises(InputError, match=r"a\.log' cannot be read to its end"), log.text() as stream:
        stream.read()
    log.close()


def test_what_comes_through_a_pipe_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(gzip.compress(TEXT)))
    writer.start()
    log = LogFile(str(tmp_path / "pipe"))
    assert not log.has_parts
    with log.text() as stream:
        assert stream.read() == TEXT
    assert log.bytes_read == log.bytes_total == len(gzip.compress(TEXT))
    writer.join()
    log.close()


def test_a_log_that_becomes_shorter_while_it_is_read_is_reported(tmp_path):
    (tmp_path / "a.log").write_bytes(TEXT)
    log = LogFile(str(tmp_path / "a.log"))
    os.truncate(tmp_path / "a.log", 100)
    with pytest.raises(InputError, match=r"a\.log' became shorter"):
        log.read(0, 200)
    log.close()


def test_a_file_that_cannot_be_opened_is_reported(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        LogFile(str(tmp_path / "gone"))


def test_what_archives_raise_is_known():
    assert all(issubclass(kind, Exception) for kind in read_errors())


# Cutting into blocks -------------------------------------------------------------------------------------

TEXTS = st.lists(st.sampled_from([b"a", b"bb\n", b"\n", b"\r\n", b"x" * 30, b"y" * 5000]), max_size=25).map(
    b"".join
)


@given(
    text=TEXTS,
    ends=st.tuples(st.integers(0, 9000), st.integers(0, 9000)).map(sorted),
    size=st.integers(1, 60),
)
def test_a_part_has_the_lines_that_start_in_it(tmp_path_factory, text, ends, size):
    path = tmp_path_factory.getbasetemp() / "part.log"
    path.write_bytes(text)
    log = LogFile(str(path))
    low, stop = (min(end, len(text)) for end in ends)
    starts = [0, *(where + 1 for where, byte in enumerate(text) if byte == 10 and where + 1 < len(text))]
    lines = dict(zip(starts, text.splitlines(keepends=True), strict=False))
    begin = blocks.line_start(log, low, stop)
    assert (
        begin == min((start for start in starts if low <= start < stop), default=stop)
        or begin == low == stop == 0
    )
    found = [(offset, bytes(block)) for offset, block in blocks.of_part(log, begin, stop, size)]
    log.close()
    assert b"".join(block for _, block in found) == b"".join(
        lines[start] for start in starts if begin <= start < stop
    )
    for offset, block in found:
        assert offset in starts
        assert text[offset : offset + len(block)] == block
        assert block.endswith(b"\n") or offset + len(block) == len(text)


class Dripping(io.BytesIO):
    """Gives a few bytes at a time, as a pipe does."""

    def readinto(self, buffer) -> int:
        return super().readinto(memoryview(buffer)[:7])


@given(text=TEXTS, size=st.integers(1, 60), stream=st.sampled_from([io.BytesIO, Dripping]))
def test_a_stream_has_all_lines(text, size, stream):
    found = [(offset, bytes(block)) for offset, block in blocks.of_stream(stream(text), size)]
    assert b"".join(block for _, block in found) == text
    for offset, block in found:
        assert text[offset : offset + len(block)] == block
        assert block.endswith(b"\n") or offset + len(block) == len(text)
