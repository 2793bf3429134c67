"""Object stores: list, read, write and delete objects below a URL such as `s3://bucket/prefix`.

Runs on folders import only `url` and `constants` from this package. A store's library is imported when the
store is opened.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from reduction.storage.url import url_scheme

if TYPE_CHECKING:
    from reduction.storage.base import Store

_STORES: dict[tuple[int, str], Store] = {}  # by process ID: connections cannot be shared after a fork
_LOCK = threading.Lock()


def open_store(url: str) -> Store:
    """Return the store for a URL, one per process.

    Raises `SettingsError` if its library is not installed or the URL is invalid, `StoreError` if it cannot be
    reached.
    """
    key = os.getpid(), url
    with _LOCK:
        if key not in _STORES:
            _STORES[key] = _new_store(url)
        return _STORES[key]


def _new_store(url: str) -> Store:
    if url_scheme(url) == "s3":
        from reduction.storage.s3 import S3Store

        return S3Store(url)
    from reduction.storage.fsspec_store import FsspecStore

    return FsspecStore(url)
