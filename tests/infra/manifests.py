"""Reads what infra/ holds, for the tests: manifests, Dockerfile, locked versions."""

import re
import tomllib
from pathlib import Path

import yaml
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).resolve().parents[2]
RAYJOB = ROOT / "infra/kuberay/rayjob-annotate.yaml"
DOCKERFILE = ROOT / "infra/docker/Dockerfile"
LOCKS = (ROOT / "requirements.lock", ROOT / "infra/docker/requirements-cluster.lock")


def documents() -> list[dict]:
    """Every document of the manifest."""
    return list(yaml.safe_load_all(RAYJOB.read_text()))


def rayjob() -> dict:
    """The RayJob of the manifest."""
    return next(document for document in documents() if document["kind"] == "RayJob")


def groups(job: dict) -> list[dict]:
    """The head's group, then the workers' groups."""
    cluster = job["spec"]["rayClusterSpec"]
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def pod_of(group: dict) -> dict:
    """The Pod that a group's template describes."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, **group["template"]}


def instructions(name: str) -> list[str]:
    """Values of the Dockerfile's instructions called `name`, in order."""
    parser = DockerfileParser(path=str(DOCKERFILE))
    return [line["value"] for line in parser.structure if line["instruction"] == name]


def locked(path: Path) -> dict[str, str]:
    """Package -> exact version, of one lock file."""
    pins = re.findall(r"^([A-Za-z0-9._\-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", path.read_text(), re.M)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins}


def packages() -> list[str]:
    """The top-level packages that the distribution is made of."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    include = project["tool"]["setuptools"]["packages"]["find"]["include"]
    return [pattern.rstrip("*") for pattern in include]
