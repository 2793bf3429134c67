"""Files of a folder are read once, when they are whole, and moved; nothing is overwritten or lost."""

from __future__ import annotations

import os
import stat
from types import SimpleNamespace

import pytest
from worlds import Hand, Taken, unknown

from reduction.errors import InputError, WriteError
from reduction.hosts.streaming.directory_source import DirectorySource, move_to_processed
from reduction.hosts.streaming.event_queue import Finished
from reduction.hosts.streaming.log_reader import Batch, has_writer


@pytest.fixture
def taken() -> Taken:
    return Taken()


def archive(folder: DirectorySource, taken: Taken) -> list[bool]:
    return [folder.archive(item.position) for item in taken.items if isinstance(item, Finished)]


def names(path) -> list[str]:
    return sorted(str(found.relative_to(path)) for found in path.rglob("*") if found.is_file())


def needs_leases(path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    known = has_writer(descriptor)
    os.close(descriptor)
    if known is None:
        pytest.skip("this system does not show who writes")


def test_whole_files_are_read_the_oldest_first_and_moved(tmp_path, taken):
    for age, name in enumerate(("a.txt", "c.txt", "b.txt")):
        (tmp_path / name).write_bytes(name.encode() + b"\nlast")
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    folder = DirectorySource(tmp_path, [], 100)
    assert folder.poll(taken)
    assert taken.blocks == [b"b.txt\n", b"last", b"c.txt\n", b"last", b"a.txt\n", b"last"]
    assert taken.finished == ["b.txt", "c.txt", "a.txt"]
    assert folder.poll(taken)
    assert len(taken.finished) == 3, "once is enough, also before they are moved"
    assert archive(folder, taken) == [True] * 3
    assert names(tmp_path) == ["processed/a.txt", "processed/b.txt", "processed/c.txt"]


def test_other_names_folders_and_links_are_left_alone(tmp_path, taken):
    for name in (".hidden.txt", "x.txt.part", "x.txt.tmp", "x.csv", "TXT", ".txt"):
        (tmp_path / name).write_bytes(b"x\n")
    (tmp_path / "folder.txt").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "x.csv")
    os.mkfifo(tmp_path / "pipe.txt")
    assert DirectorySource(tmp_path, [], 100).poll(taken)
    assert taken.items == []


def test_a_file_that_is_being_written_is_left_until_it_is_closed(tmp_path, taken):
    path = tmp_path / "a.txt"
    path.touch()
    needs_leases(path)
    folder = DirectorySource(tmp_path, [], 100)
    with path.open("wb", buffering=0) as writer:
        writer.write(b"one\n")
        assert folder.poll(taken)
        assert taken.items == []
        writer.write(b"two\n")
    assert folder.poll(taken)
    assert taken.blocks == [b"one\ntwo\n"]


def test_where_writers_cannot_be_known_a_file_is_whole_when_it_has_rested(tmp_path, taken):
    path, clock = tmp_path / "a.txt", Hand(100.0)
    path.write_bytes(b"one\n")
    folder = DirectorySource(tmp_path, [], 100, writer_of=unknown, monotonic=clock)
    assert not folder.poll(taken)
    clock.now += 1.9
    assert not folder.poll(taken)
    with path.open("ab") as writer:
        writer.write(b"two\n")
    clock.now += 1.9
    assert not folder.poll(taken), "it has changed since the last look"
    clock.now += 2
    assert folder.poll(taken)
    assert taken.blocks == [b"one\ntwo\n"]


def test_a_name_that_exists_in_processed_is_kept_apart(tmp_path, taken):
    folder = DirectorySource(tmp_path, [], 100)
    for content in (b"1\n", b"2\n", b"3\n"):
        (tmp_path / "a.b.txt").write_bytes(content)
        assert folder.poll(taken)
        assert folder.archive(taken.items[-1].position)
    processed = tmp_path / "processed"
    found = {path.name: path.read_bytes() for path in processed.iterdir()}
    assert found == {"a.b.txt": b"1\n", "a.b.1.txt": b"2\n", "a.b.2.txt": b"3\n"}


def test_without_hard_links_nothing_is_overwritten_either(tmp_path, taken, monkeypatch):
    def no_links(*args, **kwargs):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    folder = DirectorySource(tmp_path, [], 100)
    for content in (b"1\n", b"2\n"):
        (tmp_path / "a.txt").write_bytes(content)
        assert folder.poll(taken)
        assert folder.archive(taken.items[-1].position)
    assert names(tmp_path) == ["processed/a.1.txt", "processed/a.txt"]
    assert (tmp_path / "processed" / "a.txt").read_bytes() == b"1\n"


