"""Paths over the ground, and how far along them one is."""

import numpy as np
import pytest

from synth.courses import Course, Tempo, spline_course, standing_course, with_rests


def straight(last_phase, step_m=0.5):
    return spline_course(
        lambda num: np.stack([np.zeros(num), np.arange(num)], -1), step_m, last_phase
    )


def test_a_straight_path_has_steps_of_the_length_asked_for():
    ground, headings = straight(last_phase=20).at(np.array([0.0, 1, 10]))
    np.testing.assert_allclose(ground - ground[0], [[0, 0], [0, 0.5], [0, 5]], atol=1e-12)
    np.testing.assert_allclose(headings, 0, atol=1e-12)


@pytest.mark.parametrize("last_phase", [0, 3, 300])
def test_a_path_goes_as_far_as_it_has_to(last_phase):
    phases = straight(last_phase).phases
    assert phases[0] == -3
    assert phases[-1] > last_phase + 3


def test_a_turn_takes_steps_of_its_own():
    def there_and_back(num):
        return np.stack([np.arange(num) % 2 * 0.02, np.arange(num) // 2 % 2 * 1.0], -1)

    course = spline_course(there_and_back, 0.5, 30)
    turns = np.abs(np.diff(course.at(np.arange(0.0, 30))[1]))
    assert turns.max() < 1.11  # radians a step
    assert turns.sum() > 10


def test_paths_stay_within_their_control_points():
    corners = np.random.default_rng(0).choice([-1.0, 1.0], (64, 2))
    course = spline_course(lambda num: corners[:num], 0.5, 20)
    assert np.abs(course.ground).max() <= 1


def test_heading_turns_from_z_to_x():
    def eastwards(num):
        return np.stack([np.arange(num), np.zeros(num)], -1)

    np.testing.assert_allclose(spline_course(eastwards, 0.5, 2).headings, np.pi / 2)


def test_steps_shorten_about_rests_only():
    ground, _ = with_rests(straight(60), steps=10).at(np.array([10.0, 11, 15, 16]))
    assert ground[1, 1] - ground[0, 1] == pytest.approx(0.5 * 0.354, abs=0.005)
    assert ground[3, 1] - ground[2, 1] == pytest.approx(0.5, abs=1e-6)


def test_standing_turns_to_its_headings_in_bouts():
    course = standing_course(np.array([1.0, 2]), np.array([0.0, 0.8, 0.4]), steps=4)
    ground, headings = course.at(np.array([0.5, 2.5, 4.5, 8.5, 99]))
    np.testing.assert_array_equal(ground, [[1, 2]] * 5)
    np.testing.assert_allclose(headings, [0, 0.4, 0.8, 0.4, 0.4])


TEMPO = Tempo(steps=4, cadence_hz=2.0, ramp_s=0.5, rest_s=1.5, start_s=0.0)  # bouts of 2.5 s


def test_a_tempo_rests_half_way_between_steps():
    phases, rates = TEMPO.at(np.array([0, 1.25, 2.5, 3.0, 4.0, 5.25]))
    np.testing.assert_allclose(phases, [0.5, 2.5, 4.5, 4.5, 4.5, 6.5], atol=1e-12)
    np.testing.assert_allclose(rates, [0, 1, 0, 0, 0, 1], atol=1e-12)


def test_a_tempo_goes_at_the_rate_it_says():
    times_s = np.linspace(0, 8, 8001)
    phases, rates = TEMPO.at(times_s)
    np.testing.assert_allclose(np.gradient(phases, times_s), 2 * rates, atol=0.02)


def test_a_course_is_linear_between_its_knots():
    course = Course(
        phases=np.array([0.0, 2]), ground=np.array([[0.0, 0], [4, 2]]), headings=np.array([0.0, 1])
    )
    ground, headings = course.at(np.array([0.5]))
    np.testing.assert_allclose(ground, [[1, 0.5]])
    np.testing.assert_allclose(headings, [0.25])
