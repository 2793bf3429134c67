"""These tests need Spark: `make test-spark`. Where it is not installed they are not collected."""

from collections.abc import Iterator

import pytest
from workdir import ROOT

from reduction import engines

S3_PYTHON = ROOT / "build" / "s3" / "bin" / "python"  # `make test-spark` sees to it

if not engines.is_installed("spark"):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def moto_port() -> Iterator[int]:
    """The port of a real S3 server, from the environment of its own tests."""
    from s3_servers import running

    with running("moto_server.py", python=S3_PYTHON) as port:
        yield port
