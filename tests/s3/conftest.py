"""The servers. Where they are not installed nothing here is collected: `make test-s3` installs them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if all(map(find_spec, ("moto", "pyftpdlib", "aiohttp"))) else ["test_*.py"]

if not collect_ignore_glob:
    from faulty_proxy import FaultyProxy
    from s3_servers import NOT_FROM_OUTSIDE, bucket_behind, running, variables_for
    from s3_world import FTP_PASSWORD, World
    from workdir import Workdir


@pytest.fixture(scope="session")
def moto_port() -> Iterator[int]:
    """The port of a real S3 server, which runs as long as this session."""
    with running("moto_server.py") as port:
        yield port


@pytest.fixture
def ftp(workdir: Workdir) -> Iterator[str]:
    """The address of a server that gives out the test's folder to one user."""
    with running("ftp_server.py", workdir.root, "user", FTP_PASSWORD) as port:
        yield f"ftp://user:{FTP_PASSWORD}@127.0.0.1:{port}"


@pytest.fixture
def world(workdir: Workdir, moto_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A new bucket, which the application reaches through a proxy."""
    temporary = workdir.root / "tmp"
    temporary.mkdir()
    proxy = FaultyProxy(moto_port)
    for name in NOT_FROM_OUTSIDE:
        monkeypatch.delenv(name, raising=False)
    for name, value in (variables_for(proxy, workdir.root) | {"TMPDIR": str(temporary)}).items():
        monkeypatch.setenv(name, value)
    with bucket_behind(proxy, moto_port, workdir) as made:
        yield made
    proxy.close()
