"""Feet on a course, and the pelvis over them."""

import numpy as np
import pytest

from synth.courses import HALF, spline_course, standing_course
from synth.figures import Joint, leg_of, measure_figure
from synth.gait import Manner, Walk, carry_hips, plant_foot

STEP_M = 0.6
PLAIN = Manner(
    half_width_m=0.1, toe_out=0, knee_reach=0.98, lift_m=0.05, sway_m=0, roll=0, yaw=0, pitch=0,
    foot_pitch=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def figure(free_body):
    return measure_figure(free_body, np.zeros(10, np.float32))


def straight(phases):
    """A walk along z."""
    course = spline_course(lambda num: np.stack([np.zeros(num), np.arange(num)], -1), STEP_M, 20)
    return Walk(course, phases, np.ones(len(phases)))


@pytest.mark.parametrize("side", [0, 1])
def test_a_planted_foot_stays_until_it_swings_two_steps_on(figure, side):
    planted = np.array([4.0, 5, 6, 7])[[side, side + 2]]
    stance = np.linspace(-0.6, 0.6, 13)
    first, second = (plant_foot(figure, side, PLAIN, straight(at + stance)) for at in planted)
    toes = figure.joints[Joint.FOOT + side] - figure.joints[Joint.ANKLE + side]
    late = first.pitch > 0
    pressed = (first.ankle + first.rotation() @ toes)[late]
    assert late.sum() == 5
    np.testing.assert_allclose(pressed[:, [0, 2]] - pressed[0, [0, 2]], 0, atol=1e-12)
    np.testing.assert_allclose(
        second.ankle - first.ankle, [[0, 0, 2 * STEP_M]] * len(stance), atol=1e-9
    )
    assert first.ankle[6, 0] == pytest.approx((0.1, -0.1)[side])


def test_a_swinging_foot_is_lifted(figure):
    swing = plant_foot(figure, 0, PLAIN, straight(np.array([5.0])))
    assert swing.ankle[0, 1] - figure.ankle_height(0, swing.pitch)[0] == pytest.approx(0.05)


def test_both_legs_reach_the_ground_from_the_hips(figure):
    walk = straight(np.linspace(2, 6, 201))
    feet = (plant_foot(figure, 0, PLAIN, walk), plant_foot(figure, 1, PLAIN, walk))
    hips = carry_hips(figure, PLAIN, walk, feet, np.zeros((201, 2)))
    for side in (0, 1):
        socket = hips.position + hips.rotation @ figure.joints[Joint.HIP + side]
        far = np.linalg.norm(feet[side].ankle - socket, axis=-1) / leg_of(figure, side).longest_m
        assert far.max() <= 0.98 + 1e-9
    bob = np.ptp(hips.position[:, 1])
    assert 0.01 < bob < 0.07  # Perry: about 4 cm


def test_who_stands_has_no_vigour_and_feet_side_by_side(figure):
    course = standing_course(np.array([1.0, 2]), np.array([0.0]), 1)
    walk = Walk(course, np.full(2, HALF), np.zeros(2))
    np.testing.assert_array_equal(walk.vigour(), 0)
    left, right = (plant_foot(figure, side, PLAIN, walk) for side in (0, 1))
    np.testing.assert_allclose(left.ankle - right.ankle, [[0.2, 0, 0]] * 2, atol=2e-3)
