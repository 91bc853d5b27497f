"""The motion that brings one set of points closest to another, in the least-squares sense.

Formulas: Umeyama, "Least-squares estimation of transformation parameters between two point
patterns", TPAMI 13(4), 1991. Letters: N points, ... any batch. Computed in float64.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Similarity:
    """x -> scale rotation x + translation, one a batch entry.

    Attributes:
        scale: [...]; 1 for a rigid motion.
        rotation: [..., 3, 3].
        translation: [..., 3].
    """

    scale: NDArray[np.float64]
    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    def apply(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move points [..., N, 3]."""
        turned = points @ np.swapaxes(self.rotation, -1, -2)
        moved: NDArray[np.float64] = (
            self.scale[..., None, None] * turned + self.translation[..., None, :]
        )
        return moved


def align(
    source: NDArray[np.floating], target: NDArray[np.floating], *, with_scale: bool
) -> Similarity:
    """The similarity (or rigid motion) that takes `source` closest to `target`.

    Minimises the sum of squared distances. Where the points leave something open (one point,
    points on a line) any minimiser is returned; a source that is a single place has scale 1.

    Args:
        source: [..., N, 3] finite, N >= 1.
        target: [..., N, 3].
        with_scale: Whether the scale is free (Sim3) or 1 (SE3).
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    source_mean, target_mean = source.mean(axis=-2), target.mean(axis=-2)  # [..., 3]
    centred_source = source - source_mean[..., None, :]
    centred_target = target - target_mean[..., None, :]
    covariance = np.swapaxes(centred_target, -1, -2) @ centred_source / source.shape[-2]
    u, singular, vt = np.linalg.svd(covariance)
    sign = np.ones_like(singular)
    sign[..., 2] = np.where(np.linalg.det(u) * np.linalg.det(vt) < 0, -1, 1)  # no reflection
    rotation = (u * sign[..., None, :]) @ vt
    scale = np.ones(source.shape[:-2])
    if with_scale:
        variance = np.square(centred_source).sum(axis=-1).mean(axis=-1)
        np.divide((singular * sign).sum(axis=-1), variance, out=scale, where=variance > 0)
    turned_mean = (rotation @ source_mean[..., None])[..., 0]
    return Similarity(scale, rotation, target_mean - scale[..., None] * turned_mean)


def mean_rotation(
    source: NDArray[np.floating], target: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The rotation R that brings all orientations R `source` closest to `target`.

    Minimises the sum of squared Frobenius distances (Umeyama's lemma with the columns as points).

    Args:
        source: [T, 3, 3].
        target: [T, 3, 3].

    Returns:
        [3, 3].
    """
    correlation = np.einsum("tij,tkj->ik", target, source, dtype=np.float64)
    u, _, vt = np.linalg.svd(correlation)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation: NDArray[np.float64] = (u * sign) @ vt
    return rotation
