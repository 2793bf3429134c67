"""The private folder of a run whose output is a URL; folders left by killed runs are removed."""

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
_GRACE = 3600.0  # seconds; a younger folder without a lock file may be about to get one


@contextmanager
def scratch_dir() -> Iterator[Path]:
    """Yield a new folder in the system's temporary directory (TMPDIR), which is removed afterwards.

    This process and its forks hold a lock on it, so other runs see that it is in use. Raises `OutputError` if
    it cannot be created.
    """
    _remove_stale()
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise OutputError(
            f"cannot create a temporary folder: {error.strerror}; set TMPDIR to a writable directory"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_stale() -> None:
    """Remove the scratch folders of this user that no process has locked."""
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
