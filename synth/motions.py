"""People in motion: draws who somebody is and what they do, and poses them at every time.

Motions are functions of time, so a shot's frame rate does not change them. They are made in the
upright world (x as in the world, y up, z against the world's): half a turn about x from the world.
Letters: T frames.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from human3r_model.body import NUM_ROTATIONS, BodyModel
from synth.acting import GESTURES, sample_arms, sample_seated, sample_trunk, sit
from synth.courses import Area
from synth.dressing import sample_face_colours
from synth.figures import SIDES, Figure, Joint, measure_figure
from synth.gait import Hips, Manner, Walk, carry_hips, plant_foot, set_legs
from synth.gestures import set_arm, set_fingers, set_trunk
from synth.itineraries import (
    MARGIN_M,
    Ground,
    sample_crossing,
    sample_pace,
    sample_standing,
    sample_stroll,
    sample_turning,
)
from synth.turns import Floats, about_x, sample_wander
from synth.values import Actor

MOTIONS = ("walk", "cross", "turn", "idle", "wave", "reach", "sit")
SPINE = (Joint.SPINE1, Joint.SPINE2, Joint.SPINE3, Joint.NECK, Joint.HEAD)
TALL_BETAS = (0.3, 0.4, -0.65, 1.4)  # mean, deviation and bounds: 1.95 m down to 1.5 m
MOST_BETA = 2.0
SEAT_MARGIN_M = 0.7  # from the area's edges: the seat is behind the feet
WALKING_GESTURES = 0.35  # of those who wave or point do it while they walk


def sample_actor(
    rng: np.random.Generator,
    body: BodyModel,
    area: Area,
    times_s: NDArray[np.float64],
    motion: str,
    others: Sequence[Actor] = (),
) -> Actor:
    """Draw a person who does one thing throughout a shot.

    Args:
        rng: Everything random comes from here.
        body: Whose shapes and skin.
        area: x_min, z_min, x_max, z_max of the ground to stay on, world, metres.
        times_s: [T] since the shot's start, increasing.
        motion: One of MOTIONS.
        others: People of the same times, to keep a distance from where that can be.

    Raises:
        ValueError: `motion` is not one of MOTIONS.
    """
    if motion not in MOTIONS:
        raise ValueError(f"motion {motion!r} is unknown: choose one of {', '.join(MOTIONS)}")
    figure = measure_figure(body, _sample_betas(rng))
    manner = _sample_manner(rng, figure)
    x_min, z_min, x_max, z_max = area
    taken = [other.head_position[:, [0, 2]] * [1, -1] for other in others]
    ground = Ground(
        area=(x_min, -z_max, x_max, -z_min),
        times_s=times_s,
        others=np.stack(taken, 1) if taken else np.zeros((len(times_s), 0, 2)),
    )
    walk = _sample_walk(rng, figure, ground, motion)
    feet = (plant_foot(figure, 0, manner, walk), plant_foot(figure, 1, manner, walk))
    sway = [sample_wander(rng, 0.025, rng.uniform(3, 6)).at(times_s) for _ in SIDES]
    hips = carry_hips(figure, manner, walk, feet, np.stack(sway, -1))
    rotations = np.broadcast_to(np.eye(3), (len(times_s), NUM_ROTATIONS, 3, 3)).copy()
    seated = sample_seated(rng, times_s) if motion == "sit" else np.zeros(len(times_s))
    hips = sit(rng, figure, walk, feet, hips, seated)
    set_trunk(rotations, sample_trunk(rng, walk, seated, times_s))
    for side, arm in zip(SIDES, sample_arms(rng, walk, seated, times_s, motion), strict=True):
        set_arm(rotations, figure, side, arm)
        set_fingers(rotations, figure, side, rng.uniform(0.05, 0.45))
    set_legs(rotations, figure, hips, feet)
    head = _head_position(rotations, figure, hips)
    rotations[:, 0] = about_x(np.pi) @ rotations[:, 0]
    return Actor(
        rotations=rotations.astype(np.float32),
        head_position=head * [1, -1, -1],
        betas=figure.betas,
        face_colours=sample_face_colours(rng, body),
    )


def _sample_betas(rng: np.random.Generator) -> NDArray[np.float32]:
    """The first is mostly height, of which the free body has too much in one deviation."""
    betas = np.clip(rng.standard_normal(10), -MOST_BETA, MOST_BETA)
    mean, deviation, low, high = TALL_BETAS
    betas[0] = np.clip(mean + deviation * betas[0], low, high)
    return betas.astype(np.float32)


def _sample_manner(rng: np.random.Generator, figure: Figure) -> Manner:
    """Draw how somebody walks and stands."""
    return Manner(
        half_width_m=figure.joints[Joint.HIP][0] * rng.uniform(0.75, 1.2),
        toe_out=rng.uniform(-0.02, 0.2),
        knee_reach=rng.uniform(0.972, 0.99),
        lift_m=rng.uniform(0.03, 0.08),
        sway_m=rng.uniform(0.01, 0.035),
        roll=rng.uniform(0, 0.07),
        yaw=rng.uniform(0.03, 0.14),
        pitch=rng.uniform(0, 0.08),
        foot_pitch=rng.uniform(0.8, 1.1),
    )


def _sample_walk(rng: np.random.Generator, figure: Figure, ground: Ground, motion: str) -> Walk:
    """Draw where somebody goes for what they do."""
    pace = sample_pace(rng, figure.height_m)
    if motion == "cross":
        return sample_crossing(rng, ground, pace)
    if motion == "turn":
        return sample_turning(rng, ground, pace)
    does_walk = motion in GESTURES and rng.random() < WALKING_GESTURES
    if motion == "walk" or does_walk:
        return sample_stroll(rng, ground, pace)
    return sample_standing(rng, ground, SEAT_MARGIN_M if motion == "sit" else MARGIN_M)


def _head_position(rotations: Floats, figure: Figure, hips: Hips) -> Floats:
    """Where the spine carries the head joint: [T, 3] upright world."""
    position, turn, joint = hips.position, rotations[:, Joint.PELVIS], Joint.PELVIS
    for child in SPINE:
        position = position + turn @ (figure.joints[child] - figure.joints[joint])
        turn, joint = turn @ rotations[:, child], child
    return position
