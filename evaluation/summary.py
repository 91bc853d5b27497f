"""From raw comparisons to metrics: how each is averaged, and why one is missing.

Bodies are averaged over people, cameras over videos (as MonST3R and CUT3R do), depth over
pixels, detections and tracks by their counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.bodies import MIN_TRAVEL_M
from evaluation.cameras import MIN_FRAMES
from evaluation.depth_metrics import pool_scores
from evaluation.metric_list import METRICS
from evaluation.result import Metric
from evaluation.samples import Samples

UNPAIRED = "nobody was matched who has joints on both sides"


@dataclass(frozen=True)
class Reasons:
    """What is known before looking: why something is not measured, None where it is; and of what.

    Attributes:
        joints: Why joints are not compared.
        skin: Why skin is not.
        world: Why nothing is compared in the world, cameras and people.
        measured_joints: Which joints MPJPE and PA-MPJPE are of.
    """

    joints: str | None = None
    skin: str | None = None
    world: str | None = None
    measured_joints: str = "22 joints"


@dataclass(frozen=True)
class _Measured:
    """A value, over how many samples, and what is to be said with it or in its place."""

    value: float | None
    num_samples: int
    why_not: str
    remark: str = ""


def metrics_of(samples: Samples, reasons: Reasons) -> tuple[Metric, ...]:
    """Every metric of `METRICS`, measured or not, in that order.

    Args:
        samples: Of one sequence or of many.
        reasons: Why what is missing is missing.
    """
    measured = {
        **_detection(samples),
        **_bodies(samples, reasons),
        **_tracks(samples),
        **_cameras(samples, reasons),
        **_depth(samples),
        **_motion(samples, reasons),
    }
    metrics = []
    for spec in METRICS:
        found = measured[spec.name]
        is_measured = found.value is not None
        metrics.append(
            Metric(
                name=spec.name,
                group=spec.group,
                value=found.value,
                unit=spec.unit,
                num_samples=found.num_samples if is_measured else 0,
                sample=spec.sample,
                better=spec.better,
                note=spec.note + found.remark if is_measured else found.why_not,
            )
        )
    return tuple(metrics)


def _detection(samples: Samples) -> dict[str, _Measured]:
    counts = samples.detection
    num_pred, num_true = counts.num_found + counts.num_false, counts.num_found + counts.num_missed
    return {
        "Precision": _Measured(counts.precision, num_pred, "nobody was detected"),
        "Recall": _Measured(counts.recall, num_true, "nobody is there"),
        "F1": _Measured(counts.f1, num_pred + num_true, "nobody is there and nobody was detected"),
    }


def _bodies(samples: Samples, reasons: Reasons) -> dict[str, _Measured]:
    bodies = samples.bodies
    no_joints = reasons.joints or UNPAIRED
    no_track = reasons.joints or reasons.world or f"{UNPAIRED} in two frames"
    no_skin = reasons.skin or "nobody was matched who has a pose on both sides"
    no_way, too_short = no_track, ""
    if bodies.num_short_paths:
        no_way = f"nobody who was matched travels {MIN_TRAVEL_M:g} m"
        too_short = (
            f"; without people who travel less than {MIN_TRAVEL_M:g} m: {bodies.num_short_paths}"
        )

    def left_out(values: NDArray[np.float64], what: str) -> str:
        num_left_out = samples.detection.num_found - len(values)
        return f"; matched and left out, {what}: {num_left_out}" if num_left_out else ""

    which = f"; {reasons.measured_joints}"
    unposed = left_out(bodies.mpjpe_mm, "since their joints are not known")
    aligned = _in_pieces(samples, "aligned")
    apart = aligned + left_out(bodies.first_aligned_mm, "since not known in two frames")
    head_m = float(np.median(bodies.head_m)) if len(bodies.head_m) else None
    return {
        "Head position": _Measured(
            head_m,
            len(bodies.head_m),
            "nobody was matched who has a head position on both sides",
            left_out(bodies.head_m, "since the place of a head is not known"),
        ),
        "MPJPE": _mean(bodies.mpjpe_mm, no_joints, which + unposed),
        "PA-MPJPE": _mean(bodies.procrustes_mm, no_joints, which + unposed),
        "PVE": _mean(
            bodies.vertices_mm, no_skin, left_out(bodies.vertices_mm, "since a pose is not known")
        ),
        "W-MPJPE": _mean(bodies.first_aligned_mm, no_track, apart),
        "WA-MPJPE": _mean(bodies.all_aligned_mm, no_track, apart),
        "RTE": _mean(bodies.root_percent, no_way, aligned + too_short),
    }


def _tracks(samples: Samples) -> dict[str, _Measured]:
    counts = samples.tracking
    num_true, nobody = counts.num_true, "nobody is there"
    switches = float(counts.num_switches) if num_true else None
    followed = _in_pieces(samples, "followed")
    return {
        "MOTA": _Measured(counts.mota, num_true, nobody, followed),
        "IDF1": _Measured(counts.idf1, num_true + counts.num_pred, nobody, followed),
        "Switches": _Measured(switches, num_true, nobody, followed),
    }


def _cameras(samples: Samples, reasons: Reasons) -> dict[str, _Measured]:
    cameras = samples.cameras
    short = reasons.world or f"no sequence has {MIN_FRAMES} frames"
    num_still = sum(camera.is_still for camera in cameras)
    scales = [camera.scale for camera in cameras if camera.scale is not None]
    aligned = _in_pieces(samples, "aligned")
    still = (
        f"; true cameras that stand still, aligned without scale: {num_still}" if num_still else ""
    )
    no_scale = "no camera moves on both sides" if cameras else short
    scale = float(np.median(scales)) if scales else None
    return {
        "ATE": _mean([camera.ate_m for camera in cameras], short, aligned + still),
        "ATE of no motion": _mean([camera.still_ate_m for camera in cameras], short, aligned),
        "RPE translation": _mean([camera.rpe_translation_m for camera in cameras], short, aligned),
        "RPE rotation": _mean([camera.rpe_rotation_deg for camera in cameras], short),
        "Camera scale": _Measured(scale, len(scales), no_scale, aligned),
    }


def _depth(samples: Samples) -> dict[str, _Measured]:
    num_true = sum(depth.num_true_pixels for depth in samples.depths)
    num_both = sum(depth.metric.num_pixels for depth in samples.depths if depth.metric is not None)
    coverage = num_both / num_true if num_true else None
    measured = {"Depth coverage": _Measured(coverage, num_true, "the truth has no depth")}
    for kind, scores in (
        ("metric", [depth.metric for depth in samples.depths]),
        ("scaled", samples.scaled_depths),
    ):
        pooled = pool_scores(scores)
        for name, attribute in (("AbsRel", "abs_rel"), ("delta1", "delta_1")):
            measured[f"{name}, {kind}"] = _Measured(
                None if pooled is None else getattr(pooled, attribute),
                0 if pooled is None else pooled.num_pixels,
                "no pixel has depth on both sides",
            )
    return measured


def _motion(samples: Samples, reasons: Reasons) -> dict[str, _Measured]:
    bodies = samples.bodies
    absent = reasons.joints or reasons.world
    brief = absent or "nobody was matched in four frames running"
    no_contact = absent or "no true foot stands where somebody was matched"
    return {
        "Jitter": _mean(bodies.jitter_pred, brief),
        "Jitter of the truth": _mean(bodies.jitter_true, brief),
        "Foot sliding": _mean(bodies.sliding_mm_per_s, no_contact),
        "Ground penetration": _mean(
            bodies.penetration_mm, absent or "the truth does not say where the ground is"
        ),
    }


def _in_pieces(samples: Samples, what_is_done: str) -> str:
    """The remark on figures that grow with the length of what is compared at once.

    Clips that share no frame have a world and tracks each of its own: their video is compared in
    pieces (`evaluation.joining`).
    """
    lengths = [num_frames for video in samples.pieces for num_frames in video]
    if len(lengths) == len(samples.pieces):
        return ""
    return f"; {what_is_done} in {len(lengths)} pieces of at most {max(lengths)} frames"


def _mean(
    values: NDArray[np.float64] | Sequence[float], why_not: str, remark: str = ""
) -> _Measured:
    mean = float(np.mean(values)) if len(values) else None
    return _Measured(mean, len(values), why_not, remark)
