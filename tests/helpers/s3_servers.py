"""Starts servers in processes of their own, and creates buckets behind a faulty proxy."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config
from faulty_proxy import FaultyProxy
from s3_world import ACCESS_KEY, SECRET_KEY, World
from workdir import Workdir

UNSET_VARIABLES = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION")


@contextmanager
def running(script: str, *arguments: object, python: str | Path = sys.executable) -> Iterator[int]:
    """Start a server in a process of its own and yield the port that it prints; stop it afterwards."""
    server = subprocess.Popen(
        [python, Path(__file__).with_name(script), *map(str, arguments)],
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


def variables_for(proxy: FaultyProxy, folder: Path) -> dict[str, str]:
    """Return the variables to use a store behind a proxy, without the configuration of this machine."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}",
        "AWS_CONFIG_FILE": str(folder / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def bucket_behind_proxy(proxy: FaultyProxy, moto_port: int, workdir: Workdir) -> Iterator[World]:
    """Create a bucket, and yield a world that uses it through the proxy."""
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
    try:
        yield World(workdir, s3, bucket, proxy)
    finally:
        s3.close()
