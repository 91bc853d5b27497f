"""Measures of a body, and legs that reach."""

import numpy as np
import pytest

from synth.figures import Joint, leg_of, measure_figure, reach
from synth.turns import turned

LATERAL = np.array([[1.0, 0, 0]])


@pytest.fixture(scope="module")
def figure(free_body):
    return measure_figure(free_body, np.zeros(10, np.float32))


def test_measures_of_the_mean_shape(figure):
    assert figure.height_m == pytest.approx(1.8126, abs=1e-3)  # the template's extent
    np.testing.assert_allclose(figure.joints[Joint.PELVIS], 0)
    np.testing.assert_allclose(figure.joints[Joint.HIP], [0.115, -0.011, -0.008], atol=1e-3)
    np.testing.assert_allclose(figure.heels[0], figure.heels[1], atol=1e-3)
    assert figure.ankle_height(0, np.zeros(1))[0] == pytest.approx(0.080, abs=2e-3)


def test_ankles_rise_on_the_toes_and_on_the_heels(figure):
    tipped = figure.ankle_height(1, np.array([-0.3, 0, 0.5, 1]))
    assert tipped.argmin() == 1
    assert tipped[3] > tipped[2] > tipped[1] + 0.05


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("target", [(0, -0.8, 0.1), (0.1, -0.6, -0.3), (0, -0.2, 0.5)])
def test_ankle_gets_where_it_shall_and_the_knee_bends_forward(figure, side, target):
    leg = leg_of(figure, side)
    thigh, knee = reach(leg, np.array([target]), LATERAL)
    ankle = turned(thigh, leg.thigh + knee @ leg.shank)
    np.testing.assert_allclose(ankle, [target], atol=1e-12)
    along = np.array(target) / np.linalg.norm(target)
    bent = thigh[0] @ leg.thigh
    assert (bent - bent @ along * along) @ np.cross(along, LATERAL[0]) > 0


def test_what_is_too_far_is_reached_for_with_a_straight_leg(figure):
    leg = leg_of(figure, 0)
    thigh, knee = reach(leg, np.array([[0, -2.0, 0]]), LATERAL)
    ankle = turned(thigh, leg.thigh + knee @ leg.shank)[0]
    np.testing.assert_allclose(ankle, [0, -leg.longest_m, 0], atol=1e-7)
