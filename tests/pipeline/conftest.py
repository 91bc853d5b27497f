"""A sound dataset, and copies of it to plant faults in."""

import shutil

import pytest

from pipeline.storage import Store
from tests.fakes import fake_models
from tests.pipeline.small_job import annotate_small, plan_small


@pytest.fixture(scope="session")
def sound(small_source, tmp_path_factory):
    """Seven clips in one shard: 3 of a/walk.mp4, 1 of b/walk.mp4, broken.mp4, 2 of tall.mp4."""
    out = tmp_path_factory.mktemp("sound") / "out"
    annotate_small(plan_small(small_source, out, max_shard_frames=100), fake_models())
    return out


@pytest.fixture
def store(sound, tmp_path):
    """A copy of the sound dataset that a test may spoil."""
    return Store(str(shutil.copytree(sound, tmp_path / "out")))
