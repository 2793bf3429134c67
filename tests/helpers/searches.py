"""The searches that tests are held to: Python's, and the kernel's on the best and on plain instructions."""

from __future__ import annotations

from functools import partial

import pytest

from reduction.hosts.batch.scan import NewScanner
from reduction.hosts.batch.scan_python import PythonScanner
from reduction.hosts.batch.scanners import NativeScanner, choose_scanner, has_kernel

SEARCHES: dict[str, NewScanner] = {
    "Python": PythonScanner,
    "kernel": NativeScanner,
    "portable kernel": partial(NativeScanner, instruction_set="portable"),
    "the best": choose_scanner(),
}
_without_kernel = pytest.mark.skipif(not has_kernel(), reason="the kernel is not installed")

each_search = pytest.mark.parametrize(
    "search",
    [
        "Python",
        pytest.param("kernel", marks=_without_kernel),
        pytest.param("portable kernel", marks=_without_kernel),
    ],
)
