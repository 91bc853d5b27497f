"""People on the free body: what their skin and joints do."""

import numpy as np
import pytest
import torch

from synth.figures import Joint
from synth.motions import MOTIONS, sample_actor

AREA = (-2.0, 1.0, 3.0, 5.0)
TIMES_S = np.arange(40) / 30
FEET = (7, 8, 10, 11)


def actor_of(body, motion, seed=0, times_s=TIMES_S, others=()):
    return sample_actor(np.random.default_rng(seed), body, AREA, times_s, motion, others)


def placed(place, actor):
    num_frames = len(actor.rotations)
    return place(
        torch.from_numpy(actor.rotations),
        torch.from_numpy(actor.betas).expand(num_frames, -1),
        torch.zeros(num_frames, 10),
        torch.from_numpy(actor.head_position),
    )


def joints_of(body, actor):
    return placed(body.place_skeletons, actor).joints.double().numpy()


def upright(joints):
    """Heights over the ground: the world's y points down."""
    return -joints[..., 1]


@pytest.mark.parametrize("motion", MOTIONS)
def test_rotations_are_proper_and_the_head_is_up(free_body, motion):
    actor = actor_of(free_body, motion)
    assert actor.rotations.shape == (40, 53, 3, 3)
    assert actor.rotations.dtype == actor.betas.dtype == actor.face_colours.dtype == np.float32
    assert actor.head_position.dtype == np.float64
    products = actor.rotations @ actor.rotations.swapaxes(-1, -2)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), products.shape), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(actor.rotations), 1, atol=1e-5)
    assert (actor.rotations[:, 0, 1, 1] < -0.5).all()  # the body's y is the world's -y


@pytest.mark.parametrize("motion", ["walk", "turn", "idle", "sit"])
def test_the_lowest_skin_is_on_the_ground(free_body, motion):
    vertices = placed(free_body.place, actor_of(free_body, motion, seed=3)).vertices
    lowest = upright(vertices.numpy()).min(1)
    assert lowest.min() > -0.005
    assert lowest.max() < 0.005


@pytest.mark.parametrize("motion", ["walk", "turn", "sit"])
def test_skin_that_presses_on_the_ground_does_not_slide(free_body, motion):
    vertices = placed(free_body.place, actor_of(free_body, motion, seed=3)).vertices.numpy()
    feet = vertices[:, np.isin(free_body.leading_joints, FEET)]
    down = upright(feet) < 0.005
    moved_m = np.linalg.norm(np.diff(feet[..., [0, 2]], axis=0), axis=-1)[down[1:] & down[:-1]]
    assert len(moved_m) > 1000
    assert np.percentile(moved_m, 99) < 0.01  # a frame at 30 a second


@pytest.mark.parametrize("motion", MOTIONS)
def test_everybody_stays_in_the_area(free_body, motion):
    times_s = np.arange(0, 30, 0.2)
    for seed in range(2):
        pelvis = joints_of(free_body, actor_of(free_body, motion, seed, times_s))[:, 0]
        assert (pelvis[:, [0, 2]] >= AREA[:2]).all()
        assert (pelvis[:, [0, 2]] <= AREA[2:]).all()


@pytest.mark.parametrize("motion", MOTIONS)
def test_frame_rates_agree_at_common_times(free_body, motion):
    fast = actor_of(free_body, motion, times_s=np.arange(91) / 30)
    slow = actor_of(free_body, motion, times_s=np.arange(40) / 15)
    np.testing.assert_allclose(fast.rotations[0:80:2], slow.rotations, atol=1e-6)
    np.testing.assert_allclose(fast.head_position[0:80:2], slow.head_position, atol=1e-9)


def test_same_seed_same_person_and_another_seed_another(free_body):
    first, again, other = (actor_of(free_body, "wave", seed) for seed in (5, 5, 6))
    for name in ("rotations", "head_position", "betas", "face_colours"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert not np.array_equal(getattr(first, name), getattr(other, name))


def test_walkers_move_ahead_with_opposite_arms(free_body):
    actor = actor_of(free_body, "cross", seed=2)
    joints = joints_of(free_body, actor)
    ahead = actor.rotations[:, 0, :, 2].astype(np.float64)  # where the pelvis faces
    moved = np.diff(joints[:, 0], axis=0)
    assert ((moved * ahead[1:]).sum(-1) > 0).mean() > 0.95

    def lead(left):
        return ((joints[:, left] - joints[:, left + 1]) * ahead).sum(-1)

    assert np.corrcoef(lead(Joint.WRIST), lead(Joint.ANKLE))[0, 1] < -0.8


def test_knees_bend_forward_and_hands_hang(free_body):
    actor = actor_of(free_body, "cross", seed=2)
    joints = joints_of(free_body, actor)
    ahead = actor.rotations[:, 0, :, 2]
    for side in (0, 1):
        hip, knee, ankle = (joints[:, j + side] for j in (Joint.HIP, Joint.KNEE, Joint.ANKLE))
        assert (((knee - (hip + ankle) / 2) * ahead).sum(-1) > 0).all()
        hands = upright(joints[:, Joint.WRIST + side])
        assert (hands < upright(joints[:, Joint.SPINE3])).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_wave_lifts_a_hand_above_its_shoulder(free_body, seed):
    heights = upright(joints_of(free_body, actor_of(free_body, "wave", seed, np.arange(99) / 10)))
    above = heights[:, [20, 21]] - heights[:, [16, 17]]
    assert (above.max(1) > 0).mean() > 0.25


@pytest.mark.parametrize("seed", range(4))
def test_a_reach_stretches_an_arm_away(free_body, seed):
    joints = joints_of(free_body, actor_of(free_body, "reach", seed, np.arange(99) / 10))
    apart = np.linalg.norm((joints[:, [20, 21]] - joints[:, [16, 17]])[..., [0, 2]], axis=-1)
    assert (apart.max(1) > 0.33).mean() > 0.25


def test_a_seated_pelvis_is_at_the_height_of_the_knees(free_body):
    for seed in range(4):
        actor = actor_of(free_body, "sit", seed, np.arange(0, 15, 0.1))
        joints = upright(joints_of(free_body, actor))
        above_knees = (joints[:, 0] - joints[:, [4, 5]].mean(1)).min()
        assert -0.1 < above_knees < 0.1


def test_people_are_as_tall_as_people(free_body):
    heights = [
        upright(actor_of(free_body, "idle", seed, TIMES_S[:1]).head_position)[0]
        for seed in range(20)
    ]
    assert 1.25 < min(heights) < 1.5  # of the head joint, some 16 cm below the crown
    assert 1.6 < max(heights) < 1.82


def test_others_are_kept_away_from(free_body):
    others = []
    for seed in range(3):
        others.append(actor_of(free_body, "idle", seed, others=others))
    places = np.stack([other.head_position[0, [0, 2]] for other in others])
    gaps = np.linalg.norm(places[:, None] - places, axis=-1)[np.triu_indices(3, 1)]
    assert gaps.min() > 0.5


def test_one_frame_is_enough(free_body):
    assert actor_of(free_body, "walk", times_s=np.zeros(1)).rotations.shape == (1, 53, 3, 3)


def test_an_unknown_motion_is_named(free_body):
    with pytest.raises(ValueError, match="'fly' is unknown: choose one of walk, cross"):
        actor_of(free_body, "fly")
