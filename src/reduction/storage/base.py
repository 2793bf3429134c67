"""The interface of a store, its errors, and retries."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from reduction.errors import ReducerError

_ATTEMPTS = 4
_FIRST_PAUSE = 0.25  # seconds; doubled with each attempt

ACCESS_DENIED = "access denied"
"""The beginning of every store's message about an object that this user may not access."""

_T = TypeVar("_T")


class ObjectMeta(NamedTuple):
    """An object: name relative to the URL, size in bytes, and version (an ETag, or what changes with it)."""

    name: str
    size: int
    version: str


class ErrorKind(Enum):
    """The scope of an error, which decides whether it is retried, skips a file or ends the run."""

    NOT_FOUND = auto()  # no such object
    PRECONDITION_FAILED = auto()  # the object has another version than the requested one
    OBJECT = auto()  # this object cannot be accessed; others may be
    TRANSIENT = auto()  # worth a retry
    CONNECTION = auto()  # no connection; worth a retry
    STORE = auto()  # nothing can be accessed: credentials, bucket, configuration


class StoreError(Exception):
    """An error of a store. `text` has our own words and known error codes only, never a server's message.

    So it holds no key, signed URL or header, whatever the response contained.
    """

    def __init__(self, kind: ErrorKind, text: str) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        return self.text


class StoreUnavailable(ReducerError):
    """The whole store became unavailable during a run; it is not an error of a single object."""

    exit_code = 4


class Store(Protocol):
    """Objects below one URL; names are relative to it. Methods raise `StoreError` and nothing else.

    Up to `max_concurrency` threads may call methods at the same time.
    """

    max_concurrency: int

    def list(self, prefix: str = "") -> Iterator[ObjectMeta]:
        """Yield all objects whose name starts with `prefix`, in no particular order."""

    def read(self, meta: ObjectMeta, start: int, stop: int) -> bytes:
        """Return the bytes `start` to `stop` (exclusive) of the listed version of an object."""

    def put(self, name: str, path: Path) -> None:
        """Upload a file atomically: if the upload fails, the previous object is kept."""

    def delete(self, name: str) -> None:
        """Delete an object; one that does not exist is no error."""


def with_retries(call: Callable[[], _T], stop: threading.Event) -> _T:
    """Return the result of `call`; transient errors are retried with backoff until `stop` is set."""
    for attempt in range(1, _ATTEMPTS):
        try:
            return call()
        except StoreError as error:
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 - no secret; it spreads the retries of many runners
            pause = _FIRST_PAUSE * 2 ** (attempt - 1) * jitter
            if error.kind not in (ErrorKind.TRANSIENT, ErrorKind.CONNECTION) or stop.wait(pause):
                raise
    return call()
