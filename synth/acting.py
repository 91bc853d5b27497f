"""Draws what the upper body does beside walking or standing, and how one sits down.

Axes as in `gestures` and `gait`; radians. Letters: T frames.
"""

from dataclasses import dataclass

import numpy as np

from synth.figures import SIDES, Figure, Joint
from synth.gait import Foot, Hips, Walk
from synth.gestures import ArmPose, TrunkPose, mix_arms
from synth.turns import Floats, about_x, about_y, ease, sample_wander

ALWAYS_SEATED = 0.5  # of those who sit
BOTH_ARMS = 0.2  # of those who wave or reach


@dataclass(frozen=True)
class Spell:
    """Something that is done again and again.

    Attributes:
        period_s: From one beginning to the next.
        share: Of the period that it lasts, from beginning to end.
        ramp_s: Of beginning, and of ending.
        start_s: How far into a period time 0 is.
    """

    period_s: float
    share: float
    ramp_s: float
    start_s: float

    def at(self, times_s: Floats) -> Floats:
        """How far it is on [T], in [0, 1]."""
        since_s = np.mod(times_s + self.start_s, self.period_s)
        left_s = self.share * self.period_s - since_s
        return ease(np.minimum(since_s, left_s) / self.ramp_s)


def sample_spell(rng: np.random.Generator, period_s: float, ramp_s: float) -> Spell:
    """Draw a spell of about this period that may be at any point of it at time 0."""
    period_s *= rng.uniform(0.8, 1.4)
    return Spell(
        period_s=period_s,
        share=rng.uniform(0.65, 0.85),
        ramp_s=ramp_s * rng.uniform(0.8, 1.3),
        start_s=period_s * rng.uniform(0, 1),
    )


def sample_seated(rng: np.random.Generator, times_s: Floats) -> Floats:
    """Draw how far somebody is on a seat [T], in [0, 1]: always, or now and then."""
    if rng.random() < ALWAYS_SEATED:
        return np.ones(len(times_s))
    return sample_spell(rng, 9.0, 1.4).at(times_s)


def sit(
    rng: np.random.Generator,
    figure: Figure,
    walk: Walk,
    feet: tuple[Foot, Foot],
    hips: Hips,
    seated: Floats,
) -> Hips:
    """Move the pelvis a share [T] of the way to a seat behind the feet, as high as the shanks."""
    hip, knee, ankle = (figure.joints[j] for j in (Joint.HIP, Joint.KNEE, Joint.ANKLE))
    back_m = np.linalg.norm(hip - knee) * rng.uniform(0.8, 1.0)
    _, heading = walk.course.at(walk.phases)
    seat = (feet[0].ankle + feet[1].ankle) / 2 - back_m * about_y(heading)[..., 2]
    seat[:, 1] += np.linalg.norm(knee - ankle) * rng.uniform(0.95, 1.08)
    lean = rng.uniform(-0.25, 0.05) * seated + 0.9 * _on_the_way(seated)
    return Hips(
        position=hips.position + seated[:, None] * (seat - hips.position),
        rotation=hips.rotation @ about_x(lean),
    )


def sample_trunk(
    rng: np.random.Generator, walk: Walk, seated: Floats, times_s: Floats
) -> TrunkPose:
    """Draw a spine that sways, turns against the walking legs and bends to sit, and a head."""

    def wander(amplitude: float, period_s: float) -> Floats:
        return sample_wander(rng, amplitude, period_s).at(times_s)

    counter = rng.uniform(0.1, 0.3) * walk.vigour() * _right_lead(walk)
    return TrunkPose(
        bend=rng.uniform(-0.05, 0.12) + wander(0.05, 5) + 1.8 * _on_the_way(seated),
        side=wander(0.05, 6),
        turn=wander(0.15, 6) - counter,
        head_turn=wander(0.7, 5) + counter / 2,
        head_nod=rng.uniform(-0.05, 0.15) + wander(0.25, 4),
    )


