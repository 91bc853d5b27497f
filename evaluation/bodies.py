"""How far predicted bodies are from true ones, in the camera's frame and in the world.

Protocols of Human3R (arXiv 2510.06219), which follows WHAM (arXiv 2312.07531) and TRAM (arXiv
2403.17346) for the world. Letters: N people rows, M frames of one person, J joints, V vertices.
Positions in metres, errors in millimetres.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.alignment import align
from schemas.joints import BODY_JOINTS

MM_PER_M = 1000
PELVIS = BODY_JOINTS.index("pelvis")
HIPS = [BODY_JOINTS.index("left_hip"), BODY_JOINTS.index("right_hip")]
CHUNK_FRAMES = 100
NUM_FIRST_FRAMES = 2
MIN_TRAVEL_M = 1.0
"""A path shorter than this is no distance to divide by."""

Points = NDArray[np.floating]
Errors = NDArray[np.float64]


def mid_hip(joints: Points) -> NDArray[np.float64]:
    """The middle of the two hips [N, 3] of joints [N, J, 3]: where errors are taken around.

    The evaluations of WHAM, GVHMR (arXiv 2409.06662) and Human3R call it the pelvis. SMPL and
    SMPL-X have a joint of that name, which lies elsewhere.
    """
    middle: NDArray[np.float64] = joints[:, HIPS].mean(axis=1, dtype=np.float64)
    return middle


def hip_aligned_errors_mm(
    pred: Points,
    true: Points,
    pred_mid_hip: NDArray[np.float64],
    true_mid_hip: NDArray[np.float64],
) -> Errors:
    """Distances after the middles of the hips are laid upon each other.

    The mean over joints is MPJPE (Ionescu et al., Human3.6M, TPAMI 2014), over vertices PVE (also
    called MPVPE or MVE; Kocabas et al., VIBE, CVPR 2020).

    Args:
        pred: [N, J or V, 3] camera frame.
        true: [N, J or V, 3].
        pred_mid_hip: [N, 3], see `mid_hip`.
        true_mid_hip: [N, 3].

    Returns:
        [N, J or V].
    """
    offset = (pred_mid_hip - true_mid_hip)[:, None]
    return _distances_mm(pred - offset, true)


def procrustes_errors_mm(pred: Points, true: Points) -> Errors:
    """Distances after the best similarity of each row alone; their mean is PA-MPJPE.

    Rotation, translation and scale of every person and frame are free (Kanazawa et al., HMR, CVPR
    2018).

    Args:
        pred: [N, J, 3].
        true: [N, J, 3].

    Returns:
        [N, J].
    """
    return _distances_mm(align(pred, true, with_scale=True).apply(pred.astype(np.float64)), true)


def world_errors_mm(pred: Points, true: Points, num_aligned: int | None) -> Errors:
    """Mean joint distance of each frame in the world: W-MPJPE or WA-MPJPE.

    The person's frames are taken in chunks of 100, the rest as a shorter one (the evaluations of
    WHAM, GVHMR, arXiv 2409.06662, and Human3R); each chunk is aligned by one similarity (with
    scale) over all joints of its first frames. A rest of a single frame is aligned by that frame,
    as there, so that its error is that of `procrustes_errors_mm`.

    Args:
        pred: [M, J, 3] world of the prediction.
        true: [M, J, 3] world of the truth.
        num_aligned: Frames of a chunk that are aligned: `NUM_FIRST_FRAMES` for W-MPJPE, None for
            all of them, which is WA-MPJPE.

    Returns:
        [M].
    """
    num_joints = pred.shape[1]
    errors = np.empty(len(pred))
    for chunk in chunks(len(pred)):
        chunk_pred, chunk_true = pred[chunk].astype(np.float64), true[chunk]
        fit = align(
            chunk_pred[:num_aligned].reshape(-1, 3),
            chunk_true[:num_aligned].reshape(-1, 3),
            with_scale=True,
        )
        moved = fit.apply(chunk_pred.reshape(-1, 3)).reshape(-1, num_joints, 3)
        errors[chunk] = _distances_mm(moved, chunk_true).mean(axis=1)
    return errors


def chunks(num_frames: int) -> list[slice]:
    """Spans of 100 frames, then the rest, which is shorter."""
    return [
        slice(start, min(start + CHUNK_FRAMES, num_frames))
        for start in range(0, num_frames, CHUNK_FRAMES)
    ]


def root_translation_errors_percent(pred: Points, true: Points) -> Errors | None:
    """Distance of the root after rigid alignment of the whole path: RTE is the mean.

    In percent of the way the true root travels; rotation and translation are free, scale is not
    (WHAM's evaluation, whose root is the joint pelvis and not the middle of the hips).

    Args:
        pred: [M, 3] pelvis in the world of the prediction.
        true: [M, 3] likewise of the truth.

    Returns:
        [M]; None where the truth travels less than `MIN_TRAVEL_M`.
    """
    steps = np.diff(np.asarray(true, np.float64), axis=0)
    travel_m = float(np.linalg.norm(steps, axis=1).sum())
    if travel_m < MIN_TRAVEL_M:
        return None
    moved = align(pred, true, with_scale=False).apply(np.asarray(pred, np.float64))
    errors: Errors = 100 * np.linalg.norm(moved - true, axis=1) / travel_m
    return errors


def _distances_mm(pred: Points, true: Points) -> Errors:
    distances: Errors = MM_PER_M * np.linalg.norm(pred - true, axis=-1)
    return distances
