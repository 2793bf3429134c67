"""What streaming needs to continue after it was killed, in one SQLite file (docs/adr/0010).

A `commit` stores in one transaction which bytes of which files were counted, the windows, and the reports
that became due. Reports are written after their commit, and the last ones are kept until that is done, so
that they can be replayed if the process died in between.
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
from reduction.hosts.streaming.log_reader import Batch, FilePosition

_FILE = "streaming.sqlite"
_FORMAT = "1"
_PIECE = 16 << 20  # bytes of saved windows per database row
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


class PendingReports(NamedTuple):
    """Committed reports, and their position in the output; None if it has no positions."""

    position: int | None
    text: bytes


class SavedState(NamedTuple):
    """The content of a checkpoint; `pending` has the reports that were not acknowledged."""

    clock: Mapping[str, int]
    positions: list[FilePosition]
    has_windows: bool
    pending: PendingReports | None


class Checkpoint:
    """The checkpoint of one streaming process; raises `WriteError` if it cannot be written."""

    def __init__(self, directory: Path, config: Mapping[str, str | int]) -> None:
        """Open the checkpoint in `directory`, or create it.

        Raises `OutputError` if that fails or another process uses it, and `SettingsError` if it was created
        with another `config`.
        """
        self._path = directory / _FILE
        self.bytes_since = 0  # of batches added after the windows were last written
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self._path, isolation_level=None, timeout=0)
            # In this mode a second process cannot even read: two processes would both count the same lines.
            self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("BEGIN IMMEDIATE")
            for table in _TABLES.split(";")[:-1]:
                self._base.execute(table)
            self._base.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise OutputError(
                f"cannot use the checkpoint in '{directory}': {error}. Is another process using it?"
            ) from error
        self._check(dict(config))

    def find(self) -> SavedState | None:
        """Return the last commit, or None."""
        with self._reading():
            clock = self._about("clock")
            if clock is None:
                return None
            positions = [
                FilePosition(
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
            pending = self._base.execute("SELECT position, text FROM telling").fetchone()
            has_windows = self._base.execute("SELECT 1 FROM windows").fetchone() is not None
            return SavedState(
                json.loads(clock), positions, has_windows, PendingReports(*pending) if pending else None
            )

    def windows(self) -> Callable[[int], bytes]:
        """Return a function that reads the next bytes of the saved windows."""
        return _Pieces(bytes(row[0]) for row in self._rows("SELECT bytes FROM windows ORDER BY piece")).read

    def blocks_since(self) -> Iterator[bytes]:
        """Yield the blocks that were counted after the windows were written, in order."""
        for (block,) in self._rows("SELECT block FROM since ORDER BY batch"):
            self.bytes_since += len(block)
            yield block

    def add(self, batch: Batch) -> None:
        """Store a batch that closed no window, with its bytes: much cheaper than all windows.

        It survives the end of the process; after a power failure the previous batch may be the last.
        """
        with self._writing("NORMAL"):
            self._base.execute("INSERT INTO since (block) VALUES (?)", (batch.block,))
            self._put(batch.position)
        self.bytes_since += len(batch.block)

    def commit(
        self,
        clock: Mapping[str, int],
        positions: Iterable[FilePosition],
        save: Save,
        pending: PendingReports | None,
    ) -> None:
        """Store everything in one transaction, flushed to disk."""
        with self._writing("FULL"):
            for table in ("places", "windows", "since"):
                self._base.execute(f"DELETE FROM {table}")  # noqa: S608 - one of these three
            for position in positions:
                self._put(position)
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
            if pending is not None:
                self._base.execute("INSERT OR REPLACE INTO telling VALUES (1, ?, ?)", pending)
        self.bytes_since = 0

    def acknowledge(self) -> None:
        """Record that the reports of the last commit were written."""
        with self._writing("NORMAL"):
            self._base.execute("DELETE FROM telling")

    def close(self) -> None:
        """Release the checkpoint."""
        self._base.close()

    def _check(self, config: dict[str, str | int]) -> None:
        known = self._about("rules")
        if known is None:
            with self._writing("FULL"):
                self._put_about("format", _FORMAT)
                self._put_about("rules", json.dumps(config))
            return
        if self._about("format") != _FORMAT:
            raise SettingsError(
                [f"the checkpoint in '{self._path}' is of another version: use a new --state directory"]
            )
        problems = [
            f"the checkpoint in '{self._path.parent}' was created with {name} {value!r}"
            f" (now {config.get(name)!r});"
            " use another --state directory"
            for name, value in json.loads(known).items()
            if config.get(name) != value
        ]
        if problems:
            raise SettingsError(problems)

    def _about(self, name: str) -> str | None:
        row = self._base.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def _put_about(self, name: str, value: str) -> None:
        self._base.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def _put(self, position: FilePosition) -> None:
        # As text, because device and inode may exceed SQLite's integers.
        name, device, inode, *others = astuple(position)
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
            raise OutputError(
                f"cannot read the checkpoint '{self._path}': {error}; use a new --state directory"
            ) from error

    @contextmanager
    def _writing(self, synchronous: str) -> Iterator[None]:
        """One transaction: all of it is written, or nothing."""
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
                f"cannot write the checkpoint '{self._path}': {error}. The previous checkpoint is unchanged."
                " Free up space or fix permissions, then start again: nothing is lost"
            ) from error


class _Pieces:
    """Reads a sequence of byte strings as one stream."""

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
