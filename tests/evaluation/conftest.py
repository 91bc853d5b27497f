"""The small scene as a truth, with and without a body model."""

import pytest

from tests.evaluation.small_scene import SCENE, write_scene


@pytest.fixture(scope="module")
def truth(tmp_path_factory, free_body):
    return write_scene(tmp_path_factory.mktemp("truth"), SCENE, free_body)


@pytest.fixture(scope="module")
def bare_truth(tmp_path_factory):
    """The same without a body model."""
    return write_scene(tmp_path_factory.mktemp("bare"), SCENE, None)
