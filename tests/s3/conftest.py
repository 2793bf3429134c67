"""Servers for the tests of object storage. Nothing is collected if they are missing (`make test-s3`)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if all(map(find_spec, ("moto", "pyftpdlib", "aiohttp"))) else ["test_*.py"]

if not collect_ignore_glob:
    from faulty_proxy import FaultyProxy
    from s3_servers import UNSET_VARIABLES, bucket_behind_proxy, running, variables_for
    from s3_world import FTP_PASSWORD, World
    from workdir import Workdir


@pytest.fixture(scope="session")
def moto_port() -> Iterator[int]:
    """The port of a real S3 server that runs during the session."""
    with running("moto_server.py") as port:
        yield port


@pytest.fixture
def ftp(workdir: Workdir) -> Iterator[str]:
    """The URL of a server with the test's folder, for one user."""
    with running("ftp_server.py", workdir.root, "user", FTP_PASSWORD) as port:
        yield f"ftp://user:{FTP_PASSWORD}@127.0.0.1:{port}"


@pytest.fixture
def world(workdir: Workdir, moto_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A new bucket, which the application reaches through a proxy."""
    temporary = workdir.root / "tmp"
    temporary.mkdir()
    proxy = FaultyProxy(moto_port)
    for name in UNSET_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in (variables_for(proxy, workdir.root) | {"TMPDIR": str(temporary)}).items():
        monkeypatch.setenv(name, value)
    with bucket_behind_proxy(proxy, moto_port, workdir) as world:
        yield world
    proxy.close()
