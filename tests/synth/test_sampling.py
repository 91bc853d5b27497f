import numpy as np
import pytest

from synth.places import sample_place
from synth.sampling import draw_kind, sample_look, sample_shot, turn_aside
from synth.values import CameraPath

TIMES_S = np.arange(3) / 25


def draw(body, seed=1, **changes):
    given = {"width": 128, "height": 72, "times_s": TIMES_S, "num_people": 1} | changes
    return sample_shot(np.random.default_rng(seed), body, **given)


@pytest.mark.parametrize("num_people", [0, 1, 4])
def test_a_shot_is_of_the_size_times_and_people_asked_for(free_body, num_people):
    shot = draw(free_body, num_people=num_people)
    assert len(shot.actors) == num_people
    assert [actor.rotations.shape for actor in shot.actors] == [(3, 53, 3, 3)] * num_people
    assert (shot.camera.width, shot.camera.height) == (128, 72)
    assert shot.camera.world_from_camera.shape == (3, 4, 4)
    assert shot.times_s is TIMES_S


def test_the_same_seed_gives_the_same_shot_and_another_another(free_body):
    first, again, other = draw(free_body), draw(free_body), draw(free_body, seed=2)
    assert np.array_equal(first.camera.world_from_camera, again.camera.world_from_camera)
    assert np.array_equal(first.actors[0].rotations, again.actors[0].rotations)
    assert first.look.seed == again.look.seed != other.look.seed
    assert not np.array_equal(first.actors[0].rotations, other.actors[0].rotations)


def test_a_place_and_a_camera_that_are_given_are_taken(free_body):
    place = sample_place(np.random.default_rng(0), "street")
    camera = CameraPath(128, 72, 100.0, np.tile(np.eye(4), (3, 1, 1)))
    shot = draw(free_body, place=place, camera=camera)
    assert shot.place is place
    assert shot.camera is camera


@pytest.mark.parametrize(("kind", "num_rooms"), [("room", 1), ("street", 0)])
def test_kinds_that_are_given_are_drawn(free_body, kind, num_rooms):
    shot = draw(free_body, place=kind, camera="static")
    assert sum(box.is_room for box in shot.place.boxes) == num_rooms
    poses = shot.camera.world_from_camera
    assert np.array_equal(poses[0], poses[2])


def test_looks_are_sharp_three_times_out_of_four_and_hardly_noisy():
    rng = np.random.default_rng(0)
    looks = [sample_look(rng) for _ in range(400)]
    assert np.mean([look.shutter == 0 for look in looks]) == pytest.approx(0.75, abs=0.07)
    assert max(look.shutter for look in looks) <= 0.6
    assert 0 <= min(look.noise for look in looks) < max(look.noise for look in looks) <= 0.03
    assert np.median([look.exposure for look in looks]) == pytest.approx(1, abs=0.05)


def test_a_shot_turned_aside_has_a_head_at_the_border(free_body):
    shot = draw(free_body, num_people=2, camera="handheld")
    sides = set()
    for seed in range(8):
        camera = turn_aside(np.random.default_rng(seed), shot).camera
        pose = camera.world_from_camera[1]  # of frames 0, 1, 2
        heads = [pose[:3, :3].T @ (a.head_position[1] - pose[:3, 3]) for a in shot.actors]
        x_px = [camera.focal_px * head[0] / head[2] for head in heads]
        nearest = min(x_px, key=lambda x: abs(abs(x) - 61.44))
        assert abs(nearest) == pytest.approx(0.96 * 64)  # of half a picture of 128 pixels
        assert np.array_equal(pose[:3, 3], shot.camera.world_from_camera[1, :3, 3])
        sides.add(np.sign(nearest))
    assert sides == {-1, 1}


def test_a_shot_of_nobody_cannot_be_turned_aside(free_body):
    shot = draw(free_body, num_people=0)
    assert turn_aside(np.random.default_rng(0), shot) is shot


def test_kinds_come_by_their_shares():
    rng = np.random.default_rng(0)
    drawn = [draw_kind(rng, {"a": 0.9, "b": 0.1}) for _ in range(500)]
    assert drawn.count("a") == pytest.approx(450, abs=25)
