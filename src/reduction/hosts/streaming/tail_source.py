"""Reads a log while it is being written, through rotation by renaming and by copying and emptying it."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from reduction.errors import InputError
from reduction.hosts.streaming.event_queue import Begun, Gone, Taker
from reduction.hosts.streaming.log_reader import (
    OpenLog,
    Place,
    first_place,
    has_writer,
    is_continued,
    open_log,
)

_QUIET_SECONDS = (
    60.0  # after which nothing more is expected of a renamed log, where its writers can't be known
)
_ROTATED = re.compile(r"[.-][0-9][0-9T._:-]*")  # what rotation puts behind the name
_LOG = logging.getLogger("reduction.hosts")


def first_places(path: Path) -> list[Place]:
    """Return the place at the beginning of a log, so that it is known again wherever rotation takes it.

    Raises `InputError` if there is no log.
    """
    try:
        return [first_place(path)]
    except OSError as error:
        raise InputError(f"the log '{path}' can't be read: {error.strerror}") from error


class Follower:
    """A log that grows, for the thread that reads.

    When another file takes the name, the old one is read on until nobody has it open for writing: a writer
    may go on with it for a while. When the file is emptied, it is read from its beginning. A line that is not
    finished waits, until its file is.
    """

    def __init__(
        self,
        path: Path,
        known: Sequence[Place],
        batch_bytes: int,
        writer_of: Callable[[int], bool | None] = has_writer,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._known = list(known)
        self._batch_bytes = batch_bytes
        self._writer_of = writer_of
        self._monotonic = monotonic
        self._logs: list[OpenLog] = []  # the last one is, or was last, the file of that name
        self._last_read: dict[int, float] = {}  # by descriptor

    def look(self, taker: Taker) -> bool:
        """Hand over what has been written; returns True: there is never more to come soon."""
        if self._known:
            self._go_on(taker)
        self._open_current(taker)
        for log in list(self._logs):
            if not self._hand_over(log, taker):
                return True
            if log is not self._logs[-1] and self._is_finished(log):
                self._retire(log, taker)
        return True

    def end(self, taker: Taker) -> None:
        """Hand over unfinished last lines too, unless somebody is still writing them."""
        for log in self._logs:
            if self._writer_of(log.descriptor):
                if log.read_to > log.place.offset:
                    _LOG.info("'%s': its last line is still being written, and is not read", log.place.name)
            elif rest := log.rest():
                taker.put(rest)

    def put_away(self, place: Place) -> bool:
        """Return False: a log that is followed stays where it is."""
        del place
        return False

    def close(self) -> None:
        """Close every file."""
        for log in self._logs:
            log.close()
        self._logs = []

    def _open_current(self, taker: Taker) -> None:
        try:
            status = self._path.stat()
            if self._is_open(status):
                return
            log = self._opened(self._path)
        except FileNotFoundError:
            return  # between two steps of a rotation
        except OSError as error:
            raise InputError(f"'{self._path}' can't be opened: {error.strerror}") from error
        if self._logs:
            _LOG.info("'%s' is another file now: the old one is read to its end", self._path)
        self._add(log, taker)

    def _add(self, log: OpenLog, taker: Taker) -> None:
        taker.put(Begun(log.place))
        self._logs.append(log)
        self._last_read[log.descriptor] = self._monotonic()

    def _hand_over(self, log: OpenLog, taker: Taker) -> bool:
        while True:
            if not log.is_what_was_read():
                _LOG.info("'%s' was emptied: it is read from its beginning", self._path)
                if (rest := log.rest()) and not taker.put(rest):
                    return False
                log.begin_again()
            batch = log.next_batch()
            if batch is None:
                return True
            self._last_read[log.descriptor] = self._monotonic()
            if not taker.put(batch):
                return False

    def _is_finished(self, log: OpenLog) -> bool:
        writer = self._writer_of(log.descriptor)
        if writer is None:
            return self._monotonic() - self._last_read[log.descriptor] >= _QUIET_SECONDS
        return not writer and os.fstat(log.descriptor).st_size <= log.read_to

    def _retire(self, log: OpenLog, taker: Taker) -> None:
        if rest := log.rest():
            taker.put(rest)
        taker.put(Gone(log.place))
        self._logs.remove(log)
        del self._last_read[log.descriptor]
        log.close()

    def _go_on(self, taker: Taker) -> None:
        """Find the files that were being read when the process ended, whatever they are called now."""
        for place in self._known:
            log = self._found(place)
            if log is None:
                _LOG.warning(
                    "'%s' was rotated away meanwhile: what was written to it after byte %s is not found",
                    place.name, f"{place.offset:,}",
                )  # fmt: skip
            else:
                self._add(log, taker)
            if log is None or log.place.key != place.key:
                taker.put(Gone(place))  # if there is a copy, it takes its part
        self._known = []
        last = os.fstat(self._logs[-1].descriptor) if self._logs else None
        if last is not None and not (self._path.exists() and os.path.samestat(last, self._path.stat())):
            self._add_rotated_since(last.st_mtime_ns, taker)

    def _found(self, place: Place) -> OpenLog | None:
        """Open the file of that inode, or else a copy that begins with what was read."""
        copy: OpenLog | None = None
        for path in self._relatives():
            log = self._opened(path, place)
            if log.place == place:
                if copy is not None:
                    copy.close()
                return log
            if copy is None and place.head_bytes > 0 and is_continued(log.descriptor, place):
                log.place = replace(place, device=log.place.device, inode=log.place.inode)
                copy = log
            else:
                log.close()
        return copy

    def _add_rotated_since(self, modified_ns: int, taker: Taker) -> None:
        """Open what had the name and lost it again, all while the process was not running."""
        missed = []
        for path in self._relatives():
            status = path.stat()
            if path != self._path and status.st_mtime_ns > modified_ns and not self._is_open(status):
                missed.append((status.st_mtime_ns, path))
        for _, path in sorted(missed):
            _LOG.info("'%s' was rotated while nobody read it: it is read now", path)
            self._add(self._opened(path), taker)

    def _opened(self, path: Path, place: Place | None = None) -> OpenLog:
        return open_log(path, self._path.name, place, self._batch_bytes, follow_links=True)

    def _is_open(self, status: os.stat_result) -> bool:
        return any(os.path.samestat(status, os.fstat(log.descriptor)) for log in self._logs)

    def _relatives(self) -> list[Path]:
        """Return the file and what rotation has made of its predecessors; archives can't be read on."""
        found = []
        for path in sorted(self._path.parent.iterdir()):
            tail = path.name.removeprefix(self._path.name)
            is_rotated = path.name.startswith(self._path.name) and _ROTATED.fullmatch(tail)
            if (path == self._path or is_rotated) and path.is_file():
                found.append(path)
        return found
