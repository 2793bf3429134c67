"""Reads the `*.txt` files of a folder, each once when it is complete; moves them to `processed/`."""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from reduction.errors import InputError, WriteError
from reduction.hosts.streaming.event_queue import EventConsumer, Finished
from reduction.hosts.streaming.log_reader import FilePosition, OpenLog, has_writer, is_read_whole, open_log

PROCESSED = "processed"
_SUFFIX = ".txt"
_SETTLED_SECONDS = 2.0
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # this file system has no hard links
_LOG = logging.getLogger("reduction.hosts")

_Look = tuple[int, int, int, int]  # inode, size, modified, changed


class DirectorySource:
    """The files of a folder, for the thread that reads.

    A file is complete if no process has it open for writing. Where that is unknown, it is complete when it
    has not changed for two seconds.
    """

    def __init__(
        self,
        directory: Path,
        known: Iterable[FilePosition],
        batch_bytes: int,
        writer_of: Callable[[int], bool | None] = has_writer,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._known = {position.name: position for position in known}
        self._batch_bytes = batch_bytes
        self._writer_of = writer_of
        self._monotonic = monotonic
        self._handed_over = {position.name: position.inode for position in known if position.is_whole}
        self._looks: dict[str, tuple[_Look, float]] = {}
        self._warned: set[str] = set()
        self._is_heard = True  # the consumer accepts items
        self._lock = threading.Lock()  # protects _known and _handed_over

    def poll(self, consumer: EventConsumer) -> bool:
        """Queue complete files; return whether no other file may be complete soon.

        Raises `InputError` if the folder cannot be listed.
        """
        is_settled = True
        for name in self._candidates():
            if not self._is_heard:
                return True
            is_whole = self._read_if_whole(name, consumer)
            is_settled = is_settled and is_whole is not None
        return is_settled

    def archive(self, position: FilePosition) -> bool:
        """Move a file that was counted to `processed/`; called by the thread that counts.

        Returns False if it has grown, and will be read further, or if another file has its name.
        Raises `WriteError`.
        """
        target = move_to_processed(self._directory, position)
        if target is None:
            _LOG.info("'%s' has changed after it was read, and is not moved", position.name)
        else:
            _LOG.debug("'%s': %s lines, moved to '%s'", position.name, f"{position.lines:,}", target)
        self._release(position, was_moved=target is not None)
        return target is not None

    def close(self) -> None:
        """Do nothing: no file is open between two polls."""

    def _release(self, position: FilePosition, *, was_moved: bool) -> None:
        with self._lock:
            known = self._known.get(position.name)
            if was_moved and known is not None and known.key == position.key:
                del self._known[position.name]
            if self._handed_over.get(position.name) == position.inode:
                del self._handed_over[position.name]

    def end(self, consumer: EventConsumer) -> None:
        """Warn of files that were not read, at the last poll."""
        del consumer
        for name in self._candidates():
            _LOG.warning("'%s' was not read: it is still being written, or cannot be opened", name)

    def _candidates(self) -> Iterator[str]:
        """Yield the names of files to read: those that were begun first, then the oldest."""
        found: list[tuple[bool, int, str]] = []
        # Copied before the folder is listed: a file that is released meanwhile was moved, but is still in the
        # list.
        with self._lock:
            handed_over = dict(self._handed_over)
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    if entry.name.endswith(_SUFFIX) and not entry.name.startswith("."):
                        self._add(entry, handed_over, found)
        except OSError as error:
            raise InputError(f"'{self._directory}' cannot be listed: {error.strerror}") from error
        for _, _, name in sorted(found):
            yield name

    def _add(
        self, entry: os.DirEntry[str], handed_over: dict[str, int], found: list[tuple[bool, int, str]]
    ) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return  # it was removed meanwhile
        if not stat.S_ISREG(status.st_mode):
            self._warn_once(entry.name, "not a regular file (a link, a folder, a pipe): ignored")
        elif handed_over.get(entry.name) != status.st_ino:
            found.append((entry.name not in self._known, status.st_mtime_ns, entry.name))

    def _read_if_whole(self, name: str, consumer: EventConsumer) -> bool | None:
        """Return whether the file was complete and was queued; None if that will be known soon."""
        try:
            log = open_log(self._directory / name, name, self._known.get(name), self._batch_bytes)
        except FileNotFoundError:
            return False
        except OSError as error:
            self._warn_once(name, f"cannot be opened: {error.strerror}")
            return False
        try:
            while (is_whole := self._is_whole(log)) is True:
                if not self._hand_over(log, consumer):
                    return False
                if os.fstat(log.descriptor).st_size <= log.read_to and self._is_whole(log):
                    self._finish(log, consumer)
                    break
            return is_whole
        finally:
            log.close()

    def _is_whole(self, log: OpenLog) -> bool | None:
        writer = self._writer_of(log.descriptor)
        if writer is not None:
            return not writer
        status = os.fstat(log.descriptor)
        look = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        last, since = self._looks.get(log.position.name, (None, 0.0))
        if last != look:
            self._looks[log.position.name] = (look, self._monotonic())
            return None
        return True if self._monotonic() - since >= _SETTLED_SECONDS else None

    def _hand_over(self, log: OpenLog, consumer: EventConsumer) -> bool:
        while batch := log.next_batch():
            with self._lock:
                self._known[log.position.name] = batch.position
            self._is_heard = consumer.put(batch)
            if not self._is_heard:
                return False
        return True

    def _finish(self, log: OpenLog, consumer: EventConsumer) -> None:
        name = log.position.name
        if rest := log.flush_partial_line():
            consumer.put(rest)
        self._looks.pop(name, None)
        with self._lock:
            self._known[name] = log.position
            self._handed_over[name] = log.position.inode
        consumer.put(Finished(replace(log.position, is_whole=True)))

    def _warn_once(self, name: str, what: str) -> None:
        if name not in self._warned:
            self._warned.add(name)
            _LOG.warning("'%s': %s", name, what)


def move_to_processed(directory: Path, position: FilePosition) -> Path | None:
    """Move a file that was read to `processed/` in its folder, without overwriting another one.

    Returns its new path; None if it no longer exists, is another file now, or has grown.
    Raises `WriteError`.
    """
    source = directory / position.name
    processed = directory / PROCESSED
    try:
        processed.mkdir(exist_ok=True)
        for target in _free_names(processed / position.name):
            if not is_read_whole(source, position):
                return None
            if _moved(source, target, position):
                return target
    except OSError as error:
        raise WriteError(
            f"'{source}' cannot be moved to '{processed}': {error.strerror}; fix that and start again"
        ) from error
    return None


def _free_names(path: Path) -> Iterator[Path]:
    """Yield `x.txt`, `x.1.txt`, `x.2.txt`, … without end."""
    yield path
    number = 0
    while True:
        number += 1
        yield path.with_name(f"{path.stem}.{number}{path.suffix}")


def _moved(source: Path, target: Path, position: FilePosition) -> bool:
    """Move a file unless the target exists; if that is the same file, only remove the old name."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if not _is_file(target, position):
            return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():
            return False
        source.rename(target)
        return True
    if not _is_file(target, position):  # another file got the name between two steps: it must be read
        target.unlink()
        return False
    source.unlink()
    return True


def _is_file(path: Path, position: FilePosition) -> bool:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return (status.st_dev, status.st_ino) == (position.device, position.inode)
