"""The Jobs for Kubernetes: valid by its schemas, and their containers, run as they say, make the result.

There is no cluster here: what the Job controller does (indexes, repeating pods, labels) is taken for granted.
"""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from kubernetes_validate import utils as schemas
from workdir import ROOT, Workdir, each

REDUCE = ROOT / "misc" / "kubernetes_reduce.yaml"
COLLECT = ROOT / "misc" / "kubernetes_collect.yaml"
OLDEST = "1.33"
UID = "8d4a2e0c-7f0e-4bb4-9a53-0f5e8f6f1c11"
Job = dict[str, Any]
each_job = pytest.mark.parametrize("path", [REDUCE, COLLECT], ids=["reduce", "collect"])


def job_of(path: Path) -> Job:
    return yaml.safe_load(path.read_text())


def container_of(job: Job) -> dict[str, Any]:
    [container] = job["spec"]["template"]["spec"]["containers"]
    return container


def variables_of(job: Job) -> dict[str, str]:
    """What the container gets, `valueFrom` looked up as in the labels that a pod of this Job has."""
    labels = {"metadata.labels['batch.kubernetes.io/controller-uid']": UID}
    return {
        variable["name"]: variable["value"]
        if "value" in variable
        else labels[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        for variable in container_of(job)["env"]
    }


# By the rules -----------------------------------------------------------------------------------------


@each_job
@pytest.mark.parametrize("version", [version for version in schemas.all_versions() if version >= OLDEST])
def test_kubernetes_takes_it(path, version):
    schemas.validate(job_of(path), version, strict=True)


def misspelt(job: Job) -> None:
    job["spec"]["backofLimitPerIndex"] = job["spec"].pop("backoffLimitPerIndex")


def a_text_for_a_number(job: Job) -> None:
    job["spec"]["completions"] = "5"


def a_number_for_a_text(job: Job) -> None:
    container_of(job)["env"][1]["value"] = 5


def no_command_list(job: Job) -> None:
    container_of(job)["command"] = "python /app/runner.py"


@each(
    "spoil",
    misspelt=(misspelt,),
    completions=(a_text_for_a_number,),
    value=(a_number_for_a_text,),
    command=(no_command_list,),
)
def test_the_check_rejects_a_broken_manifest(spoil):
    job = copy.deepcopy(job_of(REDUCE))
    spoil(job)
    with pytest.raises(schemas.ValidationError):
        schemas.validate(job, OLDEST, strict=True)


@each_job
def test_what_the_schemas_do_not_know_holds_too(path):
    """Rules of the API server: a policy for failed pods needs pods that are not restarted, sorted codes."""
    job = job_of(path)
    spec = job["spec"]
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["podReplacementPolicy"] == "Failed"
    assert ("backoffLimitPerIndex" in spec) == (spec.get("completionMode") == "Indexed")
    [codes] = [rule["onExitCodes"] for rule in spec["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
    assert codes["values"] == sorted(set(codes["values"]) - {0})
    in_vain = {3} if path == REDUCE else {3, 5, 7}
    assert set(codes["values"]) == in_vain
    assert codes["containerName"] == container_of(job)["name"]
    mounts = {mount["name"] for mount in container_of(job)["volumeMounts"]}
    assert mounts == {volume["name"] for volume in spec["template"]["spec"]["volumes"]}


def test_both_jobs_and_the_indexes_agree_in_the_quantity():
    reduce, collect = job_of(REDUCE), job_of(COLLECT)
    quantity = str(reduce["spec"]["completions"])
    assert (
        quantity
        == variables_of(reduce)["REDUCER_RUNNERS_QTY"]
        == variables_of(collect)["REDUCER_RUNNERS_QTY"]
    )
    assert reduce["spec"]["parallelism"] <= reduce["spec"]["completions"]


@each_job
def test_a_service_of_the_same_name_does_no_harm(path, workdir):
    """Kubernetes would announce a Service named reducer to every pod, in variables like the Reducer's."""
    assert job_of(path)["spec"]["template"]["spec"]["enableServiceLinks"] is False
    assert workdir.reduce(service_host="10.0.0.1", port="tcp://10.0.0.1:80").exit_code == 3


# For real ---------------------------------------------------------------------------------------------


class Ended(NamedTuple):
    """How a container ended and what it said."""

    exit_code: int
    log: str


@pytest.fixture
def pod(image: str, world: Workdir) -> Callable[..., Ended]:
    """Runs the container of a Job as its manifest says, with the test's folders for the claims."""
    import docker
    from docker.types import Mount

    world.output.chmod(0o777)  # Kubernetes would make it writable for fsGroup
    folders = {"inbound": str(world.input), "outbound": str(world.output)}
    client = docker.from_env()

    def run(job: Job, **more: str) -> Ended:
        spec, container = job["spec"]["template"]["spec"], container_of(job)
        assert container["image"] == "reducer:latest"
        user = spec["securityContext"]
        running = client.containers.create(
            image,
            entrypoint=container.get("command"),
            environment=variables_of(job) | more,
            user=f"{user['runAsUser']}:{user['runAsGroup']}",
            read_only=container["securityContext"]["readOnlyRootFilesystem"],
            cap_drop=container["securityContext"]["capabilities"]["drop"],
            security_opt=["no-new-privileges"],
            mem_limit=container["resources"]["limits"]["memory"].removesuffix("i").lower(),
            mounts=[
                Mount(at["mountPath"], folders[at["name"]], type="bind", read_only=at.get("readOnly", False))
                for at in container["volumeMounts"]
            ],
        )
        try:
            running.start()
            code = running.wait(timeout=60)["StatusCode"]
            return Ended(code, running.logs().decode())
        finally:
            running.remove(force=True)

    yield run
    client.close()


def collect_job() -> Job:
    """The second Job, made by the line of `sed` that the first one shows."""
    line = f"s/UID-OF-THE-REDUCING-JOB/{UID}/"
    assert line.replace(UID, "$uid") in REDUCE.read_text()
    done = subprocess.run(["sed", line, COLLECT], capture_output=True, text=True, check=True)
    return yaml.safe_load(done.stdout)


def test_the_pods_make_the_result_of_one_machine(pod, world, one_machine):
    job = job_of(REDUCE)
    for index in range(job["spec"]["completions"]):
        ended = pod(job, JOB_COMPLETION_INDEX=str(index))
        assert ended.exit_code == 0, ended.log
        assert f"Runner [{index + 1}]" in ended.log
    ended = pod(collect_job())
    assert ended.exit_code == 0, ended.log
    assert (world.output / "Combined.csv").read_bytes() == one_machine(world.input)
    again = pod(collect_job())
    assert (again.exit_code, "is already collected" in again.log) == (0, True)


def test_collect_rejects_while_an_index_is_missing_or_the_uid_was_forgotten(pod, world):
    job = job_of(REDUCE)
    for index in (0, 1, 3, 4):
        assert pod(job, JOB_COMPLETION_INDEX=str(index)).exit_code == 0
    ended = pod(collect_job())
    assert ended.exit_code == 5
    assert "no partial of runner 3 of 5" in ended.log
    assert pod(job, JOB_COMPLETION_INDEX="2").exit_code == 0
    forgotten = pod(job_of(COLLECT))
    assert forgotten.exit_code == 5
    assert f"belongs to run {UID}, this is run UID-OF-THE-REDUCING-JOB" in forgotten.log
    assert not (world.output / "Combined.csv").exists()
    assert pod(collect_job()).exit_code == 0
