"""How far a predicted camera path is from the true one: ATE and RPE as evo defines them.

Definitions: Sturm et al., "A benchmark for the evaluation of RGB-D SLAM systems", IROS 2012, as
computed by the package evo (github.com/MichaelGrupp/evo) after Sim3 alignment, which is how MonST3R
(arXiv 2410.03825), CUT3R (arXiv 2501.12387) and Human3R use it. Letters: T frames. Poses are
world_from_camera, OpenCV axes, metres.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.alignment import Similarity, align, mean_rotation

MIN_FRAMES = 3
"""Two positions are brought upon any other two by a similarity: their error says nothing."""
STILL_M = 0.01
"""A camera whose positions spread less than this (root mean square) stands still."""

Poses = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CameraErrors:
    """A path against the true one.

    Attributes:
        position_error_m: [T] distance of the centres after alignment.
        ate_m: Root mean square of those.
        rpe_translation_m: Root mean square over pairs of consecutive frames of the length of the
            relative pose's translation error, after alignment.
        rpe_rotation_deg: Likewise of its rotation's angle.
        scale: What the predicted path is multiplied by; None where either camera stands still.
        is_still: The true camera does not move: aligned without scale, see `align_cameras`.
        still_ate_m: The ATE of the answer "the camera never moves": the spread of the true centres.
    """

    position_error_m: NDArray[np.float64]
    ate_m: float
    rpe_translation_m: float
    rpe_rotation_deg: float
    scale: float | None
    is_still: bool
    still_ate_m: float


def camera_errors(pred: Poses, true: Poses) -> CameraErrors | None:
    """Compare two paths of the same frames.

    Args:
        pred: [T, 4, 4].
        true: [T, 4, 4].

    Returns:
        The errors, or None for fewer than `MIN_FRAMES` frames.
    """
    if len(pred) < MIN_FRAMES:
        return None
    spread_m = _spread_m(true)
    fit = align_cameras(pred, true)
    moved = transform(pred, fit)
    position_error_m = _lengths(moved[:, :3, 3] - true[:, :3, 3])
    difference = np.linalg.inv(_steps(true)) @ _steps(moved)  # [T - 1, 4, 4]
    return CameraErrors(
        position_error_m=position_error_m,
        ate_m=_root_mean_square(position_error_m),
        rpe_translation_m=_root_mean_square(_lengths(difference[:, :3, 3])),
        rpe_rotation_deg=_root_mean_square(np.rad2deg(rotation_angles(difference[:, :3, :3]))),
        scale=float(fit.scale) if min(spread_m, _spread_m(pred)) >= STILL_M else None,
        is_still=spread_m < STILL_M,
        still_ate_m=spread_m,
    )


def join_cameras(parts: Sequence[CameraErrors]) -> CameraErrors:
    """The errors of a path that was compared a piece at a time, each piece aligned by itself.

    Every frame counts alike, so that a short piece, which alignment flatters, counts for little.

    Args:
        parts: Pieces of one path, at least one.
    """
    frames = np.array([len(part.position_error_m) for part in parts])

    def over_pieces(values: list[float], weights: NDArray[np.int64]) -> float:
        return float(np.sqrt(np.average(np.square(values), weights=weights)))

    moving = [part for part in parts if part.scale is not None]
    return CameraErrors(
        position_error_m=np.concatenate([part.position_error_m for part in parts]),
        ate_m=over_pieces([part.ate_m for part in parts], frames),
        rpe_translation_m=over_pieces([part.rpe_translation_m for part in parts], frames - 1),
        rpe_rotation_deg=over_pieces([part.rpe_rotation_deg for part in parts], frames - 1),
        scale=float(np.median([part.scale for part in moving])) if moving else None,
        is_still=all(part.is_still for part in parts),
        still_ate_m=over_pieces([part.still_ate_m for part in parts], frames),
    )


def align_cameras(pred: Poses, true: Poses) -> Similarity:
    """Sim3 of the centres; `align_rigidly` where the true camera stands still.

    The centres of a camera that does not move are one place: a similarity would shrink any
    prediction into it and call it right. Its scale is left at 1, so that ATE is the predicted
    path's own spread: how far the prediction drifts.

    Args:
        pred: [T, 4, 4], T >= 1.
        true: [T, 4, 4].
    """
    if _spread_m(true) < STILL_M:
        return align_rigidly(pred, true)
    return align(pred[:, :3, 3], true[:, :3, 3], with_scale=True)


def align_rigidly(pred: Poses, true: Poses) -> Similarity:
    """The rigid motion by orientations and centroids; it exists for any path, one frame too.

    Args:
        pred: [T, 4, 4], T >= 1.
        true: [T, 4, 4].
    """
    rotation = mean_rotation(pred[:, :3, :3], true[:, :3, :3])
    shift = true[:, :3, 3].mean(axis=0) - rotation @ pred[:, :3, 3].mean(axis=0)
    return Similarity(np.ones(()), rotation, shift)


def transform(poses: Poses, fit: Similarity) -> Poses:
    """Poses [T, 4, 4] in the world that `fit` leads to; they stay rigid."""
    moved = poses.copy()
    moved[:, :3, :3] = fit.rotation @ poses[:, :3, :3]
    moved[:, :3, 3] = fit.apply(poses[:, :3, 3])
    return moved


def rotation_angles(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles [...] of rotations [..., 3, 3], radians in [0, pi]; exact near both ends."""
    antisymmetric = rotation - np.swapaxes(rotation, -1, -2)
    sine = 0.5 * _lengths(antisymmetric[..., (2, 0, 1), (1, 2, 0)])
    cosine = 0.5 * (np.trace(rotation, axis1=-2, axis2=-1) - 1)
    angles: NDArray[np.float64] = np.arctan2(sine, cosine)
    return angles


def _spread_m(poses: Poses) -> float:
    """Root mean square distance of the centres from their mean."""
    centres = poses[:, :3, 3]
    return _root_mean_square(_lengths(centres - centres.mean(axis=0)))


def _steps(poses: Poses) -> Poses:
    """[T - 1, 4, 4] each frame's pose in the camera of the frame before."""
    steps: Poses = np.linalg.inv(poses[:-1]) @ poses[1:]
    return steps


def _lengths(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths: NDArray[np.float64] = np.linalg.norm(vectors, axis=-1)
    return lengths


def _root_mean_square(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.square(values).mean()))
