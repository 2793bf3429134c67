"""The counting side of streaming: takes what was read, tells reports, and keeps the stats of both.

The order of steps is what makes it safe to die between any two of them. First a commit says at once what has
been counted and which reports came of it; then the reports are told; then whole files are moved away.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from reduction.errors import OutputError
from reduction.hosts.malformed import SHOWN_OF_A_REASON, MalformedLine, shown_text
from reduction.hosts.streaming.checkpoint import Save, State, Telling
from reduction.hosts.streaming.clocks import Clock, Rules, new_clock
from reduction.hosts.streaming.event_queue import Begun, Finished, Gone
from reduction.hosts.streaming.log_reader import Batch, Place
from reduction.hosts.streaming.reports import Format, Report
from reduction.hosts.streaming.sinks import Output

_MOST_BYTES_SINCE = 64 << 20  # batches kept as they are, until windows are written down instead
_SECONDS_BETWEEN_COMMITS = 1.0
_SHARE_OF_COMMITS = 0.1  # of the time, when windows are large
_LOG = logging.getLogger("reduction.hosts")


class Keeper(Protocol):
    """Where the stats are kept: a `State`, or nowhere."""

    @property
    def bytes_since(self) -> int:
        """Return the bytes of batches that were added since the last commit."""

    def add(self, batch: Batch) -> None:
        """Write down a batch that closed no window."""

    def commit(
        self, clock: Mapping[str, int], places: Iterable[Place], save: Save, telling: Telling | None
    ) -> None:
        """Write down everything at once."""

    def told(self) -> None:
        """Take note that the reports of the last commit have been told."""


class Unkept:
    """Keeps no stats: what was counted is lost with the process."""

    bytes_since = 0

    def add(self, batch: Batch) -> None:
        """See `Keeper`."""

    def commit(
        self, clock: Mapping[str, int], places: Iterable[Place], save: Save, telling: Telling | None
    ) -> None:
        """See `Keeper`."""

    def told(self) -> None:
        """See `Keeper`."""


class Audience(NamedTuple):
    """Where reports go, in which form, and who else wants to see them."""

    output: Output
    form: Format
    show: Callable[[Sequence[Report]], object]


class Stream:
    """What has been counted and not yet told; times are Unix milliseconds that never go back."""

    def __init__(
        self,
        clock: Clock,
        keeper: Keeper,
        audience: Audience,
        move: Callable[[Place], bool],
        places: Iterable[Place] = (),
        *,
        keeps_batches: bool = False,
    ) -> None:
        """Go on from `places`; `move` puts a whole file away and returns whether it could.

        `keeps_batches`: what is read may not be there to be read again, so each batch is written down.
        """
        self.clock = clock
        self.malformed_lines = 0  # in all that was told
        self._keeper = keeper
        self._audience = audience
        self._move = move
        self._places = {place.key: place for place in places}
        self._finished = [place for place in self._places.values() if place.is_whole]
        self._keeps_batches = keeps_batches
        self._has_news = bool(self._finished)  # since the last commit
        self._next_commit_ms = 0
        self._shown: Counter[str] = Counter()

    def take(self, item: Batch | Begun | Finished | Gone, now_ms: Callable[[], int]) -> None:
        """Count a batch, or take note of what became of a file."""
        if isinstance(item, Batch):
            self._take_batch(item, now_ms)
            return
        self._has_news = True
        if isinstance(item, Gone):
            self._places.pop(item.place.key, None)
            return
        self._places[item.place.key] = item.place
        if isinstance(item, Finished):
            self._finished.append(item.place)

    def pause(self, now_ms: Callable[[], int]) -> None:
        """Nothing more has come for now: write down what has, and put whole files away."""
        if self._has_news:
            self.commit([], now_ms)

    def tick(self, now_ms: Callable[[], int]) -> None:
        """Tell what is due although nothing came."""
        if reports := self.clock.tick(now_ms()):
            self.commit(reports, now_ms)

    def suspend(self, now_ms: Callable[[], int]) -> None:
        """Write down everything: somebody will go on from there."""
        self.commit([], now_ms)

    def end(self, now_ms: Callable[[], int]) -> None:
        """Tell of the open windows, because there is no more to come."""
        self.commit(self.clock.end(now_ms()), now_ms)

    def commit(self, reports: Sequence[Report], now_ms: Callable[[], int]) -> None:
        """Write down everything, tell the reports, put whole files away."""
        started = now_ms()
        telling = None
        if reports:
            text = b"".join(map(self._audience.form, reports))
            telling = Telling(self._audience.output.position(), text)
        self._keeper.commit(self.clock.saved(), self._places.values(), self.clock.windows.save, telling)
        if telling is not None:
            self._audience.output.tell(telling.text)
            self._keeper.told()
            self._audience.show(reports)
            self.malformed_lines += sum(sum(report.window.malformed.values()) for report in reports)
            self._shown.clear()
        self._put_away()
        self._has_news = False
        ended = now_ms()
        pause_ms = max(_SECONDS_BETWEEN_COMMITS * 1000, (ended - started) / _SHARE_OF_COMMITS)
        self._next_commit_ms = ended + int(pause_ms)

    def _take_batch(self, batch: Batch, now_ms: Callable[[], int]) -> None:
        reports, malformed = self.clock.take(batch.block, now_ms())
        self._places[batch.place.key] = batch.place
        for line in malformed:
            self._show(batch, line)
        if reports:
            self.commit(reports, now_ms)
        elif self._keeps_batches:
            self._keeper.add(batch)
            if self._keeper.bytes_since > _MOST_BYTES_SINCE:
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
                batch.place.name, f"{batch.lines_before + line.line + 1:,}", line.reason,
                shown_text(line.text),
            )  # fmt: skip

    def _put_away(self) -> None:
        for place in self._finished:
            if self._move(place):
                self._places.pop(place.key, None)
            else:
                self._places[place.key] = replace(place, is_whole=False)
        self._finished.clear()


def go_on(
    state: State, rules: Rules, output: Output, now_ms: int, first: Callable[[], Sequence[Place]] = list
) -> tuple[Clock, Sequence[Place]]:
    """Return the clock and the places with all that the state had; tell what may not have been told.

    A state that is new begins with the places that `first` gives.

    Raises `OutputError` if the state does not hold what it should.
    """
    found = state.find()
    clock = new_clock(rules, now_ms, found.clock if found else None)
    if found is None:
        places = first()
        state.commit(clock.saved(), places, clock.windows.save, None)
        return clock, places
    try:
        clock.windows.restore(state.windows())
    except ValueError as error:
        raise OutputError(f"the state is damaged: {error}; take a new one") from error
    for block in state.blocks_since():
        clock.windows.feed(block)  # which closes no window, or it would not have been kept
    if found.telling is not None:
        output.tell_again(found.telling)
        state.told()
    return clock, found.places
