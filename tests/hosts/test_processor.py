"""The whole of streaming without its threads: replay equals live, killed and gone on equals undisturbed."""

from __future__ import annotations

import os
import shutil
from itertools import count, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reduction.hosts.streaming.checkpoint import Checkpoint
from reduction.hosts.streaming.clocks import WindowConfig, new_clock
from reduction.hosts.streaming.directory_source import DirectorySource
from reduction.hosts.streaming.processor import NullCheckpoint, ReportSink, StreamProcessor, restore
from reduction.hosts.streaming.reports import as_json
from reduction.hosts.streaming.sinks import FileOutput
from reduction.hosts.streaming.tail_source import TailSource

RULES = WindowConfig("H", "event", 10_000, 5_000, 10**9)
HOSTS = ["H", "a", "b", "c"]
DISORDER = st.integers(0, 6_000)
LINES = st.lists(
    st.tuples(
        st.integers(0, 3_000), DISORDER, st.sampled_from(HOSTS), st.sampled_from(HOSTS), st.integers(0, 19)
    ),
    max_size=60,
)
CUTS = st.lists(st.integers(0, 1500), max_size=5).map(sorted)
property_of_files = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)


class Died(Exception):
    """The process was killed here."""


def log_of(lines) -> bytes:
    """Lines that are late by up to six seconds, some of them malformed or blank, some with CRLF."""
    time, text = 1565654400000, b""
    for step, late, source, target, oddity in lines:
        time += step
        line = f"{time - late} {source} {target}".encode()
        text += {0: b"nonsense", 1: b"", 2: b"\xff " + line}.get(oddity, line)
        text += b"\r\n" if oddity % 2 else b"\n"
    return text


def cut_at_lines(log: bytes, cuts: list[int]) -> list[bytes]:
    """Parts that end with whole lines, near the positions given."""
    edges = [0, *(log.rfind(b"\n", 0, cut) + 1 for cut in cuts if cut < len(log)), len(log)]
    return [log[start:stop] for start, stop in pairwise(edges)]


def replayed(folder, log: bytes, batch_bytes: int = 100_000) -> bytes:
    """The reports of the finished log as one file."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "log.txt").write_bytes(log)
    return from_folder(folder, folder / "out", batch_bytes)


def from_folder(folder, out, batch_bytes: int, state: Checkpoint | None = None, consumer=None) -> bytes:
    """What is in `out` after everything in the folder was read, once."""
    output = FileOutput(out)
    clock, positions = restore(state, RULES, output, 0) if state else (new_clock(RULES, 0), [])
    source = DirectorySource(folder, positions, batch_bytes)
    processor = StreamProcessor(
        clock, state or NullCheckpoint(), ReportSink(output, as_json, list), source.archive, positions
    )
    drain(source, processor, consumer)
    return out.read_bytes()


def drain(source, processor: StreamProcessor, consumer=None) -> None:
    now_ms = count(0, 400).__next__  # so that now and then a commit is due
    source.poll(consumer or EventConsumer(processor, now_ms))
    source.end(consumer or EventConsumer(processor, now_ms))
    processor.end(now_ms)
    source.close()


class EventConsumer:
    """Takes at once, where two threads would pass things on."""

    def __init__(self, processor: StreamProcessor, now_ms) -> None:
        self.processor, self.now_ms = processor, now_ms

    def put(self, item) -> bool:
        self.processor.take(item, self.now_ms)
        return True


def put_into(folder, parts) -> None:
    """A new folder with these files, each a second younger than the one before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for number, part in enumerate(parts):
        (folder / f"{number}.txt").write_bytes(part)
        os.utime(folder / f"{number}.txt", (number, number))


@property_of_files
@given(LINES, CUTS, st.integers(1, 20))
def test_replay_equals_live_however_the_log_is_cut_into_files_and_batches(tmp_path, lines, cuts, batch_bytes):
    log = log_of(lines)
    expected = replayed(tmp_path / "replay", log)
    folder = tmp_path / "live"
    put_into(folder, cut_at_lines(log, cuts))
    assert from_folder(folder, folder / "out", batch_bytes) == expected
    assert not list(folder.glob("*.txt"))


@property_of_files
@given(LINES, CUTS, st.integers(1, 20))
def test_replay_equals_a_log_that_was_followed_while_it_grew_by_any_bytes(tmp_path, lines, cuts, batch_bytes):
    log = log_of(lines)
    expected = replayed(tmp_path / "replay", log)
    growing, out = tmp_path / "growing.log", tmp_path / "out"
    growing.write_bytes(b"")
    out.unlink(missing_ok=True)
    source = TailSource(growing, [], batch_bytes)
    processor = StreamProcessor(
        new_clock(RULES, 0), NullCheckpoint(), ReportSink(FileOutput(out), as_json, list), source.archive
    )
    consumer = EventConsumer(processor, count().__next__)
    for start, stop in pairwise([0, *(cut for cut in cuts if cut < len(log)), len(log)]):
        with growing.open("ab") as writer:
            writer.write(log[start:stop])
        source.poll(consumer)
    drain(source, processor)
    assert out.read_bytes() == expected


