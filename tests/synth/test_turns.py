"""Rotations, eased steps and wandering."""

import numpy as np
import pytest

from synth.turns import about, about_x, about_y, about_z, ease, frame, sample_wander, turned, unit


@pytest.mark.parametrize(
    ("turn", "moved", "to"),
    [
        (about_x, (0, 1, 0), (0, 0, 1)),
        (about_y, (0, 0, 1), (1, 0, 0)),
        (about_z, (1, 0, 0), (0, 1, 0)),
    ],
)
def test_quarter_turns_are_right_handed(turn, moved, to):
    np.testing.assert_allclose(turn(np.pi / 2) @ np.array(moved), to, atol=1e-15)


def test_a_third_of_a_turn_about_the_diagonal_permutes_the_axes():
    np.testing.assert_allclose(
        about((1, 1, 1), 2 * np.pi / 3), [[0, 0, 1], [1, 0, 0], [0, 1, 0]], atol=1e-15
    )


def test_as_many_vectors_as_rotations_are_turned():
    vectors = np.array([[0.0, 0, 1], [0, 0, 1]])
    np.testing.assert_allclose(
        turned(about_y([0, np.pi / 2]), vectors), [[0, 0, 1], [1, 0, 0]], atol=1e-15
    )


def test_frame_keeps_its_first_axis_and_the_plane_of_its_second():
    axes = frame(np.array([0.0, 2, 0]), np.array([3.0, 5, 0]))
    np.testing.assert_allclose(axes, [[0, 1, 0], [1, 0, 0], [0, 0, -1]])


def test_ease_starts_and_ends_at_rest():
    np.testing.assert_allclose(
        ease([-1, 0, 0.001, 0.5, 0.999, 1, 2]), [0, 0, 0, 0.5, 1, 1, 1], atol=4e-6
    )


def test_unit_keeps_directions():
    np.testing.assert_allclose(unit(np.array([[0.0, 3, 4]])), [[0, 0.6, 0.8]])


def test_a_wander_stays_within_its_amplitude_and_uses_it():
    values = sample_wander(np.random.default_rng(0), 0.3, 4.0).at(np.arange(0, 400, 0.1))
    assert np.abs(values).max() == pytest.approx(0.3, rel=0.05)