def test_a_file_that_grew_after_it_was_read_stays_and_is_read_on(tmp_path, taken):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n")
    folder = DirectorySource(tmp_path, [], 100)
    folder.poll(taken)
    with path.open("ab") as writer:
        writer.write(b"two\n")
    assert archive(folder, taken) == [False]
    folder.poll(taken)
    assert taken.blocks == [b"one\n", b"two\n"]
    assert folder.archive(taken.items[-1].position)
    assert names(tmp_path) == ["processed/a.txt"]


def test_a_file_that_took_the_name_of_one_that_was_read_is_read_too(tmp_path, taken):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n")
    folder = DirectorySource(tmp_path, [], 100)
    folder.poll(taken)
    (tmp_path / "new").write_bytes(b"two\n")
    (tmp_path / "new").replace(path)
    assert archive(folder, taken) == [False]
    folder.poll(taken)
    assert taken.blocks == [b"one\n", b"two\n"]


def test_a_half_moved_file_is_moved_once(tmp_path, taken):
    """The process died between making the new name and taking the old one away."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n")
    DirectorySource(tmp_path, [], 100).poll(taken)
    (tmp_path / "processed").mkdir()
    os.link(path, tmp_path / "processed" / "a.txt")
    assert move_to_processed(tmp_path, taken.items[-1].position) == tmp_path / "processed" / "a.txt"
    assert names(tmp_path) == ["processed/a.txt"]


def test_a_file_is_read_on_from_where_it_was_left(tmp_path, taken):
    (tmp_path / "a.txt").write_bytes(b"1\n2\n3\n")
    (tmp_path / "b.txt").write_bytes(b"x\n")
    os.utime(tmp_path / "b.txt", (1, 1))
    DirectorySource(tmp_path, [], 1).poll(taken)
    left = next(item.position for item in taken.items if isinstance(item, Batch) and item.block == b"2\n")
    again = Taken()
    DirectorySource(tmp_path, [left], 1).poll(again)
    assert again.blocks == [b"3\n", b"x\n"], "what was begun comes first"


def test_a_file_that_was_counted_but_not_moved_is_not_read_again(tmp_path, taken):
    (tmp_path / "a.txt").write_bytes(b"1\n")
    DirectorySource(tmp_path, [], 1).poll(taken)
    whole = taken.items[-1].position
    assert whole.is_whole
    again = Taken()
    folder = DirectorySource(tmp_path, [whole], 1)
    folder.poll(again)
    assert again.items == []
    assert folder.archive(whole)


def test_a_file_that_is_put_away_while_the_folder_is_listed_is_not_said_to_be_left_behind(
    tmp_path, taken, monkeypatch, caplog
):
    (tmp_path / "a.txt").write_bytes(b"one\n")
    folder = DirectorySource(tmp_path, [], 100)
    assert folder.poll(taken)

    def put_away_meanwhile(mode):  # the listing has the status of the file, not yet whether it was read
        assert archive(folder, taken) == [True]
        return stat.S_ISREG(mode)

    monkeypatch.setattr(
        "reduction.hosts.streaming.directory_source.stat", SimpleNamespace(S_ISREG=put_away_meanwhile)
    )
    folder.end(taken)
    assert (names(tmp_path), caplog.messages) == (["processed/a.txt"], [])


def test_a_reader_that_nobody_listens_to_stops(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"1\n2\n3\n")
    (tmp_path / "b.txt").write_bytes(b"4\n")
    deaf = Taken(room=1)
    DirectorySource(tmp_path, [], 1).poll(deaf)
    assert deaf.blocks == [b"1\n"]
    assert deaf.finished == []


def test_a_folder_that_is_gone_and_a_file_that_cannot_be_moved_are_errors(tmp_path, taken):
    with pytest.raises(InputError, match="cannot be listed"):
        DirectorySource(tmp_path / "missing", [], 1).poll(taken)
    (tmp_path / "a.txt").write_bytes(b"1\n")
    DirectorySource(tmp_path, [], 1).poll(taken)
    (tmp_path / "processed").write_bytes(b"in the way")
    with pytest.raises(WriteError, match="cannot be moved"):
        move_to_processed(tmp_path, taken.items[-1].position)
