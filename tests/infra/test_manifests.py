"""The RayJob: accepted by Kubernetes' and KubeRay's schemas, and in step with the lock and CLI."""

import copy
import json
import shlex
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import typer

from jobs.cli import app
from tests.infra import manifests

KUBERNETES = "1.30"
SCHEMA = json.loads((Path(__file__).parent / "rayjob.schema.json").read_text())


def check_rayjob(job: dict) -> None:
    jsonschema.validate(job, SCHEMA)
    for group in manifests.groups(job):
        kubernetes_validate.validate(manifests.pod_of(group), KUBERNETES, strict=True)


def test_the_manifest_is_valid():
    service_account, job = manifests.documents()
    kubernetes_validate.validate(service_account, KUBERNETES, strict=True)
    check_rayjob(job)


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        (["spec"], "shutdownAfterJobFinish", True),
        (["spec"], "submissionMode", "K8sJob"),
        (["spec"], "backoffLimit", "2"),
        (["spec", "rayClusterSpec"], "rayVersion", 2.6),
        (["spec", "rayClusterSpec", "autoscalerOptions"], "idleTimeoutSecond", 60),
        (["spec", "rayClusterSpec", "headGroupSpec", "rayStartParams"], "num-cpus", 0),
        (["spec", "rayClusterSpec", "workerGroupSpecs", 0], "maxReplica", 8),
    ],
)
def test_a_wrong_rayjob_field_is_refused(path, name, value):
    job = copy.deepcopy(manifests.rayjob())
    target = job
    for key in path:
        target = target[key]
    target[name] = value
    with pytest.raises(jsonschema.ValidationError):
        check_rayjob(job)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("serviceAcountName", "h3r"),
        ("tolerations", {"key": "x"}),
        ("containers", [{"name": "x", "resource": {}}]),
    ],
)
def test_a_wrong_pod_field_is_refused(name, value):
    job = copy.deepcopy(manifests.rayjob())
    manifests.groups(job)[1]["template"]["spec"][name] = value
    with pytest.raises(kubernetes_validate.ValidationError):
        check_rayjob(job)


def test_ray_is_the_locked_one():
    assert manifests.rayjob()["spec"]["rayClusterSpec"]["rayVersion"] == ray_version()


def test_every_container_runs_the_image_of_this_version_of_ray_and_python():
    python = manifests.instructions("FROM")[0].split(":")[1].rsplit(".", 1)[0]  # "3.11"
    pods = [group["template"]["spec"] for group in manifests.groups(manifests.rayjob())]
    images = {container["image"] for pod in pods for container in pod["containers"]}
    assert images == {f"registry.example.com/h3r:0.1.0-ray{ray_version()}-py{python}-cuda"}


def test_the_command_line_is_one_that_h3r_accepts():
    program, verb, *arguments = shlex.split(manifests.rayjob()["spec"]["entrypoint"])
    command = typer.main.get_command(app).commands[verb]
    values = command.make_context(verb, arguments).params
    assert program == "h3r"
    assert values["address"] == "auto"


def test_an_unknown_option_would_be_noticed():
    command = typer.main.get_command(app).commands["annotate"]
    with pytest.raises(Exception, match="No such option"):
        command.make_context("annotate", ["s3://a/b", "s3://a/c", "--num-gpu", "1"])


def test_workers_use_every_gpu_of_the_largest_cluster():
    words = shlex.split(manifests.rayjob()["spec"]["entrypoint"])
    head, workers = manifests.groups(manifests.rayjob())
    limits = [
        group["template"]["spec"]["containers"][0]["resources"]["limits"]
        for group in (head, workers)
    ]
    assert "nvidia.com/gpu" not in limits[0]
    num_gpus = workers["maxReplicas"] * int(limits[1]["nvidia.com/gpu"])
    assert words[words.index("--workers") + 1] == str(num_gpus)


def ray_version() -> str:
    return manifests.locked(manifests.LOCKS[0])["ray"]
