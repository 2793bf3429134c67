"""A private folder for a run whose output is an address; what a killed run left is swept by the next."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reduction.errors import OutputError

_PREFIX = "reducer-run-"
_LOCK = ".lock"
_GRACE = 3600.0  # seconds that a folder without a lock may be just about to get one


@contextmanager
def scratch_dir() -> Iterator[Path]:
    """Give a new folder below the system's folder for temporary files (TMPDIR); it is gone afterwards.

    It is locked by this process and those that it forks, so others can tell whether it is in use.
    Raises `OutputError` if there can be none.
    """
    _sweep()
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise OutputError(
            f"no folder for temporary files can be made: {error.strerror}; set TMPDIR"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _sweep() -> None:
    """Remove the folders of this user that no process has locked."""
    with suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            with suppress(OSError):
                status = folder.lstat()
                if status.st_uid == os.getuid() and not _is_in_use(folder, status.st_mtime):
                    shutil.rmtree(folder, ignore_errors=True)


def _is_in_use(folder: Path, changed: float) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - changed < _GRACE
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
