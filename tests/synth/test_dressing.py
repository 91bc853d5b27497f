"""Colours of the free body's faces."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from synth.dressing import sample_face_colours


@pytest.fixture(scope="module")
def centres(free_body):
    """[F, 3] at rest, from the head joint: x to the left, y up, z forward."""
    placed = free_body.place(
        torch.eye(3).expand(1, 53, 3, 3), torch.zeros(1, 10), torch.zeros(1, 10), torch.zeros(1, 3)
    )
    return placed.vertices[0].double().numpy()[free_body.faces].mean(1)


@pytest.fixture(scope="module")
def people(free_body):
    return [sample_face_colours(np.random.default_rng(seed), free_body) for seed in range(30)]


def test_colours_are_linear_rgb_a_face(people):
    assert all(colours.shape == (20908, 3) for colours in people)
    assert all(colours.dtype == np.float32 for colours in people)
    assert min(colours.min() for colours in people) >= 0
    assert max(colours.max() for colours in people) <= 1


def test_left_and_right_are_alike(people, centres):
    gaps, twins = cKDTree(centres).query(centres * [-1, 1, 1])
    paired = gaps < 1e-3
    assert paired.sum() > 10000
    for colours in people:
        alike = np.isclose(colours[paired], colours[twins[paired]], atol=0.02).all(1)
        assert alike.mean() > 0.95


def test_faces_have_a_front_and_most_heads_a_back(people, centres):
    x, y, z = centres.T
    face = (np.abs(x) < 0.05) & (y > -0.07) & (y < 0.08) & (z > 0.05)
    back = (np.abs(x) < 0.05) & (y > 0.03) & (y < 0.08) & (z < -0.05)
    assert face.sum() > 100
    assert back.sum() > 20
    assert all(np.ptp(colours[face].mean(1)) > 0.02 for colours in people)
    differ = [
        np.abs(colours[face].mean(0) - colours[back].mean(0)).max() > 0.02 for colours in people
    ]
    assert np.mean(differ) > 0.7


def test_people_do_not_dress_alike(people, centres):
    chest = np.linalg.norm(centres - [0, -0.35, 0.1], axis=1) < 0.1
    shirts = np.array([colours[chest].mean(0) for colours in people])
    gaps = np.abs(shirts[:, None] - shirts).max(-1)[np.triu_indices(len(people), 1)]
    assert np.median(gaps) > 0.15


def test_same_seed_same_clothes(free_body, people):
    again = sample_face_colours(np.random.default_rng(7), free_body)
    np.testing.assert_array_equal(again, people[7])
