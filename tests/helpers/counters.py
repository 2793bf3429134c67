"""What counts windows: the kernel and the Python implementation, for tests that hold for both."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reduction.hosts.streaming.windows import Windows
from reduction.hosts.streaming.windows_native import NativeWindows
from reduction.hosts.streaming.windows_python import PythonWindows

NAMES = ("kernel", "plain")
NewWindows = Callable[[bytes, int, int], Windows]


def maker(name: str) -> NewWindows:
    """Return what makes windows; skips the test where the kernel is not built."""
    counter: Callable[[bytes, int, int, int], Windows]
    if name == "plain":
        counter = PythonWindows
    else:
        pytest.importorskip("reduction._kernel")
        counter = NativeWindows
    return lambda host, window_ms, lateness_ms: counter(host, window_ms, lateness_ms, 5)
