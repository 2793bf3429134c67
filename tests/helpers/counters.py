"""What counts windows: the kernel and its twin, for tests that hold for both."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest

from reduction.hosts.streaming.windows import Windows
from reduction.hosts.streaming.windows_python import PlainWindows

NAMES = ("kernel", "plain")
NewWindows = Callable[[bytes, int, int], Windows]


def maker(name: str) -> NewWindows:
    """Return what makes windows; skips the test where the kernel is not built."""
    if name == "plain":
        counter = PlainWindows
    else:
        pytest.importorskip("reduction._kernel")
        counter = importlib.import_module("reduction._kernel").HostWindows
    return lambda host, window_ms, lateness_ms: Windows(counter(host, window_ms, lateness_ms, 5))
