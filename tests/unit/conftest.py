"""What unit tests share: a progress that remembers, and how random tests are run."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("split", deadline=None, derandomize=True, max_examples=150)
settings.load_profile("split")


class Remembered:
    """A `Progress` that keeps what it was told."""

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
def progress() -> Remembered:
    """A progress to look at afterwards."""
    return Remembered()
