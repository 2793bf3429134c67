"""A log that grows is read to its end, through every way of rotating it, also while nobody read it."""

from __future__ import annotations

import logging
import os
import shutil

import pytest
from worlds import Hand, Taken, unknown

from reduction.errors import InputError
from reduction.hosts.streaming.event_queue import Begun
from reduction.hosts.streaming.log_reader import Batch, FilePosition, has_writer
from reduction.hosts.streaming.tail_source import TailSource
from reduction.runtime import logs


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def log(tmp_path):
    """A log of one line, on a system that shows who writes."""
    path = tmp_path / "app.log"
    path.write_bytes(b"1\n")
    descriptor = os.open(path, os.O_RDONLY)
    known = has_writer(descriptor)
    os.close(descriptor)
    if known is None:
        pytest.skip("this system does not show who writes")
    return path


def append(path, data: bytes) -> None:
    with path.open("ab") as writer:
        writer.write(data)


def last_place(taken: Taken) -> FilePosition:
    return next(item.position for item in reversed(taken.items) if isinstance(item, Batch))


def test_what_is_appended_is_read_and_an_unfinished_line_waits(log, taken):
    follower = TailSource(log, [], 100)
    assert follower.poll(taken)
    append(log, b"2\n3")
    follower.poll(taken)
    append(log, b"3\n")
    follower.poll(taken)
    follower.poll(taken)
    assert taken.blocks == [b"1\n", b"2\n", b"33\n"]
    assert (last_place(taken).offset, last_place(taken).lines) == (7, 3)
    follower.close()


def test_a_renamed_log_is_read_to_its_end_while_the_new_one_grows(log, taken):
    follower = TailSource(log, [], 100)
    with log.open("ab", buffering=0) as writer:
        follower.poll(taken)
        log.rename(log.with_name("app.log.1"))
        follower.poll(taken)
        writer.write(b"2\n")
        log.write_bytes(b"3\n")
        follower.poll(taken)
        writer.write(b"late without end")
        follower.poll(taken)
        assert taken.blocks == [b"1\n", b"2\n", b"3\n"]
        assert taken.gone == []
    follower.poll(taken)
    assert taken.blocks[3:] == [b"late without end"]
    assert [news.position.offset for news in taken.gone] == [4 + len("late without end")]
    follower.close()


def test_where_writers_cannot_be_known_a_renamed_log_is_left_when_it_has_been_quiet_for_long(log, taken):
    clock = Hand(100.0)
    follower = TailSource(log, [], 100, writer_of=unknown, monotonic=clock)
    follower.poll(taken)
    log.rename(log.with_name("app.log.1"))
    log.write_bytes(b"3\n")
    clock.now += 59
    append(log.with_name("app.log.1"), b"2\n")
    follower.poll(taken)
    clock.now += 59
    follower.poll(taken)
    assert taken.gone == []
    clock.now += 1
    follower.poll(taken)
    assert len(taken.gone) == 1
    assert taken.blocks == [b"1\n", b"2\n", b"3\n"]
    follower.close()


def test_a_log_that_is_copied_and_emptied_is_read_from_its_beginning(log, taken):
    follower = TailSource(log, [], 100)
    append(log, b"unfinished")
    follower.poll(taken)
    shutil.copy(log, log.with_name("app.log.1"))
    os.truncate(log, 0)
    follower.poll(taken)
    append(log, b"2\n")
    follower.poll(taken)
    assert taken.blocks == [b"1\n", b"unfinished", b"2\n"]
    assert last_place(taken).lines == 1
    follower.close()


def test_a_log_that_was_emptied_and_is_longer_again_is_known_by_its_head(log, taken):
    follower = TailSource(log, [], 100)
    follower.poll(taken)
    os.truncate(log, 0)
    append(log, b"2 is longer\n")
    follower.poll(taken)
    assert taken.blocks == [b"1\n", b"2 is longer\n"]
    follower.close()


def test_a_gap_between_two_steps_of_a_rotation_is_waited_out(log, taken):
    follower = TailSource(log, [], 100)
    follower.poll(taken)
    log.rename(log.with_name("app.log.1"))
    assert follower.poll(taken)
    log.write_bytes(b"2\n")
    follower.poll(taken)
    assert taken.blocks == [b"1\n", b"2\n"]
    follower.close()


def went_on(log, positions, lines=100) -> Taken:
    """What a second process reads that goes on from these positions."""
    taken = Taken()
    follower = TailSource(log, positions, lines)
    follower.poll(taken)
    follower.close()
    return taken


