"""Object stores: listing, reading and writing of objects below a URL such as `s3://bucket/prefix`.

Runs on folders import only `url` and `constants` from here; no store library is imported before a store is
opened.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from reduction.storage.url import url_scheme

if TYPE_CHECKING:
    from reduction.storage.base import Store


def open_store(address: str) -> Store:
    """Return this process's store for an address; raises `SettingsError` if its library is missing.

    After a fork there is another one: connections cannot be shared.
    """
    key = os.getpid(), address
    with _LOCK:
        if key not in _CLIENTS:
            _CLIENTS[key] = _made(address)
        return _CLIENTS[key]


_CLIENTS: dict[tuple[int, str], Store] = {}
_LOCK = threading.Lock()


def _made(address: str) -> Store:
    if url_scheme(address) == "s3":
        from reduction.storage.s3 import S3Store

        return S3Store(address)
    from reduction.storage.fsspec_store import FsspecStore

    return FsspecStore(address)
