"""Cameras keep their promises whatever the seed."""

import numpy as np
import pytest

from synth.cameras import sample_camera
from synth.places import sample_place
from tests.synth.scenes import scatter

KINDS = ["static", "pan", "handheld", "orbit"]
PLACES = ["room", "street"]
SECONDS = np.arange(91) / 30


def drawn(body, kind, place_kind, seed, times_s=SECONDS, num_actors=2, size=(512, 288)):
    rng = np.random.default_rng(seed)
    place = sample_place(rng, place_kind)
    actors = scatter(body, rng, place.free_area, num_actors, len(times_s))
    return place, actors, sample_camera(rng, kind, place, actors, times_s, *size)


def turned(path):
    """Angles [T] from the first frame's pose, degrees."""
    rotations = path.world_from_camera[:, :3, :3]
    cosine = (np.einsum("tij,ij->t", rotations, rotations[0]) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def gap(box, positions):
    """Metres outside a box; the boxes of these places lie along the axes."""
    return (np.abs(positions - box.centre) - box.half_size).max(1)


@pytest.mark.parametrize("place_kind", PLACES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("seed", "num_actors"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 5)])
def test_a_camera_stands_in_the_open(kind, place_kind, seed, num_actors, free_body):
    place, actors, path = drawn(free_body, kind, place_kind, seed, num_actors=num_actors)
    positions = path.world_from_camera[:, :3, 3]
    for box in place.boxes:
        if box.is_room:
            assert gap(box, positions).max() <= -0.3
        else:
            assert gap(box, positions).min() >= 0.2
    for person in actors:
        assert np.linalg.norm(person.head_position - positions, axis=1).min() >= 0.8
    assert (positions[:, 1] < -0.6).all()


@pytest.mark.parametrize("kind", KINDS)
def test_poses_are_rigid_and_upright(kind, free_body):
    _, _, path = drawn(free_body, kind, "street", 0)
    assert path.world_from_camera.shape == (91, 4, 4)
    assert path.world_from_camera.dtype == np.float64
    rotations = path.world_from_camera[:, :3, :3]
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (91, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0)
    assert np.degrees(np.abs(np.arcsin(rotations[:, 1, 0]))).max() < 4.0  # roll
    assert (rotations[:, 1, 1] > 0.5).all()  # the camera's down is the world's


@pytest.mark.parametrize("place_kind", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_most_of_the_people_are_in_the_picture(kind, place_kind, free_body):
    shares = []
    for seed in range(8):
        _, actors, path = drawn(free_body, kind, place_kind, seed)
        poses = path.world_from_camera
        for person in actors:
            local = np.einsum(
                "tji,tj->ti", poses[:, :3, :3], person.head_position - poses[:, :3, 3]
            )
            reach = path.focal_px * np.abs(local[:, :2] / local[:, 2:])
            shares.append(((local[:, 2] > 0) & (reach < (256, 144)).all(1)).mean())
    assert np.mean(shares) > 0.7


def test_static_stands_still(free_body):
    _, _, path = drawn(free_body, "static", "room", 0)
    assert (path.world_from_camera == path.world_from_camera[0]).all()


@pytest.mark.parametrize("seed", range(4))
def test_pan_turns_on_the_spot(seed, free_body):
    _, _, path = drawn(free_body, "pan", "street", seed, np.arange(181) / 30)
    assert (path.world_from_camera[:, :3, 3] == path.world_from_camera[0, :3, 3]).all()
    between = turned(path)  # to and fro in 6 s: the sweep lies between the extremes
    assert 3.0 < between.max() < 40.5


@pytest.mark.parametrize("seed", range(4))
def test_handheld_trembles(seed, free_body):
    _, _, path = drawn(free_body, "handheld", "street", seed)
    moved = np.linalg.norm(np.diff(path.world_from_camera[:, :3, 3], axis=0), axis=1)
    assert 0.0 < moved.mean() < 0.03  # metres a frame of 1 / 30 s
    assert 0.2 < turned(path).max() < 30.0


@pytest.mark.parametrize("seed", range(4))
def test_orbit_keeps_its_distance(seed, free_body):
    _, actors, path = drawn(free_body, "orbit", "street", seed)
    positions = path.world_from_camera[:, [0, 2], 3]
    middle = np.mean([person.head_position[:, [0, 2]] for person in actors], (0, 1))
    distances = np.linalg.norm(positions - middle, axis=1)
    assert np.ptp(distances) < 1e-9
    travel = np.linalg.norm(np.diff(positions, axis=0), axis=1).sum()
    assert 0.05 < travel < 1.6


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_shot_stays_inside(kind, free_body):
    place, _, path = drawn(free_body, kind, "room", 1, np.arange(0.0, 600.0, 0.7), num_actors=0)
    assert gap(place.boxes[0], path.world_from_camera[:, :3, 3]).max() <= -0.3


@pytest.mark.parametrize("size", [(512, 288), (288, 512), (320, 240)])
def test_field_of_view(size, free_body):
    _, _, path = drawn(free_body, "static", "room", 2, size=size)
    assert (path.width, path.height) == size
    assert 0.75 * max(size) <= path.focal_px <= max(size)


@pytest.mark.parametrize("kind", KINDS)
def test_a_camera_is_its_seeds(kind, free_body):
    one, again, other = (
        drawn(free_body, kind, "room", seed)[2].world_from_camera for seed in (3, 3, 4)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