class Mortal:
    """Takes until it dies, before or after the item is taken."""

    def __init__(self, consumer: EventConsumer, lives: int) -> None:
        self.consumer, self.left = consumer, lives

    def put(self, item) -> bool:
        self.left -= 1
        if self.left == 0:
            raise Died
        self.consumer.put(item)
        self.left -= 1
        if self.left == 0:
            raise Died
        return True


def streamed_with_deaths(new_source, out, state_folder, deaths, *, follows: bool) -> bytes:
    """What is in `out` after a process for each of `deaths`, and one that came to its end."""
    for lives in [*deaths, -1]:
        state = Checkpoint(state_folder, {})
        try:
            output = FileOutput(out)
            clock, positions = restore(state, RULES, output, 0)
            source = new_source(positions)
            sink = ReportSink(output, as_json, list)
            processor = StreamProcessor(clock, state, sink, source.archive, positions, keeps_batches=follows)
            mortal = Mortal(EventConsumer(processor, count(0, 400).__next__), lives)
            source.poll(mortal)
            if lives < 0:
                drain(source, processor)
        except Died:
            pass
        finally:
            source.close()
            state.close()
    return out.read_bytes()


@property_of_files
@given(LINES, CUTS, st.integers(1, 9), st.lists(st.integers(1, 30), max_size=4))
def test_killed_and_gone_on_equals_undisturbed(tmp_path, lines, cuts, batch_bytes, deaths):
    log = log_of(lines)
    expected = replayed(tmp_path / "replay", log)
    folder = tmp_path / "live"
    put_into(folder, cut_at_lines(log, cuts))

    def new_source(positions) -> DirectorySource:
        return DirectorySource(folder, positions, batch_bytes)

    reported = streamed_with_deaths(new_source, folder / "out", folder / "state", deaths, follows=False)
    assert reported == expected
    assert not list(folder.glob("*.txt"))


@property_of_files
@given(LINES, st.integers(1, 9), st.lists(st.integers(1, 30), max_size=4))
def test_a_followed_log_killed_and_gone_on_equals_undisturbed(tmp_path, lines, batch_bytes, deaths):
    log = log_of(lines)
    expected = replayed(tmp_path / "replay", log)
    folder = tmp_path / "live"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "app.log").write_bytes(log)

    def new_source(positions) -> TailSource:
        return TailSource(folder / "app.log", positions, batch_bytes)

    assert (
        streamed_with_deaths(new_source, folder / "out", folder / "state", deaths, follows=True) == expected
    )


def test_batches_of_a_followed_log_are_kept_until_windows_are_written(tmp_path, monkeypatch):
    """What was read is counted after a kill although the log was emptied meanwhile."""
    log = tmp_path / "app.log"
    log.write_bytes(b"1565654400000 H a\n")

    def new_source(positions) -> TailSource:
        return TailSource(log, positions, 100)

    out, state = tmp_path / "out", tmp_path / "state"
    for content in (b"1565654400001 H b\n", b"1565654400002 H c\n"):
        streamed_with_deaths_once(new_source, out, state)
        os.truncate(log, 0)
        log.write_bytes(content)
    reported = streamed_with_deaths(new_source, out, state, [], follows=True)
    assert b'"outgoing": ["a", "b", "c"]' in reported


def streamed_with_deaths_once(new_source, out, state_folder) -> None:
    """A process that takes what is there and dies."""
    state = Checkpoint(state_folder, {})
    output = FileOutput(out)
    clock, positions = restore(state, RULES, output, 0)
    source = new_source(positions)
    processor = StreamProcessor(
        clock, state, ReportSink(output, as_json, list), source.archive, positions, keeps_batches=True
    )
    source.poll(EventConsumer(processor, count().__next__))
    source.close()
    state.close()


@pytest.mark.parametrize("most", [0, 30])
def test_many_kept_batches_become_windows(tmp_path, monkeypatch, most):
    monkeypatch.setattr("reduction.hosts.streaming.processor._MOST_BYTES_SINCE", most)
    log = tmp_path / "app.log"
    log.write_bytes(b"1565654400000 H a\n" * 10)
    state = Checkpoint(tmp_path / "state", {})
    output = FileOutput(tmp_path / "out")
    clock, positions = restore(state, RULES, output, 0)
    source = TailSource(log, positions, 1)
    processor = StreamProcessor(
        clock, state, ReportSink(output, as_json, list), source.archive, keeps_batches=True
    )
    source.poll(EventConsumer(processor, count().__next__))
    assert state.bytes_since <= most + 18
    assert len(list(state.blocks_since())) <= 1
    state.close()
