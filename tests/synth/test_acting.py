"""What is done now and then."""

import numpy as np
import pytest

from synth.acting import Spell, sample_seated, sample_spell


def test_a_spell_comes_and_goes():
    spell = Spell(period_s=4.0, share=0.5, ramp_s=0.5, start_s=1.0)
    np.testing.assert_allclose(
        spell.at(np.array([0, 0.75, 1.0, 2.0, 3.0, 3.25, 3.5, 4.0])),
        [1, 0.5, 0, 0, 0, 0.5, 1, 1],
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_spell_drawn_is_on_for_most_of_the_time_and_over_sometimes(seed):
    spell = sample_spell(np.random.default_rng(seed), period_s=5.0, ramp_s=0.7)
    on = spell.at(np.arange(0, 100, 0.05))
    assert 0.25 < (on == 1).mean() < 0.8
    assert (on == 0).any()


def test_half_of_those_who_sit_stay_seated():
    times_s = np.arange(0, 20, 0.1)
    seated = [sample_seated(np.random.default_rng(seed), times_s) for seed in range(40)]
    assert 12 < sum(share.min() == 1 for share in seated) < 28
