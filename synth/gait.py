"""Feet that are planted and do not slide, and the pelvis they carry.

Walking, turning on the spot and standing are one thing here: a course and how far along it one is.
Everything is in the upright world: x as in the world, y up with the ground at 0, z against the
world's; metres, radians. Letters: T frames.
"""

from dataclasses import dataclass

import numpy as np

from synth.courses import Course
from synth.figures import SIDES, Figure, Joint, leg_of, reach
from synth.turns import Floats, about_x, about_y, about_z, ease, turned, unit

STANCE = 0.62  # a foot is planted from this many steps before the body is over it to as many after
STANDING_REACH = 0.995  # of the straight leg's length, at rest
SWING_RAMP = 0.35  # share of a swing in which a foot is lifted, and in which it is lowered
FEW_M = 0.012  # height over which the shorter of two legs gives way to the other
FULL_STEP_M = 0.65  # at which a walker's own amplitudes hold
# Pitch of a foot (toes down) at phases in steps from the middle of its stance: heel strike, flat,
# heel off, toe off, mid-swing; roughly a foot's course over a cycle in Perry, "Gait Analysis".
FOOT_PHASES = (-STANCE, -0.42, 0.12, STANCE, 1.08, 2 - STANCE)
FOOT_PITCHES = (-0.28, 0.0, 0.0, 0.95, 0.0, -0.28)


@dataclass(frozen=True)
class Manner:
    """How somebody walks and stands.

    Attributes:
        half_width_m: Of each foot from the line walked.
        toe_out: Heading of the feet outwards.
        knee_reach: Longest leg in stance, of the straight leg's length.
        lift_m: Of a swinging foot.
        sway_m: Of the pelvis towards the planted foot.
        roll: Of the pelvis, its planted side up.
        yaw: Of the pelvis with the legs.
        pitch: Of the pelvis forward.
        foot_pitch: Factor on the feet's pitch.
    """

    half_width_m: float
    toe_out: float
    knee_reach: float
    lift_m: float
    sway_m: float
    roll: float
    yaw: float
    pitch: float
    foot_pitch: float


@dataclass(frozen=True, eq=False)
class Walk:
    """Where along a course somebody is.

    Attributes:
        course: Which.
        phases: [T] steps.
        rates: [T] of the cadence, in [0, 1].
    """

    course: Course
    phases: Floats
    rates: Floats

    def vigour(self) -> Floats:
        """Length and rate of the present step [T] over a full walking step's, in [0, 1.1]."""
        before, after = (self.course.at(self.phases + side)[0] for side in (-0.5, 0.5))
        step_m = np.linalg.norm(after - before, axis=-1)
        return np.clip(step_m / FULL_STEP_M, 0, 1.1) * self.rates


@dataclass(frozen=True, eq=False)
class Foot:
    """One foot through a shot.

    Attributes:
        ankle: [T, 3] upright world.
        heading: [T].
        pitch: [T] toes down.
    """

    ankle: Floats
    heading: Floats
    pitch: Floats

    def rotation(self) -> Floats:
        """[T, 3, 3] upright world from the foot at rest."""
        return about_y(self.heading) @ about_x(self.pitch)


@dataclass(frozen=True, eq=False)
class Hips:
    """The pelvis through a shot.

    Attributes:
        position: [T, 3] upright world.
        rotation: [T, 3, 3] upright world from the body at rest.
    """

    position: Floats
    rotation: Floats


def plant_foot(figure: Figure, side: int, manner: Manner, walk: Walk) -> Foot:
    """Put the left (0) or right (1) foot where the course's steps are, and swing it between."""
    last = side + 2 * np.floor((walk.phases - side + STANCE) / 2)
    since = walk.phases - last  # [-STANCE, 2 - STANCE]: over the last foot planted, or past it
    swing = np.clip((since - STANCE) / (2 - 2 * STANCE), 0, 1)
    here, heading = _planted(figure, side, manner, walk.course, last)
    there, next_heading = _planted(figure, side, manner, walk.course, last + 2)
    share = _swing_share(swing)
    ankle = here + share[:, None] * (there - here)
    turn = heading + share * (next_heading - heading)
    pitch = manner.foot_pitch * walk.vigour() * _foot_pitch(since)
    toes = figure.joints[Joint.FOOT + side] - figure.joints[Joint.ANKLE + side]
    pivot = np.where(pitch[:, None] > 0, toes, figure.heels[side])  # it stays where it is
    ankle += turned(about_y(turn), pivot - turned(about_x(pitch), pivot))
    ankle[:, 1] = figure.ankle_height(side, pitch) + manner.lift_m * _swing_height(swing)
    return Foot(ankle=ankle, heading=turn, pitch=pitch)