@pytest.fixture
def left(log, taken) -> list[FilePosition]:
    """The positions of a process that died when it had read `1` and not yet `2`."""
    follower = TailSource(log, [], 1)
    append(log, b"2\n")
    taken.room = 1
    follower.poll(taken)
    follower.close()
    assert taken.blocks == [b"1\n"]
    return [last_place(taken)]


def test_it_goes_on_where_it_was(log, left):
    append(log, b"3\n")
    log.with_name("app.log.1").write_bytes(b"of an earlier day, touched recently\n")
    assert went_on(log, left).blocks == [b"2\n3\n"]


def test_it_goes_on_in_a_log_that_was_renamed_meanwhile_and_in_those_renamed_since(log, left):
    log.rename(log.with_name("app.log.2"))
    os.utime(log.with_name("app.log.2"), (100, 100))
    for number, (name, content) in enumerate(
        (("app.log.9", b"old\n"), ("app.log.1", b"3\n"), ("app.log", b"4\n"))
    ):
        log.with_name(name).write_bytes(content)
        os.utime(log.with_name(name), (50 + 100 * number, 50 + 100 * number))
    log.with_name("app.log.json").write_bytes(b"of somebody else\n")
    again = went_on(log, left)
    assert again.blocks == [b"2\n", b"3\n", b"4\n"]
    assert [news.position.name for news in again.gone] == ["app.log", "app.log"]


def test_it_goes_on_in_the_copy_of_a_log_that_was_emptied_meanwhile(log, left):
    shutil.copy(log, log.with_name("app.log-20190812"))
    os.truncate(log, 0)
    append(log, b"3\n")
    again = went_on(log, left)
    assert again.blocks == [b"2\n", b"3\n"]
    assert left[0].key in [news.position.key for news in again.gone]


def test_it_says_what_it_cannot_find_again(log, left, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger(logs.ROOT), "propagate", True)
    log.unlink()
    log.write_bytes(b"3\n")
    again = went_on(log, left)
    assert again.blocks[-1] == b"3\n"
    assert [news.position for news in again.gone] == left
    assert "rotated while stopped" in caplog.text
    assert "after byte 2 " in caplog.text


def test_two_logs_that_were_being_read_are_both_gone_on_with_and_none_twice(log, taken):
    with log.open("ab", buffering=0) as writer:
        follower = TailSource(log, [], 100)
        follower.poll(taken)
        log.rename(log.with_name("app.log.1"))
        log.write_bytes(b"3\n")
        follower.poll(taken)
        follower.close()
        positions = {item.position.key: item.position for item in taken.items if isinstance(item, Batch)}
        writer.write(b"2\n")
    log.with_name("app.log.1").rename(log.with_name("app.log.2"))
    log.rename(log.with_name("app.log.1"))
    append(log.with_name("app.log.1"), b"4\n")
    log.write_bytes(b"5\n")
    assert went_on(log, list(positions.values())).blocks == [b"2\n", b"4\n", b"5\n"]


def test_at_the_end_an_unfinished_line_counts_unless_somebody_is_writing_it(log, taken):
    append(log, b"2")
    follower = TailSource(log, [], 100)
    follower.poll(taken)
    with log.open("ab"):
        follower.end(taken)
        assert taken.blocks == [b"1\n"]
    follower.end(taken)
    assert taken.blocks == [b"1\n", b"2"]
    follower.close()


def test_a_log_that_cannot_be_opened_is_an_error(tmp_path, taken):
    path = tmp_path / "app.log"
    path.symlink_to(path)
    with pytest.raises(InputError, match="cannot be opened"):
        TailSource(path, [], 100).poll(taken)


def test_a_log_that_is_opened_is_reported_before_a_line_comes(log, taken):
    """Or nobody would look for it after a kill and another rotation."""
    follower = TailSource(log, [], 100)
    follower.poll(taken)
    log.rename(log.with_name("app.log.1"))
    log.touch()
    follower.poll(taken)
    follower.close()
    begun = [item.position for item in taken.items if isinstance(item, Begun)]
    assert [position.inode for position in begun] == [
        path.stat().st_ino for path in (log.with_name("app.log.1"), log)
    ]
    append(log, b"2\n")
    log.rename(log.with_name("app.log.3"))
    log.write_bytes(b"3\n")
    assert went_on(log, begun[1:]).blocks == [b"2\n", b"3\n"]
