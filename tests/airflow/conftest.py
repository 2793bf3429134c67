"""What the tests of the DAG may ask for: an Airflow that lives as long as the tests, and a tree to reduce."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from workdir import KEY, PATIENCE, ROOT, Workdir

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from live import Airflow, Dags

PYTHON = ROOT / ".venv" / "bin" / "python"  # the Reducer's own; these tests run with Airflow's


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dags]:
    """A folder for Airflow with the example in it, and an empty database."""
    dags = Dags(tmp_path_factory.mktemp("airflow"))
    assert dags.run("db", "migrate").returncode == 0
    with pytest.MonkeyPatch.context() as patch:  # for what a test imports of Airflow itself
        for name, value in dags.environment.items():
            patch.setenv(name, value)
        yield dags


@pytest.fixture(scope="session")
def airflow(home: Dags) -> Iterator[Airflow]:
    """A scheduler and all that belongs to it, with three tasks at a time."""
    with Airflow(home, {"AIRFLOW__CORE__PARALLELISM": "3"}) as running:
        yield running


@pytest.fixture
def world(workdir: Workdir) -> Workdir:
    """Six files, of which each runner has one or two, and an empty output directory."""
    for n in range(1, 7):
        workdir.csv(f"Asia Prod {n}.csv", KEY, f"{n}.{n}.{n}.{n}", "1.1.1.1")
    return workdir


@pytest.fixture
def one_machine(tmp_path: Path) -> Callable[[Path], bytes]:
    """What `python reducer.py` makes of a tree, on its own."""

    def reduced(tree: Path) -> bytes:
        output = tmp_path / "one machine"
        output.mkdir()
        variables = {"REDUCER_INPUT_DIR": str(tree), "REDUCER_OUTPUT_DIR": str(output)}
        subprocess.run([PYTHON, ROOT / "reducer.py"], env=variables, check=True, timeout=300)
        return (output / "Combined.csv").read_bytes()

    return reduced


@pytest.fixture(scope="session")
def image() -> str:
    """The Reducer's image, in a Docker that answers; without, tests are skipped, unless that is a failure."""
    name = os.environ.get("IMAGE", "reducer:latest")
    # In a process of its own, because a client that gets no answer leaves its socket open.
    ask = "import docker, sys; docker.from_env().images.get(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", ask, name], stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode != 0:
        why = done.stderr.strip().rpartition("\n")[2]
        missing = f"in Docker: it does not answer, or has no {name} (misc/do_build.sh): {why}"
        if os.environ.get("REDUCTION_REQUIRE_DOCKER"):
            pytest.fail(f"REDUCTION_REQUIRE_DOCKER is set, but nothing runs {missing}", pytrace=False)
        pytest.skip(f"NOT TRIED {missing}")
    return name