def sample_arms(
    rng: np.random.Generator, walk: Walk, seated: Floats, times_s: Floats, motion: str
) -> tuple[ArmPose, ArmPose]:
    """Draw what the left and the right arm do: hang and swing, lie in the lap, wave, reach."""
    does_both, leading = rng.random() < BOTH_ARMS, rng.integers(2)
    spell = sample_spell(rng, 5.0, 0.7).at(times_s)
    amplitude = rng.uniform(0.15, 0.6)
    arms = []
    for side in SIDES:
        arm = _hanging(rng, walk, side, amplitude * rng.uniform(0.75, 1.2), times_s)
        arm = mix_arms(seated, arm, _in_lap(rng, times_s))
        if motion in GESTURES and (does_both or side == leading):
            arm = mix_arms(spell, arm, GESTURES[motion](rng, times_s))
        arms.append(arm)
    return arms[0], arms[1]


def _on_the_way(share: Floats) -> Floats:
    """0 at either end of a move, up to a quarter half way."""
    return share * (1 - share)


def _right_lead(walk: Walk) -> Floats:
    """How far the right foot is before the left [T], in [-1, 1]."""
    return np.sin(np.pi * walk.phases)


def _hanging(
    rng: np.random.Generator, walk: Walk, side: int, amplitude: float, times_s: Floats
) -> ArmPose:
    """An arm that swings with the other side's leg."""

    def wander(amplitude: float, period_s: float) -> Floats:
        return sample_wander(rng, amplitude, period_s).at(times_s)

    ahead = (1, -1)[side] * _right_lead(walk) * walk.vigour() * amplitude
    bent = rng.uniform(0.1, 0.4) + 0.35 * amplitude * walk.vigour() + wander(0.08, 4)
    return ArmPose(
        forward=rng.uniform(-0.05, 0.1) + ahead + wander(0.05, 4),
        outward=rng.uniform(0.1, 0.25) + wander(0.03, 5),
        roll=rng.uniform(-0.35, 0.05) + wander(0.05, 5),
        elbow=bent + 0.5 * ahead,
        twist=rng.uniform(-0.1, 0.6) + wander(0.1, 5),
    )


def _in_lap(rng: np.random.Generator, times_s: Floats) -> ArmPose:
    still = np.ones(len(times_s))
    return ArmPose(
        forward=still * rng.uniform(0.1, 0.35),
        outward=still * rng.uniform(0.08, 0.25),
        roll=still * rng.uniform(-0.4, -0.05),
        elbow=rng.uniform(0.85, 1.15) + sample_wander(rng, 0.05, 4).at(times_s),
        twist=still * rng.uniform(0.9, 1.5),
    )


def _waving(rng: np.random.Generator, times_s: Floats) -> ArmPose:
    still = np.ones(len(times_s))
    beat = np.sin(2 * np.pi * rng.uniform(0.8, 2.0) * times_s + rng.uniform(0, 2 * np.pi))
    return ArmPose(
        forward=still * rng.uniform(-0.1, 0.4),
        outward=still * rng.uniform(1.1, 2.0),
        roll=rng.uniform(1.0, 1.5) + rng.uniform(0, 0.3) * beat,
        elbow=rng.uniform(0.9, 1.5) + rng.uniform(0.2, 0.5) * beat,
        twist=still * rng.uniform(0.6, 1.6),
    )


def _reaching(rng: np.random.Generator, times_s: Floats) -> ArmPose:
    still = np.ones(len(times_s))
    return ArmPose(
        forward=still * rng.uniform(1.1, 1.9),
        outward=still * rng.uniform(-0.1, 0.5),
        roll=still * rng.uniform(-0.3, 0.3),
        elbow=rng.uniform(0.05, 0.5) + sample_wander(rng, 0.1, 3).at(times_s),
        twist=still * rng.uniform(0.5, 1.5),
    )


GESTURES = {"wave": _waving, "reach": _reaching}
