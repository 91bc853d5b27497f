"""Random weights: the same everywhere, and good enough for a trial run."""

import numpy as np
import pytest
import torch

from human3r_model.errors import InputError
from human3r_model.random_weights import random_model


@pytest.fixture(scope="module")
def tiny():
    return random_model("tiny", seed=0)


def test_identity_is_fixed(tiny):
    assert tiny.weights_sha256.startswith("db17b48648a78572")
    assert tiny.is_untrained is True
    assert tiny.description == "tiny with random weights (seed 0): untrained"
    assert random_model("tiny", seed=1).weights_sha256 != tiny.weights_sha256


def test_trial_people_stand_in_front_of_the_camera(tiny):
    """A few people, upright, metres away: also in noise; nobody in the dark."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 96, 128, 3), dtype=np.uint8)
    frames = torch.from_numpy(np.concatenate([noise, np.zeros_like(noise[:1])]))
    features = tiny.model.encode(frames)
    prediction, _ = tiny.model.step(features, tiny.model.initial_state(3))
    people = prediction.people
    counts = [int((people.clip_index == clip).sum()) for clip in range(3)]
    assert all(1 <= count <= 10 for count in counts[:2])
    assert counts[2] == 0
    assert (people.head_position[:, 2] > 1).all()
    assert (people.head_position[:, 2] < 6).all()
    assert (people.rotations[:, 0, 1, 1] < -0.9).all()  # the body's y axis points up: camera -y
    assert (prediction.pointmap[..., 2] > 0).all()
    assert (prediction.pointmap[..., 2] < 20).all()
    assert (prediction.camera_pose[:, 3] > 0.9).all()  # nearly no rotation


def test_unknown_presets_are_named():
    with pytest.raises(InputError, match="no preset 'small': choose one of 672S"):
        random_model("small")
