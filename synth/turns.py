"""Small arithmetic of motion: rotations about axes, smooth steps, slow wandering.

Letters: T frames. Knows nothing of bodies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
NUM_WAVES = 3


@dataclass(frozen=True, eq=False)
class Wander:
    """A quantity that drifts smoothly about zero: a sum of sines.

    Attributes:
        amplitudes: [NUM_WAVES], in the quantity's unit.
        rates: [NUM_WAVES] radians per second.
        phases: [NUM_WAVES] radians at time 0.
    """

    amplitudes: Floats
    rates: Floats
    phases: Floats

    def at(self, times_s: Floats) -> Floats:
        """Its value [T] at times [T]."""
        return np.sin(times_s[:, None] * self.rates + self.phases) @ self.amplitudes


def sample_wander(rng: np.random.Generator, amplitude: float, period_s: float) -> Wander:
    """Draw a wander that stays within `amplitude` and takes about `period_s` a swing."""
    shares = rng.uniform(0.2, 1, NUM_WAVES)
    return Wander(
        amplitudes=amplitude * shares / shares.sum(),
        rates=2 * np.pi / period_s * rng.uniform(0.5, 1.6, NUM_WAVES),
        phases=rng.uniform(0, 2 * np.pi, NUM_WAVES),
    )


def ease(x: ArrayLike) -> Floats:
    """From 0 at x <= 0 to 1 at x >= 1 with no jolt at either end (smoothstep)."""
    clipped = np.clip(np.asarray(x, np.float64), 0, 1)
    return clipped**2 * (3 - 2 * clipped)


def about(axis: ArrayLike, angle: ArrayLike) -> Floats:
    """Rotation matrices [..., 3, 3] by angles [...] about a fixed axis [3] (Rodrigues).

    Args:
        axis: Any length but 0.
        angle: Radians, right-handed.
    """
    x, y, z = unit(np.asarray(axis, np.float64))
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = np.asarray(angle, np.float64)[..., None, None]
    return np.eye(3) + np.sin(turn) * cross + (1 - np.cos(turn)) * (cross @ cross)


def about_x(angle: ArrayLike) -> Floats:
    """Rotations [..., 3, 3] about x: in a body's own axes, the upper end bends forward."""
    return about((1, 0, 0), angle)


def about_y(angle: ArrayLike) -> Floats:
    """Rotations [..., 3, 3] about y: in a body's own axes, a turn to its left."""
    return about((0, 1, 0), angle)


def about_z(angle: ArrayLike) -> Floats:
    """Rotations [..., 3, 3] about z: in a body's own axes, the upper end bends to its right."""
    return about((0, 0, 1), angle)


def turned(rotations: Floats, vectors: Floats) -> Floats:
    """Vectors [..., 3] turned by as many rotations [..., 3, 3]."""
    return (rotations @ vectors[..., None])[..., 0]


def unit(vectors: Floats) -> Floats:
    """Vectors [..., 3] at length 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def frame(first: Floats, second: Floats) -> Floats:
    """Right-handed axes [..., 3, 3], as columns: along `first`, then `second` made normal to it."""
    along = unit(first)
    side = unit(second - (second * along).sum(-1, keepdims=True) * along)
    return np.stack([along, side, np.cross(along, side)], -1)
