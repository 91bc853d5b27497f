"""Frames whose depth, people and masks one can work out by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from synth.render import render_shot
from tests.synth.scenes import SHARP, actor, box, camera, place, scatter, shot, wall

AHEAD = (0.0, -0.2, 3.0)  # a head joint 3 m away; the picture cuts the legs off


def frames(shot, body, **span):
    return list(render_shot(shot, body, **span))


def first(shot, body):
    return next(render_shot(shot, body))


def same(a, b):
    one, other = (
        (frame.rgb, frame.depth_m, frame.person, *vars(frame.people).values()) for frame in (a, b)
    )
    return all(np.array_equal(x, y) for x, y in zip(one, other, strict=True))


def moving(body, num_frames, look):
    """Two people who slide, a camera that pans, a room of noise."""
    actors = scatter(body, np.random.default_rng(0), (-0.8, 2.5, 0.8, 3.5), 2, num_frames)
    poses = np.tile(np.eye(4), (num_frames, 1, 1))
    angles = np.linspace(0.0, 0.2, num_frames)
    poses[:, 0, 0] = poses[:, 2, 2] = np.cos(angles)
    poses[:, 0, 2], poses[:, 2, 0] = np.sin(angles), -np.sin(angles)
    poses[:, 1, 3] = -1.2
    path = replace(camera(num_frames), world_from_camera=poses)
    return replace(shot([wall(5.0)], actors, path), look=look)


def test_an_empty_wall(free_body):
    frame = first(shot([wall(5.0)]), free_body)
    np.testing.assert_allclose(frame.depth_m, 5.0, rtol=1e-6)
    assert frame.depth_m.dtype == np.float32
    assert frame.rgb.shape == (64, 96, 3)
    assert not frame.person.any()
    assert frame.people.actor.shape == (0,)
    assert frame.people.rotations.shape == (0, 53, 3, 3)
    assert frame.people.betas.shape == (0, 10)
    assert frame.people.head_px.shape == (0, 2)


def test_the_sky_has_no_depth(free_body):
    frame = first(shot(), free_body)
    assert not frame.depth_m.any()
    # Its lowest row: linear (0.2, 0.4, 0.8) in sRGB.
    assert frame.rgb[-1, 0].tolist() == [124, 170, 231]


def test_a_person_stands_before_the_wall(free_body):
    frame = first(shot([wall(5.0)], [actor(free_body, AHEAD)]), free_body)
    assert set(np.unique(frame.person)) == {0, 1}
    on_person = frame.depth_m[frame.person == 1]
    assert 2.7 < on_person.min() < on_person.max() < 3.3
    np.testing.assert_allclose(frame.depth_m[frame.person == 0], 5.0, rtol=1e-6)


def test_truth_says_where_the_head_is(free_body):
    pose = np.eye(4)
    pose[:3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]  # the camera looks along the world's +x
    pose[:3, 3] = (1.0, -0.5, 0.2)
    person = actor(free_body, (4.0, -0.7, 0.1))
    frame = first(shot([], [person], camera(pose=pose)), free_body)
    # In the camera: x = -(z - 0.2), y = y + 0.5, z = x - 1; f = 80, middle (47.5, 31.5).
    np.testing.assert_allclose(frame.people.head_position, [[0.1, -0.2, 3.0]], atol=1e-12)
    np.testing.assert_allclose(frame.people.head_px, [[47.5 + 80 * 0.1 / 3, 31.5 - 16 / 3]])
    np.testing.assert_allclose(
        frame.people.rotations[0, 0], pose[:3, :3].T @ person.rotations[0, 0], atol=1e-6
    )
    assert np.array_equal(frame.people.rotations[0, 1:], person.rotations[0, 1:])


def test_truth_put_back_before_the_camera_lies_on_the_mask(free_body):
    scene = moving(free_body, 3, SHARP)
    frame = frames(scene, free_body)[2]
    truth = frame.people
    assert len(truth.actor) == 2
    placed = free_body.place(
        torch.from_numpy(truth.rotations),
        torch.from_numpy(truth.betas),
        torch.zeros(2, 10),
        torch.from_numpy(truth.head_position),
    )
    spine = placed.joints[:, [0, 3, 6, 9, 12, 15]].numpy()  # well inside the body
    pixels = np.rint(80.0 * spine[..., :2] / spine[..., 2:] + (47.5, 31.5)).astype(int)
    for person, joints, joints_px in zip(truth.actor, spine, pixels, strict=True):
        for joint, (x, y) in zip(joints, joints_px, strict=True):
            if 0 <= x < 96 and 0 <= y < 64:
                assert frame.person[y, x] == person + 1
                assert 0.0 < joint[2] - frame.depth_m[y, x] < 0.25  # under the skin


@pytest.mark.parametrize(
    ("position", "is_listed"),
    [
        ((0.0, 0.0, 3.0), True),
        ((0.0, 0.0, 0.049), False),
        ((0.0, 0.0, -3.0), False),
        ((-0.599 * 3, 0.0, 3.0), True),  # the left edge, x = -0.5, is at -48 / 80
        ((-0.601 * 3, 0.0, 3.0), False),
        ((0.599 * 3, 0.0, 3.0), True),
        ((0.601 * 3, 0.0, 3.0), False),
        ((0.0, 0.399 * 3, 3.0), True),  # the lower edge, y = 63.5, is at 32 / 80
        ((0.0, 0.401 * 3, 3.0), False),
    ],
)
def test_who_is_listed(position, is_listed, free_body):
    people = first(shot([], [actor(free_body, position)]), free_body).people
    assert people.actor.tolist() == ([0] if is_listed else [])


def test_whose_head_is_outside_keeps_its_mask(free_body):
    frame = first(shot([], [actor(free_body, (0.0, -1.6, 3.0))]), free_body)
    assert len(frame.people.actor) == 0
    assert (frame.person == 1).sum() > 100


def far_away(body, look_at_x=0.0):
    """One who is wholly in the picture, and seen from the front: the same left and right."""
    pose = np.eye(4)
    pose[0, 3] = look_at_x
    return [actor(body, (0.0, -0.7, 5.0))], camera(pose=pose)


def test_half_a_body_behind_a_wall_is_half_visible(free_body):
    actors, path = far_away(free_body)
    screen = box((-5.0, 0.0, 2.0), (5.0, 5.0, 0.01))  # hides all of x < 0
    assert first(shot([], actors, path), free_body).people.visible_fraction == 1.0
    half = first(shot([screen], actors, path), free_body).people.visible_fraction
    assert half == pytest.approx(0.5, abs=0.03)


def test_half_a_body_beyond_the_edge_is_half_visible(free_body):
    actors, path = far_away(free_body, look_at_x=-47.9 / 80 * 5)  # its middle is at x = 95.4
    visible = first(shot([], actors, path), free_body).people.visible_fraction
    assert visible == pytest.approx(0.5, abs=0.03)


def test_the_hidden_are_listed_with_nothing_visible(free_body):
    actors, path = far_away(free_body)
    frame = first(shot([wall(2.0)], actors, path), free_body)
    assert frame.people.visible_fraction.tolist() == [0.0]
    assert not frame.person.any()


@pytest.mark.parametrize("order", [(3.0, 4.0), (4.0, 3.0)])
def test_the_nearer_person_hides_the_other(order, free_body):
    actors = [actor(free_body, (0.0, -0.2, z)) for z in order]
    frame = first(shot([wall(5.0)], actors), free_body)
    near = order.index(3.0)
    assert frame.person[40, 47] == near + 1
    assert frame.people.visible_fraction[near] > 0.5 > 0.2 > frame.people.visible_fraction[1 - near]


@pytest.mark.parametrize("shutter", [0.0, 0.5])
def test_a_frame_does_not_depend_on_the_others_asked_for(shutter, free_body):
    scene = moving(free_body, 20, replace(SHARP, noise=0.02, shutter=shutter, seed=5))
    whole = frames(scene, free_body)
    part = frames(scene, free_body, start=14, stop=18)  # over the border of a chunk of bones
    assert len(whole) == 20
    assert len(part) == 4
    assert all(same(a, b) for a, b in zip(whole[14:18], part, strict=True))


def test_noise_is_its_seeds_and_changes_between_frames(free_body):
    scene = shot([wall(5.0)], [], camera(2), replace(SHARP, noise=0.02, seed=5))
    other = replace(scene, look=replace(scene.look, seed=6))
    one, two = frames(scene, free_body)
    assert not np.array_equal(one.rgb, two.rgb)
    assert not np.array_equal(one.rgb, first(other, free_body).rgb)
    spread = one.rgb.astype(float).std()
    assert spread == pytest.approx(0.02 * 255, rel=0.1)


def test_an_open_shutter_blurs_the_picture_and_not_the_truth(free_body):
    sharp = frames(moving(free_body, 3, SHARP), free_body)[1]
    blurred = frames(moving(free_body, 3, replace(SHARP, shutter=1.0)), free_body)[1]
    assert not np.array_equal(sharp.rgb, blurred.rgb)
    assert abs(sharp.rgb.mean() - blurred.rgb.mean()) < 1.0
    assert same(sharp, replace(blurred, rgb=sharp.rgb))


def test_a_blur_lies_around_its_frames_truth(free_body):
    """Backwards in time, the same is blurred."""
    there = moving(free_body, 3, replace(SHARP, shutter=1.0))
    actors = tuple(
        replace(
            one,
            rotations=np.flip(one.rotations, 0).copy(),
            head_position=np.flip(one.head_position, 0).copy(),
        )
        for one in there.actors
    )
    poses = np.flip(there.camera.world_from_camera, 0).copy()
    back = replace(there, actors=actors, camera=replace(there.camera, world_from_camera=poses))
    difference = frames(there, free_body)[1].rgb.astype(int) - frames(back, free_body)[1].rgb
    assert np.abs(difference).max() <= 1


def test_what_stands_still_is_not_blurred(free_body):
    scene = shot([wall(5.0)], [actor(free_body, [AHEAD] * 2)], camera(2))
    blurred = replace(scene, look=replace(SHARP, shutter=1.0))
    difference = first(scene, free_body).rgb.astype(int) - first(blurred, free_body).rgb
    assert np.abs(difference).max() <= 1


def test_a_room_holds_its_people(free_body):
    room = box((0.0, -1.0, 3.0), (2.0, 1.2, 3.5), is_room=True)
    scene = replace(shot([], [actor(free_body, AHEAD)]), place=place(room))
    frame = first(scene, free_body)
    assert frame.person.any()
    assert frame.depth_m.min() > 0.0  # no sky inside
    assert frame.depth_m.max() == pytest.approx(6.5, rel=1e-6)
