"""The DAG in a real Airflow, in Docker and without: what comes out, and each way in which something goes wrong."""

import pytest
from workdir import ROOT, each, Workdir

EXPECTED = ROOT / "task/reducer/regions.expected.csv"


@pytest.fixture(params=["reducer", "reducer_on_hosts"])
def both(request, airflow, tree):
    """Triggers a run of the DAG with Docker, or without."""
    params = {"input_dir": tree.input, "output_dir": tree.output, "checkout": ROOT}
    if request.param == "reducer":
        params["image"] = request.getfixturevalue("image")
    return lambda: airflow.trigger(request.param, **params)


def test_three_nodes_and_a_collect_make_the_result_of_one_machine(both, tree):
    run = both()
    assert run.finish() == "success"
    assert (tree.output / "Combined.csv").read_bytes() == EXPECTED.read_bytes()
    assert sorted(p.name for p in tree.output.iterdir()) == ["Combined.csv", "Combined.report.json"]
