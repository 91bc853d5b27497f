"""The raw comparisons that metrics are taken from: of one sequence, or of many put together.

Letters: K matched pairs of a detection and a person, J = 22 body joints.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from evaluation.cameras import CameraErrors
from evaluation.depth_metrics import DepthScore
from evaluation.detection import DetectionCounts
from evaluation.tracking import TrackingCounts
from schemas.joints import BODY_JOINTS

MAP_SHAPE = (18, 32)
"""Rows and columns of the map of depth errors."""

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BodySamples:
    """Errors of matched people; a list is shorter than K where something was missing.

    Attributes:
        head_m: [K] distance of the head joints, camera frame.
        joints_mm: [K, J] around the middle of the hips.
        mpjpe_mm: [K] mean over the joints that MPJPE is taken of, likewise.
        procrustes_mm: [K] mean over the same joints, after the best similarity of the row.
        vertices_mm: [K] mean over the skin, around the middle of the hips.
        first_aligned_mm: [K] mean over joints in the world: W-MPJPE.
        all_aligned_mm: [K] likewise: WA-MPJPE.
        root_percent: [K] root in the world, of the way travelled: RTE.
        num_short_paths: People who travel too little for `root_percent`.
        jitter_pred: m/s^3, of predicted joints in the world.
        jitter_true: m/s^3, of true ones in the same frames.
        sliding_mm_per_s: Speed of predicted feet while the true foot stands.
        penetration_mm: How deep the lowest joint of the feet is below the ground.
    """

    head_m: Values
    joints_mm: Values
    mpjpe_mm: Values
    procrustes_mm: Values
    vertices_mm: Values
    first_aligned_mm: Values
    all_aligned_mm: Values
    root_percent: Values
    num_short_paths: int
    jitter_pred: Values
    jitter_true: Values
    sliding_mm_per_s: Values
    penetration_mm: Values


@dataclass(frozen=True, eq=False)
class DepthSamples:
    """Depth of one sequence against the truth.

    Attributes:
        metric: Without any scale; None without a common pixel.
        num_true_pixels: Pixels with a true depth, predicted or not.
        map_sum: `MAP_SHAPE`, sum of relative errors (metric) in each part of the picture.
        map_count: Likewise, the pixels.
    """

    metric: DepthScore | None
    num_true_pixels: int
    map_sum: Values
    map_count: Values


@dataclass(frozen=True, eq=False)
class Samples:
    """Everything that metrics are taken from.

    Attributes:
        detection: Who was found.
        tracking: Who kept an identity.
        bodies: How far off they are.
        cameras: One a sequence that is long enough, or one a video (`join_cameras`).
        depths: One a sequence.
        scaled_depths: One a sequence or one a video, after its one scale.
        pieces: Of each video the frames of every sequence that is compared by itself.
    """

    detection: DetectionCounts
    tracking: TrackingCounts
    bodies: BodySamples
    cameras: tuple[CameraErrors, ...]
    depths: tuple[DepthSamples, ...]
    scaled_depths: tuple[DepthScore, ...]
    pieces: tuple[tuple[int, ...], ...]


def no_bodies() -> BodySamples:
    """Nobody was compared."""
    nothing = np.zeros(0)
    values: dict = {field.name: nothing for field in fields(BodySamples)}
    no_joints = np.zeros((0, len(BODY_JOINTS)))
    return BodySamples(**(values | {"joints_mm": no_joints, "num_short_paths": 0}))


def join_bodies(parts: Sequence[BodySamples]) -> BodySamples:
    """Put samples together."""
    everything = [no_bodies(), *parts]
    values: dict = {
        field.name: np.concatenate([getattr(part, field.name) for part in everything])
        for field in fields(BodySamples)
        if field.name != "num_short_paths"
    }
    return BodySamples(**values, num_short_paths=sum(part.num_short_paths for part in everything))


def join_samples(parts: Sequence[Samples]) -> Samples:
    """Put the samples of several sequences together."""
    return Samples(
        detection=sum((part.detection for part in parts), DetectionCounts()),
        tracking=sum((part.tracking for part in parts), TrackingCounts()),
        bodies=join_bodies([part.bodies for part in parts]),
        cameras=tuple(camera for part in parts for camera in part.cameras),
        depths=tuple(depth for part in parts for depth in part.depths),
        scaled_depths=tuple(score for part in parts for score in part.scaled_depths),
        pieces=tuple(video for part in parts for video in part.pieces),
    )
