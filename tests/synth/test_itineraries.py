"""Where people go, and how far from each other they keep."""

import numpy as np
import pytest

from synth.itineraries import (
    Ground,
    Pace,
    sample_crossing,
    sample_pace,
    sample_standing,
    sample_stroll,
    sample_turning,
)

TIMES_S = np.arange(0, 20, 0.1)
AREA = (-3.0, 1.0, 3.0, 5.0)
PACE = Pace(step_m=0.65, cadence_hz=1.8)


def free(area=AREA, others=None):
    nobody = np.zeros((len(TIMES_S), 0, 2))
    return Ground(area=area, times_s=TIMES_S, others=nobody if others is None else others)


@pytest.mark.parametrize("sample", [sample_stroll, sample_crossing, sample_turning])
@pytest.mark.parametrize("area", [AREA, (0.0, 0.0, 1.2, 1.0)])
def test_everybody_stays_in_the_area(sample, area):
    for seed in range(5):
        walk = sample(np.random.default_rng(seed), free(area), PACE)
        ground, _ = walk.course.at(walk.phases)
        assert (ground >= area[:2]).all()
        assert (ground <= area[2:]).all()


def test_a_crossing_goes_from_end_to_end():
    walk = sample_crossing(np.random.default_rng(0), free(), PACE)
    ground, _ = walk.course.at(walk.phases)
    assert np.ptp(ground[:, 0]) > 4.5  # of the longer side's 6 m


def test_who_turns_stays_and_turns():
    walk = sample_turning(np.random.default_rng(0), free(), PACE)
    ground, headings = walk.course.at(walk.phases)
    assert np.ptp(ground, axis=0).max() == 0
    assert np.ptp(headings) > 2


def test_a_place_is_chosen_away_from_others():
    others = np.broadcast_to([[-2.0, 2.0], [0, 3], [2, 4]], (len(TIMES_S), 3, 2))
    for seed in range(5):
        walk = sample_standing(np.random.default_rng(seed), free(others=others))
        gaps = np.linalg.norm(walk.course.ground[0] - others[0], axis=-1)
        assert gaps.min() > 0.7


def test_paths_are_chosen_away_from_others():
    others = np.broadcast_to([[1.5, 3.0]], (len(TIMES_S), 1, 2))
    near = []
    for seed in range(8):
        walk = sample_stroll(np.random.default_rng(seed), free(others=others), PACE)
        gaps = np.linalg.norm(walk.course.at(walk.phases)[0] - others[:, 0], axis=-1)
        near.append((gaps < 0.5).mean())
    assert np.mean(near) < 0.05


def test_paces_are_those_of_walkers():
    paces = [sample_pace(np.random.default_rng(seed), 1.75) for seed in range(100)]
    speeds = [pace.step_m * pace.cadence_hz for pace in paces]
    assert 0.6 <= min(speeds) < 0.75
    assert 1.35 < max(speeds) <= 1.5
    assert all(1.0 < pace.cadence_hz < 2.3 for pace in paces)
