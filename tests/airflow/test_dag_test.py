"""`airflow dags test`, which runs a DAG task by task without a scheduler: a quick way to try one's nodes."""

from __future__ import annotations

import json

from workdir import ROOT, Workdir

OLD = b"Source IP,Environment\n9.9.9.9,Old Prod\n"


def conf(world: Workdir, **more: object) -> str:
    params = {"input_dir": world.input, "output_dir": world.output, "checkout": ROOT} | more
    return json.dumps({name: str(value) for name, value in params.items()})


def test_it_makes_the_result_of_one_machine_in_docker(home, world, image, one_machine):
    done = home.run("dags", "test", "reducer", "-c", conf(world, image=image))
    assert done.returncode == 0
    assert (world.output / "Combined.csv").read_bytes() == one_machine(world.input)


def test_it_makes_the_result_of_one_machine_without_docker(home, world, one_machine):
    done = home.run("dags", "test", "reducer_on_hosts", "-c", conf(world))
    assert done.returncode == 0
    assert (world.output / "Combined.csv").read_bytes() == one_machine(world.input)


def test_a_partial_that_was_never_written_makes_collect_reject(home, world):
    """The second node's task is a success for Airflow, but nothing came of it."""
    (world.output / "Combined.csv").write_bytes(OLD)
    done = home.run(
        "dags", "test", "reducer_on_hosts", "-c", conf(world), "--mark-success-pattern", "reduce_3.*"
    )
    assert done.returncode != 0
    assert "no partial of runner 3, 4 of 5" in done.stdout
    assert "run REDUCER_MODE=reduce REDUCER_LOW_RUNNER=3 REDUCER_HIGH_RUNNER=4" in done.stdout
    assert "no retry: collect rejected the partials" in done.stdout
    assert (world.output / "Combined.csv").read_bytes() == OLD


def test_an_error_of_the_configuration_is_reported_once(home, world):
    """A variable of the worker's own, which the tasks inherit, is misspelt."""
    done = home.run("dags", "test", "reducer_on_hosts", "-c", conf(world), REDUCER_BATCHSIZE="5")
    assert done.returncode != 0
    assert done.stdout.count("unknown variable; did you mean REDUCER_BATCH_SIZE?") == 3  # a node each
    assert "no retry: the configuration is invalid" in done.stdout


def test_what_strict_mode_finds_is_not_hidden_by_another_try(home, world):
    world.csv("Asia Prod 12.csv", "Source IP", "not an address")
    done = home.run("dags", "test", "reducer_on_hosts", "-c", conf(world), REDUCER_STRICT="true")
    assert done.returncode != 0
    assert "strict mode: 1 rejected row;" in done.stdout
    assert "no retry: strict mode found something" in done.stdout
    assert "is already collected" not in done.stdout


def test_a_relative_path_is_rejected_before_anything_starts(home, world):
    done = home.run("dags", "test", "reducer_on_hosts", "-c", conf(world, input_dir="data/in"))
    assert done.returncode != 0
    assert "data/in" in done.stdout
    assert list(world.output.iterdir()) == []
