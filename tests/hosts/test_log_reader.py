"""A log comes in batches of whole lines, each with the position after it, and can be read on from any
position."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reduction.hosts.streaming.log_reader import (
    Batch,
    OpenLog,
    has_writer,
    is_continued,
    is_read_whole,
    open_log,
)

PARTS = st.lists(st.sampled_from([b"a", b"\n", b"bc\r\n", b"x" * 70]), max_size=60)


def opened(path: Path, size=100, known=None) -> OpenLog:
    return open_log(path, path.name, known, size)


def batches(log: OpenLog) -> list[Batch]:
    found = []
    while batch := log.next_batch():
        found.append(batch)
    return found


@pytest.mark.parametrize("size", [1, 7, 8, 15, 16, 17, 500, 799, 800, 801, 100_000])
def test_a_batch_has_as_many_lines_as_fit_in_or_one_that_does_not(tmp_path, size):
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line%03d\n" % n for n in range(200)))
    log = opened(path, size)
    counts = [batch.block.count(b"\n") for batch in batches(log)]
    log.close()
    fitting = min(max(1, size // 8), 200)
    assert counts == [fitting] * (200 // fitting) + ([200 % fitting] if 200 % fitting else [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([b"a", b"\n", b"bc\r\n", b"x" * 70]), max_size=60),
    st.integers(1, 90),
    st.integers(0, 20),
)
def test_batches_are_the_file_and_any_place_can_be_gone_on_from(tmp_path, parts, size, stop_after):
    path = tmp_path / "log"
    content = b"".join(parts)
    path.write_bytes(content)
    log = opened(path, size)
    first = [batch for _, batch in zip(range(stop_after), iter(log.next_batch, None), strict=False)]
    position = log.position
    log.close()
    again = opened(path, size + 1, position)
    rest = batches(again)
    end = again.flush_partial_line()
    again.close()
    blocks = [batch.block for batch in (*first, *rest)]
    assert all(block.endswith(b"\n") for block in blocks)
    assert b"".join(blocks) + (end.block if end else b"") == content
    for batch in (*first, *rest, *([end] if end else [])):
        assert content[: batch.offset].count(b"\n") == batch.lines_before
        assert content[batch.offset : batch.position.offset] == batch.block
    assert again.position.lines == content.count(b"\n")


def test_an_unfinished_line_waits_until_it_is_finished(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"one\ntw")
    log = opened(path)
    assert [batch.block for batch in batches(log)] == [b"one\n"]
    with path.open("ab") as writer:
        writer.write(b"o\nthree")
    assert [batch.block for batch in batches(log)] == [b"two\n"]
    assert log.flush_partial_line().block == b"three"
    assert log.flush_partial_line() is None
    log.close()


def test_a_line_much_longer_than_a_read_is_one_line(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"a" * 100_000 + b"\nb\n")
    log = opened(path, 1)
    assert [len(batch.block) for batch in batches(log)] == [100_001, 2]
    log.close()


def test_another_file_of_that_name_is_read_from_its_beginning(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    log = opened(path, 1)
    position = log.next_batch().position
    log.close()
    assert is_continued(os.open(path, os.O_RDONLY), position)
    path.write_bytes(b"ONE\ntwo\n")
    assert opened(path, 100, position).position.offset == 0
    path.write_bytes(b"one\ntwo\nthree\n")
    assert opened(path, 100, position).position.offset == 4
    path.rename(tmp_path / "other")
    path.write_bytes(b"one\ntwo\nthree\n")
    assert opened(path, 100, position).position.offset == 0, "the same bytes, but another file"


def test_a_file_is_read_whole_if_it_is_that_file_and_has_not_grown(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    log = opened(path)
    position = log.next_batch().position
    log.close()
    assert is_read_whole(path, position)
    assert not is_read_whole(tmp_path / "missing", position)
    with path.open("ab") as writer:
        writer.write(b"more")
    assert not is_read_whole(path, position)
    path.write_bytes(b"two\n")
    assert not is_read_whole(path, position)


def test_a_writer_is_seen_where_the_system_shows_it(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"")
    descriptor = os.open(path, os.O_RDONLY)
    if has_writer(descriptor) is None:
        pytest.skip("this system does not show who writes")
    with path.open("ab"):
        assert has_writer(descriptor) is True
    assert has_writer(descriptor) is False
    os.close(descriptor)
