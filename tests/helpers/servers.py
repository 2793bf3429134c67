"""PostgreSQL and Redis for tests: started on a free port, waited for, stopped, and gone with their data."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from live import free_port, wait_until


def program(name: str) -> str:
    """Where a program is; Debian keeps PostgreSQL's out of PATH. Fails with what to install."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))
    if found is None:
        pytest.fail(f"there is no {name}; on Debian: apt-get install postgresql redis-server", pytrace=False)
    return found


@contextmanager
def serving(command: Sequence[str], is_ready: Sequence[str], user: str | None = None) -> Iterator[None]:
    """Run a server while the block runs; it has begun when the second command succeeds."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, user=user)

        def ready() -> bool | None:
            if process.poll() is not None:
                log.seek(0)
                pytest.fail(f"{command[0]} ended: {log.read().decode()[-2000:]}")
            return subprocess.run(is_ready, capture_output=True, check=False).returncode == 0 or None

        try:
            wait_until(f"answer of {command[0]}", ready)
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def postgres() -> Iterator[str]:
    """Give the address, without its scheme, of an empty database; as root, PostgreSQL's own user runs it."""
    user = "postgres" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="reducer-postgres-") as folder:
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        make = [program("initdb"), "-D", f"{folder}/data", "-U", "airflow", "--auth=trust", "--no-sync"]
        subprocess.run(make, check=True, user=user, cwd=folder, timeout=60, stdout=subprocess.DEVNULL)
        port = str(free_port())
        command = [program("postgres"), "-D", f"{folder}/data", "-k", folder, "-p", port, "-c", "fsync=off"]
        with serving(command, [program("pg_isready"), "-q", "-h", folder, "-p", port], user):
            yield f"airflow@127.0.0.1:{port}/postgres"


@contextmanager
def redis() -> Iterator[str]:
    """Give the URL of an empty Redis that keeps nothing."""
    port = str(free_port())
    command = [program("redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", ""]
    with serving(command, [program("redis-cli"), "-p", port, "ping"]):
        yield f"redis://127.0.0.1:{port}/0"
