"""The servers. Where they are not installed nothing here is collected: `make test-s3` installs them."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

collect_ignore_glob = [] if all(map(find_spec, ("moto", "pyftpdlib", "aiohttp"))) else ["test_*.py"]

if not collect_ignore_glob:
    import boto3
    from botocore.config import Config
    from faulty_proxy import FaultyProxy
    from s3_world import ACCESS_KEY, FTP_PASSWORD, SECRET_KEY, World
    from workdir import Workdir


@contextmanager
def running(script: str, *arguments: object) -> Iterator[int]:
    """A server in a process of its own, by the port that it prints; it ends with its standard input."""
    server = subprocess.Popen(
        [sys.executable, Path(__file__).with_name(script), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield int(server.stdout.readline())
    finally:
        server.stdin.close()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(timeout=20)
        server.stdout.close()


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
    proxy = FaultyProxy(moto_port)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    temporary = workdir.root / "tmp"
    temporary.mkdir()
    for name, value in {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}",
        "AWS_CONFIG_FILE": str(workdir.root / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(workdir.root / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "TMPDIR": str(temporary),
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"bucket-{uuid.uuid4().hex[:12]}"
    s3 = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{moto_port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=16),
    )
    s3.create_bucket(Bucket=bucket)
    yield World(workdir, s3, bucket, proxy)
    proxy.close()
    s3.close()
