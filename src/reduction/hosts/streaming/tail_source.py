"""Reads a log while it is being written, through rotation by renaming and by copy and truncate."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from reduction.errors import InputError
from reduction.hosts.streaming.event_queue import Begun, EventConsumer, Gone
from reduction.hosts.streaming.log_reader import (
    FilePosition,
    OpenLog,
    first_position,
    has_writer,
    is_continued,
    open_log,
)

_QUIET_SECONDS = 60.0  # after which a renamed log counts as finished, where its writers are unknown
_ROTATED = re.compile(r"[.-][0-9][0-9T._:-]*")  # what rotation appends to the name
_LOG = logging.getLogger("reduction.hosts")


def first_positions(path: Path) -> list[FilePosition]:
    """Return the position at the start of a log, so that it is recognized after a rotation.

    Raises `InputError` if there is no log.
    """
    try:
        return [first_position(path)]
    except OSError as error:
        raise InputError(f"the log '{path}' cannot be read: {error.strerror}") from error


class TailSource:
    """A log that grows, for the thread that reads.

    When another file gets the name, the old one is read until no process has it open for writing: a writer
    may continue for a while. When the file is truncated, it is read from the start. An incomplete line waits
    until its file is finished.
    """

    def __init__(
        self,
        path: Path,
        known: Sequence[FilePosition],
        batch_bytes: int,
        writer_of: Callable[[int], bool | None] = has_writer,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._known = list(known)
        self._batch_bytes = batch_bytes
        self._writer_of = writer_of
        self._monotonic = monotonic
        self._logs: list[OpenLog] = []  # the last one is, or was most recently, the file of that name
        self._last_read: dict[int, float] = {}  # by descriptor

    def poll(self, consumer: EventConsumer) -> bool:
        """Queue what was written; return True, because nothing is expected within a moment."""
        if self._known:
            self._resume(consumer)
        self._open_current(consumer)
        for log in list(self._logs):
            if not self._hand_over(log, consumer):
                return True
            if log is not self._logs[-1] and self._is_finished(log):
                self._retire(log, consumer)
        return True

    def end(self, consumer: EventConsumer) -> None:
        """Queue incomplete last lines, unless a process is still writing them."""
        for log in self._logs:
            if self._writer_of(log.descriptor):
                if log.read_to > log.position.offset:
                    _LOG.info(
                        "'%s': its last line is still being written and was not read", log.position.name
                    )
            elif rest := log.flush_partial_line():
                consumer.put(rest)

    def archive(self, position: FilePosition) -> bool:
        """Return False: a log that is followed stays where it is."""
        del position
        return False

    def close(self) -> None:
        """Close every file."""
        for log in self._logs:
            log.close()
        self._logs = []

    def _open_current(self, consumer: EventConsumer) -> None:
        try:
            status = self._path.stat()
            if self._is_open(status):
                return
            log = self._opened(self._path)
        except FileNotFoundError:
            return  # in the middle of a rotation
        except OSError as error:
            raise InputError(f"'{self._path}' cannot be opened: {error.strerror}") from error
        if self._logs:
            _LOG.info("'%s' is a new file now: reading the old one to its end", self._path)
        self._add(log, consumer)

    def _add(self, log: OpenLog, consumer: EventConsumer) -> None:
        consumer.put(Begun(log.position))
        self._logs.append(log)
        self._last_read[log.descriptor] = self._monotonic()

    def _hand_over(self, log: OpenLog, consumer: EventConsumer) -> bool:
        while True:
            if not log.is_what_was_read():
                _LOG.info("'%s' was truncated: reading it from the start", self._path)
                if (rest := log.flush_partial_line()) and not consumer.put(rest):
                    return False
                log.rewind()
            batch = log.next_batch()
            if batch is None:
                return True
            self._last_read[log.descriptor] = self._monotonic()
            if not consumer.put(batch):
                return False

    def _is_finished(self, log: OpenLog) -> bool:
        writer = self._writer_of(log.descriptor)
        if writer is None:
            return self._monotonic() - self._last_read[log.descriptor] >= _QUIET_SECONDS
        return not writer and os.fstat(log.descriptor).st_size <= log.read_to

    def _retire(self, log: OpenLog, consumer: EventConsumer) -> None:
        if rest := log.flush_partial_line():
            consumer.put(rest)
        consumer.put(Gone(log.position))
        self._logs.remove(log)
        del self._last_read[log.descriptor]
        log.close()

    def _resume(self, consumer: EventConsumer) -> None:
        """Find the files that were being read when the process ended, under any name."""
        for position in self._known:
            log = self._found(position)
            if log is None:
                _LOG.warning(
                    "'%s' was rotated while stopped: lines written after byte %s were not found",
                    position.name, f"{position.offset:,}",
                )  # fmt: skip
            else:
                self._add(log, consumer)
            if log is None or log.position.key != position.key:
                consumer.put(Gone(position))  # if there is a copy, it is used instead
        self._known = []
        last = os.fstat(self._logs[-1].descriptor) if self._logs else None
        if last is not None and not (self._path.exists() and os.path.samestat(last, self._path.stat())):
            self._add_rotated_since(last.st_mtime_ns, consumer)

    def _found(self, position: FilePosition) -> OpenLog | None:
        """Open the file with that inode, or else a copy that begins with the bytes that were read."""
        copy: OpenLog | None = None
        for path in self._relatives():
            log = self._opened(path, position)
            if log.position == position:
                if copy is not None:
                    copy.close()
                return log
            if copy is None and position.head_bytes > 0 and is_continued(log.descriptor, position):
                log.position = replace(position, device=log.position.device, inode=log.position.inode)
                copy = log
            else:
                log.close()
        return copy

    def _add_rotated_since(self, modified_ns: int, consumer: EventConsumer) -> None:
        """Open files that got and lost the name while the process was not running."""
        missed = []
        for path in self._relatives():
            status = path.stat()
            if path != self._path and status.st_mtime_ns > modified_ns and not self._is_open(status):
                missed.append((status.st_mtime_ns, path))
        for _, path in sorted(missed):
            _LOG.info("'%s' was rotated while stopped: reading it now", path)
            self._add(self._opened(path), consumer)

    def _opened(self, path: Path, position: FilePosition | None = None) -> OpenLog:
        return open_log(path, self._path.name, position, self._batch_bytes, follow_links=True)

    def _is_open(self, status: os.stat_result) -> bool:
        return any(os.path.samestat(status, os.fstat(log.descriptor)) for log in self._logs)

    def _relatives(self) -> list[Path]:
        """Return the file and its rotated predecessors, without archives."""
        found = []
        for path in sorted(self._path.parent.iterdir()):
            tail = path.name.removeprefix(self._path.name)
            is_rotated = path.name.startswith(self._path.name) and _ROTATED.fullmatch(tail)
            if (path == self._path or is_rotated) and path.is_file():
                found.append(path)
        return found
