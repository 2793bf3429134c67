"""The counting side of streaming: counts batches, writes reports, and keeps the checkpoint.

The order of steps makes it safe to be killed between any two of them: first a commit stores what was counted
and which reports became due; then the reports are written; then finished files are moved.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from reduction.errors import OutputError
from reduction.hosts.malformed import SHOWN_OF_A_REASON, MalformedLine, shown_text
from reduction.hosts.streaming.checkpoint import Checkpoint, PendingReports, Save
from reduction.hosts.streaming.clocks import Clock, WindowConfig, new_clock
from reduction.hosts.streaming.event_queue import Begun, Finished, Gone
from reduction.hosts.streaming.log_reader import Batch, FilePosition
from reduction.hosts.streaming.reports import Format, Report
from reduction.hosts.streaming.sinks import Output

_MOST_BYTES_SINCE = 64 << 20  # batches stored as they are, until windows are stored instead
_SECONDS_BETWEEN_COMMITS = 1.0
_SHARE_OF_COMMITS = 0.1  # of the time, when windows are large
_LOG = logging.getLogger("reduction.hosts")


class CheckpointStore(Protocol):
    """Where progress is stored: a `Checkpoint`, or nowhere."""

    @property
    def bytes_since(self) -> int:
        """Return the bytes of batches that were added since the last commit."""

    def add(self, batch: Batch) -> None:
        """Store a batch that closed no window."""

    def commit(
        self,
        clock: Mapping[str, int],
        positions: Iterable[FilePosition],
        save: Save,
        pending: PendingReports | None,
    ) -> None:
        """Store everything in one transaction."""

    def acknowledge(self) -> None:
        """Record that the reports of the last commit were written."""


class NullCheckpoint:
    """Stores nothing: what was counted is lost with the process."""

    bytes_since = 0

    def add(self, batch: Batch) -> None:
        """Do nothing."""

    def commit(
        self,
        clock: Mapping[str, int],
        positions: Iterable[FilePosition],
        save: Save,
        pending: PendingReports | None,
    ) -> None:
        """Do nothing."""

    def acknowledge(self) -> None:
        """Do nothing."""


class ReportSink(NamedTuple):
    """Where reports go, in which format, and who else shows them."""

    output: Output
    form: Format
    show: Callable[[Sequence[Report]], object]


class StreamProcessor:
    """What was counted and not yet reported; times are Unix milliseconds that never decrease."""

    def __init__(
        self,
        clock: Clock,
        checkpoint: CheckpointStore,
        sink: ReportSink,
        move: Callable[[FilePosition], bool],
        positions: Iterable[FilePosition] = (),
        *,
        keeps_batches: bool = False,
    ) -> None:
        """Continue from `positions`; `move` archives a finished file and returns whether it did.

        `keeps_batches`: input may not be available again, so each batch is stored.
        """
        self.clock = clock
        self.malformed_lines = 0  # in all reports so far
        self._checkpoint = checkpoint
        self._sink = sink
        self._move = move
        self._positions = {position.key: position for position in positions}
        self._finished = [position for position in self._positions.values() if position.is_whole]
        self._keeps_batches = keeps_batches
        self._has_news = bool(self._finished)  # since the last commit
        self._next_commit_ms = 0
        self._shown: Counter[str] = Counter()

    def take(self, item: Batch | Begun | Finished | Gone, now_ms: Callable[[], int]) -> None:
        """Count a batch, or record what happened to a file."""
        if isinstance(item, Batch):
            self._take_batch(item, now_ms)
            return
        self._has_news = True
        if isinstance(item, Gone):
            self._positions.pop(item.position.key, None)
            return
        self._positions[item.position.key] = item.position
        if isinstance(item, Finished):
            self._finished.append(item.position)

    def pause(self, now_ms: Callable[[], int]) -> None:
        """Commit and archive finished files while no input arrives."""
        if self._has_news:
            self.commit([], now_ms)

    def tick(self, now_ms: Callable[[], int]) -> None:
        """Write reports that are due although no input arrived."""
        if reports := self.clock.tick(now_ms()):
            self.commit(reports, now_ms)

    def checkpoint(self, now_ms: Callable[[], int]) -> None:
        """Commit, for the next process to continue."""
        self.commit([], now_ms)

    def end(self, now_ms: Callable[[], int]) -> None:
        """Report the open windows at the end of the input."""
        self.commit(self.clock.end(now_ms()), now_ms)

    def commit(self, reports: Sequence[Report], now_ms: Callable[[], int]) -> None:
        """Commit, write the reports, archive finished files."""
        started = now_ms()
        pending = None
        if reports:
            text = b"".join(map(self._sink.form, reports))
            pending = PendingReports(self._sink.output.position(), text)
        self._checkpoint.commit(
            self.clock.saved(), self._positions.values(), self.clock.windows.save, pending
        )
        if pending is not None:
            self._sink.output.emit(pending.text)
            self._checkpoint.acknowledge()
            self._sink.show(reports)
            self.malformed_lines += sum(sum(report.window.malformed.values()) for report in reports)
            self._shown.clear()
        self._archive_finished()
        self._has_news = False
        ended = now_ms()
        pause_ms = max(_SECONDS_BETWEEN_COMMITS * 1000, (ended - started) / _SHARE_OF_COMMITS)
        self._next_commit_ms = ended + int(pause_ms)

    def _take_batch(self, batch: Batch, now_ms: Callable[[], int]) -> None:
        reports, malformed = self.clock.take(batch.block, now_ms())
        self._positions[batch.position.key] = batch.position
        for line in malformed:
            self._show(batch, line)
        if reports:
            self.commit(reports, now_ms)
        elif self._keeps_batches:
            self._checkpoint.add(batch)
            if self._checkpoint.bytes_since > _MOST_BYTES_SINCE:
                self.commit([], now_ms)
        else:
            self._has_news = True
            if now_ms() >= self._next_commit_ms:
                self.commit([], now_ms)

    def _show(self, batch: Batch, line: MalformedLine) -> None:
        self._shown[line.reason] += 1
        if self._shown[line.reason] <= SHOWN_OF_A_REASON:
            _LOG.warning(
                "'%s', line %s: %s: %r",
                batch.position.name, f"{batch.lines_before + line.line + 1:,}", line.reason,
                shown_text(line.text),
            )  # fmt: skip

    def _archive_finished(self) -> None:
        for position in self._finished:
            if self._move(position):
                self._positions.pop(position.key, None)
            else:
                self._positions[position.key] = replace(position, is_whole=False)
        self._finished.clear()


def restore(
    state: Checkpoint,
    config: WindowConfig,
    output: Output,
    now_ms: int,
    first: Callable[[], Sequence[FilePosition]] = list,
) -> tuple[Clock, Sequence[FilePosition]]:
    """Return the clock and the positions of a checkpoint; replay reports that were not acknowledged.

    A new checkpoint begins with the positions that `first` returns.

    Raises `OutputError` if the checkpoint is damaged.
    """
    found = state.find()
    clock = new_clock(config, now_ms, found.clock if found else None)
    if found is None:
        positions = first()
        state.commit(clock.saved(), positions, clock.windows.save, None)
        return clock, positions
    try:
        clock.windows.restore(state.windows())
    except ValueError as error:
        raise OutputError(f"the state is damaged: {error}; use a new --state directory") from error
    for block in state.blocks_since():
        clock.windows.feed(block)  # closes no window, or it would not have been stored
    if found.pending is not None:
        output.replay(found.pending)
        state.acknowledge()
    return clock, found.positions
