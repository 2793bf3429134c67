"""What streaming must know to go on after it was killed, in one SQLite file (docs/adr/0010 tells why).

A `commit` writes down at once which bytes of which files have been counted, the windows that they were
counted in, and the reports that came of them. Reports are told after their commit, and the last ones are kept
until that is done, so that they can be told again if the process died in between.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import NamedTuple

from reduction.errors import OutputError, SettingsError, WriteError
from reduction.hosts.streaming.log_reader import Batch, Place

_FILE = "streaming.sqlite"
_FORMAT = "1"
_PIECE = 16 << 20  # bytes of saved windows in a row
_TABLES = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS places (
    name BLOB, device TEXT, inode TEXT, head_bytes INTEGER, head TEXT,
    offset INTEGER, lines INTEGER, is_whole INTEGER, PRIMARY KEY (name, device, inode)
);
CREATE TABLE IF NOT EXISTS windows (piece INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS since (batch INTEGER PRIMARY KEY, block BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS telling (row INTEGER PRIMARY KEY, position INTEGER, text BLOB NOT NULL);
"""
_PUT_PLACE = """
INSERT INTO places VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    head_bytes = excluded.head_bytes, head = excluded.head,
    offset = excluded.offset, lines = excluded.lines, is_whole = excluded.is_whole
"""

Save = Callable[[Callable[[bytes], object]], None]


class Telling(NamedTuple):
    """Reports that were committed, and where in the output they go; None where that can't be said."""

    position: int | None
    text: bytes


class Found(NamedTuple):
    """What a state holds; `telling` is there if it is not known that it was told."""

    clock: Mapping[str, int]
    places: list[Place]
    has_windows: bool
    telling: Telling | None


class State:
    """The state of one streaming; raises `WriteError` when it can't be written."""

    def __init__(self, directory: Path, rules: Mapping[str, str | int]) -> None:
        """Open the state in `directory`, or make it there.

        Raises `OutputError` if that can't be done or another process has it, and `SettingsError` if it is of
        a streaming by other `rules`.
        """
        self._path = directory / _FILE
        self.bytes_since = 0  # in batches that came after the windows were last written
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self._path, isolation_level=None, timeout=0)
            # In this mode a second process can't even read: two that went on from one state would both count.
            self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("BEGIN IMMEDIATE")
            for table in _TABLES.split(";")[:-1]:
                self._base.execute(table)
            self._base.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise OutputError(
                f"the state in '{directory}' can't be used: {error}. Does another process stream with it?"
            ) from error
        self._check(dict(rules))

    def find(self) -> Found | None:
        """Return what was committed last, or None."""
        with self._reading():
            clock = self._about("clock")
            if clock is None:
                return None
            places = [
                Place(
                    os.fsdecode(name),
                    int(device),
                    int(inode),
                    head_bytes,
                    head,
                    offset,
                    lines,
                    bool(is_whole),
                )
                for name, device, inode, head_bytes, head, offset, lines, is_whole in self._base.execute(
                    "SELECT * FROM places ORDER BY rowid"
                )
            ]
            telling = self._base.execute("SELECT position, text FROM telling").fetchone()
            has_windows = self._base.execute("SELECT 1 FROM windows").fetchone() is not None
            return Found(json.loads(clock), places, has_windows, Telling(*telling) if telling else None)

    def windows(self) -> Callable[[int], bytes]:
        """Return what reads the saved windows: the next so many bytes."""
        return _Pieces(bytes(row[0]) for row in self._rows("SELECT bytes FROM windows ORDER BY piece")).read

    def blocks_since(self) -> Iterator[bytes]:
        """Give the blocks that were counted after the windows were written, in their order."""
        for (block,) in self._rows("SELECT block FROM since ORDER BY batch"):
            self.bytes_since += len(block)
            yield block

    def add(self, batch: Batch) -> None:
        """Write down a batch that closed no window, with its bytes: much cheaper than all windows.

        It survives the end of the process; after a loss of power the state may be that of a batch before.
        """
        with self._writing("NORMAL"):
            self._base.execute("INSERT INTO since (block) VALUES (?)", (batch.block,))
            self._put(batch.place)
        self.bytes_since += len(batch.block)

    def commit(
        self, clock: Mapping[str, int], places: Iterable[Place], save: Save, telling: Telling | None
    ) -> None:
        """Write down everything at once, flushed to disk."""
        with self._writing("FULL"):
            for table in ("places", "windows", "since"):
                self._base.execute(f"DELETE FROM {table}")  # noqa: S608 - one of these three
            for place in places:
                self._put(place)
            piece = bytearray()

            def keep(data: bytes) -> None:
                nonlocal piece
                piece += data
                if len(piece) >= _PIECE:
                    self._put_piece(piece)
                    piece = bytearray()

            save(keep)
            self._put_piece(piece)
            self._put_about("clock", json.dumps(dict(clock)))
            if telling is not None:
                self._base.execute("INSERT OR REPLACE INTO telling VALUES (1, ?, ?)", telling)
        self.bytes_since = 0

    def told(self) -> None:
        """Take note that the reports of the last commit have been told."""
        with self._writing("NORMAL"):
            self._base.execute("DELETE FROM telling")

    def close(self) -> None:
        """Let another process have the state."""
        self._base.close()

    def _check(self, rules: dict[str, str | int]) -> None:
        known = self._about("rules")
        if known is None:
            with self._writing("FULL"):
                self._put_about("format", _FORMAT)
                self._put_about("rules", json.dumps(rules))
            return
        if self._about("format") != _FORMAT:
            raise SettingsError(
                [f"the state in '{self._path}' was written by another version: take a new one"]
            )
        faults = [
            f"the state in '{self._path.parent}' is of {name} {value!r}, not {rules.get(name)!r}:"
            " take a new one for another question"
            for name, value in json.loads(known).items()
            if rules.get(name) != value
        ]
        if faults:
            raise SettingsError(faults)

    def _about(self, name: str) -> str | None:
        row = self._base.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def _put_about(self, name: str, value: str) -> None:
        self._base.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def _put(self, place: Place) -> None:
        # As text, because device and inode may be larger than SQLite's numbers.
        name, device, inode, *others = astuple(place)
        self._base.execute(_PUT_PLACE, (os.fsencode(name), str(device), str(inode), *others))

    def _put_piece(self, piece: bytearray) -> None:
        self._base.execute("INSERT INTO windows (bytes) VALUES (?)", (piece,))

    def _rows(self, query: str) -> Iterator[tuple[bytes]]:
        with self._reading():
            yield from self._base.execute(query)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(f"the state '{self._path}' can't be read: {error}; take a new one") from error

    @contextmanager
    def _writing(self, synchronous: str) -> Iterator[None]:
        """A transaction: all of it is written, or nothing."""
        try:
            self._base.execute(f"PRAGMA synchronous = {synchronous}")
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")
        except sqlite3.Error as error:
            raise WriteError(
                f"the state '{self._path}' can't be written: {error}; what stood there before is untouched."
                " Free space or mend the permission, then start again: nothing is lost"
            ) from error


class _Pieces:
    """Bytes in pieces of one size, read in pieces of another."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""
        self._at = 0

    def read(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            if self._at == len(self._held):
                self._held, self._at = next(self._pieces, b""), 0
                if not self._held:
                    break
            more = self._held[self._at : self._at + size - len(found)]
            self._at += len(more)
            found += more
        return bytes(found)
