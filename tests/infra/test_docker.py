"""The Dockerfile: both variants resolve, every source exists, nothing floats."""

import importlib.metadata
import re

import pytest
from packaging.requirements import Requirement

from tests.infra import manifests


@pytest.mark.parametrize("variant", ["cpu", "cuda"])
def test_a_variant_is_a_stage(variant):
    stages = [value.split(" AS ")[1] for value in manifests.instructions("FROM")]
    assert f"base-{variant}" in stages
    assert manifests.instructions("FROM")[-1] == "base-${VARIANT} AS runtime"


def test_the_default_variant_is_the_one_that_runs_anywhere():
    assert manifests.instructions("ARG")[0] == "VARIANT=cpu"


def test_base_images_are_pinned_to_a_patch_release():
    bases = [value.split(" AS ")[0] for value in manifests.instructions("FROM")[:-1]]
    assert bases == ["python:3.11.14-slim-bookworm"] * 2


def test_what_is_copied_exists_and_is_in_the_build_context():
    context = (manifests.ROOT / ".dockerignore").read_text().splitlines()
    sources = [word for value in manifests.instructions("COPY") for word in value.split()[:-1]]
    assert sources
    for source in sources:
        assert (manifests.ROOT / source).exists(), source
        assert f"!{source.rstrip('/')}" in context, source


def test_every_package_is_copied():
    copied = " ".join(manifests.instructions("COPY"))
    assert [name for name in manifests.packages() if f"{name}/ {name}/" not in copied] == []


def test_the_image_runs_h3r_and_not_as_root():
    assert manifests.instructions("USER") == ["1000"]
    assert manifests.instructions("ENTRYPOINT") == ['["h3r"]']


def test_the_lock_leaves_the_build_of_torch_to_the_variant():
    assert "+" not in manifests.locked(manifests.LOCKS[0])["torch"]


def test_the_locks_hold_what_a_rayjob_needs_of_ray():
    have = {**manifests.locked(manifests.LOCKS[0]), **manifests.locked(manifests.LOCKS[1])}
    wanted = [Requirement(text) for text in importlib.metadata.requires("ray") or []]
    for requirement in wanted:
        if requirement.marker and requirement.marker.evaluate(
            {"extra": "default", "python_version": "3.11"}
        ):
            name = re.sub(r"[-_.]+", "-", requirement.name).lower()
            assert requirement.specifier.contains(have[name]), requirement


def test_the_two_locks_never_disagree():
    main, cluster = (manifests.locked(path) for path in manifests.LOCKS)
    assert main.keys() & cluster.keys() == set()
