"""What the tests of the DAG may ask for: an Airflow that lives as long as the tests, and a tree to reduce."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from workdir import ROOT, Workdir

sys.path.insert(0, str(Path(__file__).parent))

from live import Airflow, Dags

PYTHON = ROOT / ".venv" / "bin" / "python"  # the Reducer's own; these tests run with Airflow's


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Dags:
    """A folder for Airflow with the example in it, and an empty database."""
    dags = Dags(tmp_path_factory.mktemp("airflow"))
    dags.run("db", "migrate")
    return dags


@pytest.fixture(scope="session")
def airflow(home: Dags) -> Iterator[Airflow]:
    """A scheduler and all that belongs to it, with three tasks at a time."""
    with Airflow(home, {"AIRFLOW__CORE__PARALLELISM": "3"}) as running:
        yield running


@pytest.fixture
def tree(workdir: Workdir) -> Workdir:
    """The committed sample, and an output directory that holds an old result."""
    workdir.input.rmdir()
    workdir.input.symlink_to(ROOT / "task/reducer/regions")
    return workdir


@pytest.fixture(scope="session")
def image() -> str:
    """The Reducer's image, in a Docker that answers; without both the test is skipped, or fails if it must not be."""
    import docker
    from docker.errors import DockerException

    name = os.environ.get("IMAGE", "reducer:latest")
    try:
        docker.from_env().images.get(name)
    except DockerException as fault:
        if os.environ.get("REDUCTION_REQUIRE_DOCKER"):
            raise
        pytest.skip(f"NOT TRIED in Docker: DOCKER_HOST does not answer or has no {name} (misc/do_build.sh): {fault}")
    return name
