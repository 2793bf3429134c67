"""Fixtures of unit tests, and the settings of random tests."""

from __future__ import annotations

import logging

import pytest
from hypothesis import settings

from reduction.runtime import logs

settings.register_profile("unit", deadline=None, derandomize=True, max_examples=150)
settings.load_profile("unit")


class RecordingProgress:
    """A `Progress` that keeps every call."""

    def __init__(self) -> None:
        self.bytes = 0
        self.started: list[int] = []
        self.finished: list[int] = []

    def start_split(self, index: int) -> None:
        self.started.append(index)

    def read_bytes(self, count: int) -> None:
        self.bytes += count

    def finish_split(self, size: int, *, ends_file: bool) -> None:
        self.finished.append(size)


@pytest.fixture
def progress() -> RecordingProgress:
    """A progress whose calls can be checked afterwards."""
    return RecordingProgress()


@pytest.fixture
def log(caplog, monkeypatch) -> pytest.LogCaptureFixture:
    """The log of the package, from INFO on."""
    monkeypatch.setattr(logging.getLogger(logs.ROOT), "propagate", True)
    monkeypatch.setattr(logging.getLogger(logs.ROOT), "handlers", [])
    caplog.set_level(logging.INFO, logs.ROOT)
    return caplog
