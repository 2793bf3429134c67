"""Reads the `*.txt` files of a folder, each once and when it is whole; moves them to `processed/`."""

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
from reduction.hosts.streaming.event_queue import Finished, Taker
from reduction.hosts.streaming.log_reader import OpenLog, Place, has_writer, is_read_whole, open_log

PROCESSED = "processed"
_SUFFIX = ".txt"
_SETTLED_SECONDS = 2.0
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # this file system has none
_LOG = logging.getLogger("reduction.hosts")

_Look = tuple[int, int, int, int]  # inode, size, modified, changed


class Folder:
    """The files of a folder, for the thread that reads.

    A file is whole if nobody has it open for writing. Where that can't be known, it is whole when it has
    looked the same for two seconds.
    """

    def __init__(
        self,
        directory: Path,
        known: Iterable[Place],
        batch_bytes: int,
        writer_of: Callable[[int], bool | None] = has_writer,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._known = {place.name: place for place in known}
        self._batch_bytes = batch_bytes
        self._writer_of = writer_of
        self._monotonic = monotonic
        self._handed_over = {place.name: place.inode for place in known if place.is_whole}
        self._looks: dict[str, tuple[_Look, float]] = {}
        self._told: set[str] = set()
        self._is_heard = True  # somebody takes what is handed over
        self._lock = threading.Lock()  # of what is known and handed over

    def look(self, taker: Taker) -> bool:
        """Hand over what is whole; returns whether nothing is left that may be whole soon.

        Raises `InputError` if the folder can't be listed.
        """
        is_settled = True
        for name in self._candidates():
            if not self._is_heard:
                return True
            is_whole = self._read_if_whole(name, taker)
            is_settled = is_settled and is_whole is not None
        return is_settled

    def put_away(self, place: Place) -> bool:
        """Move a file that was handed over to `processed/`; called by the thread that has counted it.

        Returns False if it has grown, and will be read on from its place, or if another file has its name.
        Raises `WriteError`.
        """
        target = move_to_processed(self._directory, place)
        if target is None:
            _LOG.info("'%s' has changed after it was read, and stays", place.name)
        else:
            _LOG.debug("'%s': %s lines, moved to '%s'", place.name, f"{place.lines:,}", target)
        self._release(place, was_moved=target is not None)
        return target is not None

    def close(self) -> None:
        """Nothing is open between two looks."""

    def _release(self, place: Place, *, was_moved: bool) -> None:
        with self._lock:
            known = self._known.get(place.name)
            if was_moved and known is not None and known.key == place.key:
                del self._known[place.name]
            if self._handed_over.get(place.name) == place.inode:
                del self._handed_over[place.name]

    def end(self, taker: Taker) -> None:
        """Say what is left behind, for there will be no further look."""
        del taker
        for name in self._candidates():
            _LOG.warning("'%s' is not read: it is still being written, or can't be opened", name)

    def _candidates(self) -> Iterator[str]:
        """Give the names of files that are to be read, those that have been begun first, then the oldest."""
        found: list[tuple[bool, int, str]] = []
        # Taken down before the folder is listed: what is released while it is listed has been moved, and is
        # still in the list.
        with self._lock:
            handed_over = dict(self._handed_over)
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    if entry.name.endswith(_SUFFIX) and not entry.name.startswith("."):
                        self._add(entry, handed_over, found)
        except OSError as error:
            raise InputError(f"'{self._directory}' can't be listed: {error.strerror}") from error
        for _, _, name in sorted(found):
            yield name

    def _add(
        self, entry: os.DirEntry[str], handed_over: dict[str, int], found: list[tuple[bool, int, str]]
    ) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return  # it has gone meanwhile
        if not stat.S_ISREG(status.st_mode):
            self._tell_once(entry.name, "it is not a file of its own (a link, a folder, a pipe): left alone")
        elif handed_over.get(entry.name) != status.st_ino:
            found.append((entry.name not in self._known, status.st_mtime_ns, entry.name))

    def _read_if_whole(self, name: str, taker: Taker) -> bool | None:
        """Return whether the file was whole, and has been handed over; None if that will be known soon."""
        try:
            log = open_log(self._directory / name, name, self._known.get(name), self._batch_bytes)
        except FileNotFoundError:
            return False
        except OSError as error:
            self._tell_once(name, f"it can't be opened: {error.strerror}")
            return False
        try:
            while (is_whole := self._is_whole(log)) is True:
                if not self._hand_over(log, taker):
                    return False
                if os.fstat(log.descriptor).st_size <= log.read_to and self._is_whole(log):
                    self._finish(log, taker)
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
        last, since = self._looks.get(log.place.name, (None, 0.0))
        if last != look:
            self._looks[log.place.name] = (look, self._monotonic())
            return None
        return True if self._monotonic() - since >= _SETTLED_SECONDS else None

    def _hand_over(self, log: OpenLog, taker: Taker) -> bool:
        while batch := log.next_batch():
            with self._lock:
                self._known[log.place.name] = batch.place
            self._is_heard = taker.put(batch)
            if not self._is_heard:
                return False
        return True

    def _finish(self, log: OpenLog, taker: Taker) -> None:
        name = log.place.name
        if rest := log.rest():
            taker.put(rest)
        self._looks.pop(name, None)
        with self._lock:
            self._known[name] = log.place
            self._handed_over[name] = log.place.inode
        taker.put(Finished(replace(log.place, is_whole=True)))

    def _tell_once(self, name: str, what: str) -> None:
        if name not in self._told:
            self._told.add(name)
            _LOG.warning("'%s': %s", name, what)


def move_to_processed(directory: Path, place: Place) -> Path | None:
    """Move a file that was read to `processed/` below its folder; what has its name there is not overwritten.

    Returns its new path; None if it is not there any more, is another file now, or has grown.
    Raises `WriteError`.
    """
    source = directory / place.name
    processed = directory / PROCESSED
    try:
        processed.mkdir(exist_ok=True)
        for target in _names_apart(processed / place.name):
            if not is_read_whole(source, place):
                return None
            if _moved(source, target, place):
                return target
    except OSError as error:
        raise WriteError(
            f"'{source}' can't be moved to '{processed}': {error.strerror}; mend that and start again"
        ) from error
    return None


def _names_apart(path: Path) -> Iterator[Path]:
    """Give `x.txt`, `x.1.txt`, `x.2.txt`, … for as long as they are asked for."""
    yield path
    number = 0
    while True:
        number += 1
        yield path.with_name(f"{path.stem}.{number}{path.suffix}")


def _moved(source: Path, target: Path, place: Place) -> bool:
    """Move a file unless the target exists; if it is the same file, only the old name is to go."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if not _is_file(target, place):
            return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():
            return False
        source.rename(target)
        return True
    if not _is_file(target, place):  # another file has taken the name between two steps: it is to be read
        target.unlink()
        return False
    source.unlink()
    return True


def _is_file(path: Path, place: Place) -> bool:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return (status.st_dev, status.st_ino) == (place.device, place.inode)
