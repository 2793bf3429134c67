"""How random tests are run; a test that asks for `new_windows` runs with the kernel and with Python."""

from __future__ import annotations

import pytest
from counters import NAMES, NewWindows, maker
from hypothesis import settings

settings.register_profile("hosts", deadline=None, derandomize=True, max_examples=100)
settings.load_profile("hosts")


@pytest.fixture(params=NAMES)
def new_windows(request: pytest.FixtureRequest) -> NewWindows:
    """Makes windows of HOST, length and lateness in milliseconds."""
    return maker(request.param)
