"""What a state keeps, it gives back; and a report is in a file exactly once, whenever the process died."""

from __future__ import annotations

import json
import os
import sqlite3

import pytest

from reduction.errors import OutputError, SettingsError, WriteError
from reduction.hosts.streaming.checkpoint import Checkpoint, PendingReports
from reduction.hosts.streaming.log_reader import Batch, FilePosition
from reduction.hosts.streaming.sinks import FileOutput, StandardOutput

RULES = {"-H": "Aadvik", "-t": 3600}
PLACE = FilePosition("odd \udcff name.txt", 2**64 - 1, 2**63 + 5, 3, "digest", 70, 2)


def chunks(*data: bytes):
    """What hands out these bytes when it is to save itself."""

    def save(out) -> None:
        for chunk in data:
            out(chunk)

    return save


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "state"


def test_a_new_state_has_nothing(folder):
    state = Checkpoint(folder, RULES)
    assert state.find() is None
    state.close()


def test_what_was_committed_is_found_again(folder):
    state = Checkpoint(folder, RULES)
    state.commit({"start_ms": 5}, [PLACE], chunks(b"win", b"dows"), PendingReports(7, b"report"))
    state.close()
    state = Checkpoint(folder, RULES)
    found = state.find()
    assert found.clock == {"start_ms": 5}
    assert found.positions == [PLACE]
    assert found.pending == PendingReports(7, b"report")
    read = state.windows()
    assert [read(5), read(0), read(9)] == [b"windo", b"", b"ws"]
    assert list(state.blocks_since()) == []
    state.acknowledge()
    assert state.find().pending is None
    state.close()


def test_a_commit_replaces_all_that_was_there(folder):
    state = Checkpoint(folder, RULES)
    state.commit({}, [PLACE], chunks(b"old"), None)
    state.add(Batch(b"block\n", FilePosition("b", 1, 1, offset=6)))
    state.commit({"start_ms": 1}, [], chunks(b""), None)
    found = state.find()
    assert (found.positions, found.clock, state.windows()(10)) == ([], {"start_ms": 1}, b"")
    assert (list(state.blocks_since()), state.bytes_since) == ([], 0)
    state.close()


def test_batches_since_are_kept_in_their_order_with_the_last_place_of_each_file(folder):
    state = Checkpoint(folder, RULES)
    first, second = FilePosition("a", 1, 1), FilePosition("b", 1, 2)
    state.commit({}, [first, second], chunks(b"w"), None)
    for position in (
        FilePosition("b", 1, 2, offset=4),
        FilePosition("a", 1, 1, offset=4),
        FilePosition("b", 1, 2, offset=8),
    ):
        state.add(Batch(b"%s %d\n" % (position.name.encode(), position.offset), position))
    state.close()
    state = Checkpoint(folder, RULES)
    assert list(state.blocks_since()) == [b"b 4\n", b"a 4\n", b"b 8\n"]
    assert state.bytes_since == 12
    assert [(position.name, position.offset) for position in state.find().positions] == [("a", 4), ("b", 8)]
    state.close()


def test_windows_of_any_size_are_kept(folder, monkeypatch):
    monkeypatch.setattr("reduction.hosts.streaming.checkpoint._PIECE", 10)
    state = Checkpoint(folder, RULES)
    content = bytes(range(256)) * 2
    state.commit({}, [], chunks(*(content[at : at + 7] for at in range(0, len(content), 7))), None)
    assert state.windows()(1000) == content
    state.close()


def test_a_transaction_that_fails_changes_nothing(folder):
    state = Checkpoint(folder, RULES)
    state.commit({}, [PLACE], chunks(b"good"), None)

    def broken(out) -> None:
        out(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        state.commit({"start_ms": 9}, [], broken, PendingReports(1, b"x"))
    found = state.find()
    assert (found.positions, found.clock, found.pending, state.windows()(9)) == ([PLACE], {}, None, b"good")
    state.close()


def test_a_state_of_another_question_is_rejected_and_says_which(folder):
    Checkpoint(folder, RULES).close()
    with pytest.raises(SettingsError, match="with -t 3600 \\(now 60\\)"):
        Checkpoint(folder, RULES | {"-t": 60})


def test_two_processes_cannot_share_a_state(folder):
    state = Checkpoint(folder, RULES)
    with pytest.raises(OutputError, match="another process"):
        Checkpoint(folder, RULES)
    state.close()
    Checkpoint(folder, RULES).close()


def test_a_state_that_is_no_state_is_an_error(folder, tmp_path):
    folder.mkdir(parents=True)
    (folder / "streaming.sqlite").write_bytes(b"nonsense" * 1000)
    with pytest.raises(OutputError, match="cannot use the checkpoint"):
        Checkpoint(folder, RULES)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot use the checkpoint"):
        Checkpoint(tmp_path / "file" / "state", RULES)


def test_a_state_of_another_version_is_rejected(folder):
    Checkpoint(folder, RULES).close()
    with sqlite3.connect(folder / "streaming.sqlite") as base:
        base.execute("UPDATE about SET value = 'other' WHERE name = 'format'")
    base.close()
    with pytest.raises(SettingsError, match="another version"):
        Checkpoint(folder, RULES)


def test_a_file_takes_reports_at_its_end(tmp_path):
    path = tmp_path / "reports"
    path.write_bytes(b"before\n")
    output = FileOutput(path)
    assert output.position() == 7
    output.emit(b"one\n")
    output.emit(b"two\n")
    assert path.read_bytes() == b"before\none\ntwo\n"


@pytest.mark.parametrize("written", range(8))
def test_a_report_that_was_written_in_part_is_written_exactly_once(tmp_path, written):
    path = tmp_path / "reports"
    path.write_bytes(b"before\n" + b"report\n"[:written])
    FileOutput(path).replay(PendingReports(7, b"report\n"))
    assert path.read_bytes() == b"before\nreport\n"


def test_what_somebody_else_wrote_meanwhile_is_not_cut_off(tmp_path):
    path = tmp_path / "reports"
    for content in (b"before\nother\n", b"befo", b"before\nrepother\n"):
        path.write_bytes(content)
        FileOutput(path).replay(PendingReports(7, b"report\n"))
        assert path.read_bytes() == content + b"report\n"


def test_a_report_that_was_written_before_others_came_is_not_written_again(tmp_path):
    path = tmp_path / "reports"
    path.write_bytes(b"before\nreport\nother\n")
    FileOutput(path).replay(PendingReports(7, b"report\n"))
    assert path.read_bytes() == b"before\nreport\nother\n"


def test_standard_output_may_repeat(tmp_path):
    descriptor = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    output = StandardOutput(descriptor)
    output.emit(b"one\n")
    output.replay(PendingReports(output.position(), b"one\n"))
    os.close(descriptor)
    assert (tmp_path / "out").read_bytes() == b"one\none\n"


def test_outputs_that_cannot_be_written_are_errors(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        FileOutput(tmp_path / "missing" / "reports")
    with pytest.raises(WriteError, match="No space left"):
        StandardOutput(os.open("/dev/full", os.O_WRONLY)).emit(b"x")
    full = FileOutput(tmp_path / "reports")
    full._descriptor = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(WriteError, match="No space left"):
        full.emit(b"x")


def test_a_state_is_one_file_that_other_tools_can_read(folder):
    state = Checkpoint(folder, RULES)
    state.commit({}, [PLACE], chunks(b"w"), None)
    state.close()
    with sqlite3.connect(folder / "streaming.sqlite") as base:
        [(config,)] = base.execute("SELECT value FROM about WHERE name = 'rules'")
    base.close()
    assert json.loads(config) == RULES
