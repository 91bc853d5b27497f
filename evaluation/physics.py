"""Whether motion could be real: jitter, sliding feet, feet below the ground.

Definitions as WHAM (arXiv 2312.07531) and TRAM (arXiv 2403.17346) evaluate them, by the second in
place of the frame. Letters: M consecutive frames of one person, J joints, F points of the feet.
World, metres, seconds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONTACT_SPEED_M_PER_S = 0.3
"""A foot slower than this stands: WHAM's 1 cm a frame at 30 frames a second."""
MM_PER_M = 1000

Times = NDArray[np.float64]
Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Plane:
    """The ground: points x with normal . x = offset.

    Attributes:
        normal: [3] unit vector that points up, out of the ground.
        offset_m: Metres.
    """

    normal: NDArray[np.float64]
    offset_m: float


def jitter(joints: NDArray[np.floating], times_s: Times) -> Values:
    """Length of the third derivative of joints, mean over joints: m/s^3.

    The third divided difference over four frames times 3!, which for even times is WHAM's
    (x3 - 3 x2 + 3 x1 - x0) fps^3. WHAM and TRAM print it in units of 10 m/s^3.

    Args:
        joints: [M, J, 3].
        times_s: [M] rising.

    Returns:
        [M - 3]; empty for fewer than 4 frames.
    """
    difference = np.asarray(joints, np.float64)
    for order in (1, 2, 3):
        steps_s = times_s[order:] - times_s[:-order]
        difference = np.diff(difference, axis=0) / steps_s[:, None, None]
    third: Values = 6 * np.linalg.norm(difference, axis=-1).mean(axis=-1)
    return third


def foot_sliding_mm_per_s(
    pred: NDArray[np.floating], true: NDArray[np.floating], times_s: Times
) -> Values:
    """How fast predicted feet move while the true foot stands.

    A point of the true foot stands while it is slower than `CONTACT_SPEED_M_PER_S`. WHAM follows
    four vertices of SMPL's feet and gives the way from a frame to the next at 30 frames a second,
    which is a thirtieth of this; here the points are what is handed in (foot joints).

    Args:
        pred: [M, F, 3] world of the prediction, no alignment.
        true: [M, F, 3] world of the truth.
        times_s: [M] rising.

    Returns:
        [C] mm/s, one for every step from a frame to the next of every standing point.
    """
    steps_m = np.linalg.norm(np.diff(np.asarray(true, np.float64), axis=0), axis=-1)  # [M - 1, F]
    steps_s = np.diff(times_s)[:, None]
    stands = steps_m < CONTACT_SPEED_M_PER_S * steps_s
    moved_m = np.linalg.norm(np.diff(np.asarray(pred, np.float64), axis=0), axis=-1)
    sliding: Values = MM_PER_M * (moved_m / steps_s)[stands]
    return sliding


def ground_penetration_mm(points: NDArray[np.floating], ground: Plane) -> Values:
    """How deep the lowest point of each frame is below the ground; 0 above it.

    Args:
        points: [M, V, 3] skin or joints, in the world of the plane.
        ground: The plane.

    Returns:
        [M] millimetres.
    """
    height_m = np.asarray(points, np.float64) @ ground.normal - ground.offset_m  # [M, V]
    depth: Values = MM_PER_M * np.maximum(-height_m.min(axis=1), 0)
    return depth
