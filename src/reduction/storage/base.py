"""What every store of a store can do, in few words; and the one place that makes clients."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from reduction.errors import ReducerError

_ATTEMPTS = 4
_FIRST_PAUSE = 0.25  # seconds; twice as long each time

REFUSED = "access is refused"
"""How each store begins what it says of an object that this user may not have."""

_T = TypeVar("_T")


class ObjectMeta(NamedTuple):
    """An object: its name below the address, its size in bytes, and what changes when it does."""

    name: str
    size: int
    version: str


class ErrorKind(Enum):
    """What a error is about, which settles who is to be told."""

    NOT_FOUND = "there is no such object"
    PRECONDITION_FAILED = "it is there in another version"
    OBJECT = "this object can't be had"
    TRANSIENT = "it may go well the next time"
    CONNECTION = "there is no connection, which may pass"
    STORE = "nothing can be had: no access, no bucket"


class StoreError(Exception):
    """What went wrong in a store. `text` never holds what a server or a library said, but for known codes.

    So it holds no key, no signed address and no header, whatever the answer was.
    """

    def __init__(self, kind: ErrorKind, text: str) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text

    def __str__(self) -> str:
        return self.text


class StoreUnavailable(ReducerError):
    """The store can't be read at all any more, in the middle of a run: it is not one object's error."""

    exit_code = 4


class Store(Protocol):
    """Objects below one address; names are relative to it. Every method raises `StoreError` and nothing else.

    Methods may be called by `max_concurrency` threads at a time.
    """

    max_concurrency: int

    def list(self, beginning: str = "") -> Iterator[ObjectMeta]:
        """Give every object whose name has this beginning, in one pass."""

    def read(self, meta: ObjectMeta, start: int, stop: int) -> bytes:
        """Return the bytes `start` to `stop` (exclusive) of exactly this version."""

    def put(self, name: str, path: Path) -> None:
        """Let the object have the file's bytes, whole or not at all; the old one stays if it fails."""

    def delete(self, name: str) -> None:
        """Remove an object; that it is not there does no harm."""


def with_retries(act: Callable[[], _T], stop: threading.Event) -> _T:
    """Return what `act` does, tried again after a pause while its kind may pass, unless `stop` is set."""
    for attempt in range(1, _ATTEMPTS):
        try:
            return act()
        except StoreError as error:
            pause = _FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311 - apart, not secret
            if error.kind not in (ErrorKind.TRANSIENT, ErrorKind.CONNECTION) or stop.wait(pause):
                raise
    return act()