def carry_hips(
    figure: Figure, manner: Manner, walk: Walk, feet: tuple[Foot, Foot], sway: Floats
) -> Hips:
    """Carry the pelvis as high as both legs allow.

    Args:
        figure: Whose.
        manner: How.
        walk: Where the body goes.
        feet: The feet that carry it.
        sway: [T, 2] of the body over the ground, in its own axes, metres.
    """
    ground, heading = walk.course.at(walk.phases)
    vigour = walk.vigour()
    across, along = np.cos(np.pi * walk.phases), np.sin(np.pi * walk.phases)
    lean = np.stack([manner.sway_m * across * walk.rates + sway[:, 0], sway[:, 1]], -1)
    rotation = (
        about_y(heading + manner.yaw * along * vigour)
        @ about_z(manner.roll * across * vigour)
        @ about_x(np.full(len(ground), manner.pitch))
    )
    position = _on_ground(ground) + turned(about_y(heading), _on_ground(lean))
    straightness = STANDING_REACH + (manner.knee_reach - STANDING_REACH) * walk.rates
    heights = []
    for side in SIDES:
        socket = rotation @ figure.joints[Joint.HIP + side]
        gap = position + socket - feet[side].ankle
        longest = straightness * leg_of(figure, side).longest_m
        rise = np.sqrt(np.maximum(longest**2 - gap[:, 0] ** 2 - gap[:, 2] ** 2, 0))
        heights.append(feet[side].ankle[:, 1] + rise - socket[:, 1])
    position[:, 1] = -FEW_M * np.logaddexp(-heights[0] / FEW_M, -heights[1] / FEW_M)
    return Hips(position=position, rotation=rotation)


def set_legs(rotations: Floats, figure: Figure, hips: Hips, feet: tuple[Foot, Foot]) -> None:
    """Fill in the pelvis' and the legs' joints of [T, 53, 3, 3] local rotations."""
    rotations[:, Joint.PELVIS] = hips.rotation
    for side in SIDES:
        foot = feet[side]
        socket = hips.rotation @ figure.joints[Joint.HIP + side]
        lateral = unit(hips.rotation[..., 0] + foot.rotation()[..., 0])
        thigh, knee = reach(leg_of(figure, side), foot.ankle - hips.position - socket, lateral)
        rotations[:, Joint.HIP + side] = hips.rotation.swapaxes(-1, -2) @ thigh
        rotations[:, Joint.KNEE + side] = knee
        rotations[:, Joint.ANKLE + side] = (thigh @ knee).swapaxes(-1, -2) @ foot.rotation()
        rotations[:, Joint.FOOT + side] = about_x(-np.maximum(foot.pitch, 0))


def _planted(
    figure: Figure, side: int, manner: Manner, course: Course, phases: Floats
) -> tuple[Floats, Floats]:
    """Where an ankle is over the ground [T, 3] and its foot's heading [T], planted at phases [T].

    The body is above mid-foot.
    """
    ground, heading = course.at(phases)
    toes_ahead_m = figure.joints[Joint.FOOT + side][2] - figure.joints[Joint.ANKLE + side][2]
    outward = (1, -1)[side]
    heading = heading + outward * manner.toe_out
    beside = np.array([outward * manner.half_width_m, 0, -toes_ahead_m / 3])
    return _on_ground(ground) + about_y(heading) @ beside, heading


def _on_ground(ground: Floats) -> Floats:
    """[T, 2] ground as [T, 3] at height 0."""
    return np.stack([ground[:, 0], np.zeros(len(ground)), ground[:, 1]], -1)


def _swing_share(swing: Floats) -> Floats:
    """Share [T] of the way to its next place that a foot has made; it lifts before it leaves."""
    return swing**3 * (10 - 15 * swing + 6 * swing**2)


def _swing_height(swing: Floats) -> Floats:
    """Share [T] of its lift that a swinging foot has."""
    return ease(np.minimum(swing, 1 - swing) / SWING_RAMP)


def _foot_pitch(since: Floats) -> Floats:
    """FOOT_PITCHES at phases [T], eased from one to the next."""
    knots, values = np.array(FOOT_PHASES), np.array(FOOT_PITCHES)
    i = np.clip(np.searchsorted(knots, since) - 1, 0, len(knots) - 2)
    share = ease((since - knots[i]) / (knots[i + 1] - knots[i]))
    return values[i] + share * (values[i + 1] - values[i])
