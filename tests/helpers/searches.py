"""The searches that tests are held to: Python's, and the kernel's on the best and on plain instructions."""

from __future__ import annotations

from functools import partial

import pytest

from reduction.hosts.batch.scan import NewSearch
from reduction.hosts.batch.scan_python import PlainSearch
from reduction.hosts.batch.scanners import NativeSearch, choose, has_kernel

SEARCHES: dict[str, NewSearch] = {
    "Python": PlainSearch,
    "kernel": NativeSearch,
    "portable kernel": partial(NativeSearch, instruction_set="portable"),
    "the best": choose(),
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
