"""Every metric of a report: its name, unit, which way is good, and what it is in a sentence."""

from dataclasses import dataclass
from typing import Literal

DETECTION = "Detection"
CAMERA_FRAME = "Bodies in the camera's frame"
WORLD = "Bodies in the world"
TRACKS = "Tracks"
CAMERA = "Camera"
DEPTH = "Depth"
MOTION = "Motion"


@dataclass(frozen=True)
class MetricSpec:
    """What `evaluation.result.Metric` says of a metric, before it is measured."""

    name: str
    group: str
    unit: str
    sample: str
    better: Literal["lower", "higher", "neither"]
    note: str


ABS_REL = "mean of |pred - true| / true"
DELTA_1 = "part of the pixels within a factor of 1.25"
SCALED = "after one scale for all that is compared of a video (least absolute error)"

METRICS: tuple[MetricSpec, ...] = (
    MetricSpec("Precision", DETECTION, "", "detections", "higher", "people found over detections"),
    MetricSpec("Recall", DETECTION, "", "people", "higher", "people found over people"),
    MetricSpec(
        "F1",
        DETECTION,
        "",
        "people, detections",
        "higher",
        "harmonic mean of precision and recall",
    ),
    MetricSpec(
        "Head position", CAMERA_FRAME, "m", "people", "lower", "median distance of the head joints"
    ),
    MetricSpec(
        "MPJPE",
        CAMERA_FRAME,
        "mm",
        "people",
        "lower",
        "mean distance of body joints, the middles of the hips laid upon each other",
    ),
    MetricSpec(
        "PA-MPJPE",
        CAMERA_FRAME,
        "mm",
        "people",
        "lower",
        "mean distance of body joints after the best similarity a person and frame",
    ),
    MetricSpec(
        "PVE",
        CAMERA_FRAME,
        "mm",
        "people",
        "lower",
        "mean distance of the skin, the middles of the hips laid upon each other",
    ),
    MetricSpec(
        "W-MPJPE",
        WORLD,
        "mm",
        "people",
        "lower",
        "joints in the world; 100 frames aligned by their first two, with scale",
    ),
    MetricSpec(
        "WA-MPJPE",
        WORLD,
        "mm",
        "people",
        "lower",
        "joints in the world; 100 frames aligned by all of them, with scale",
    ),
    MetricSpec(
        "RTE",
        WORLD,
        "%",
        "people",
        "lower",
        "distance of the root after rigid alignment, over the way it travels",
    ),
    MetricSpec("MOTA", TRACKS, "", "people", "higher", "1 - (missed + false + switches) / people"),
    MetricSpec(
        "IDF1", TRACKS, "", "people, detections", "higher", "F1 of who is who over whole tracks"
    ),
    MetricSpec(
        "Switches", TRACKS, "", "people", "lower", "times a person goes on under another id"
    ),
    MetricSpec(
        "ATE",
        CAMERA,
        "m",
        "videos",
        "lower",
        "root mean square distance of the camera's centres after Sim3",
    ),
    MetricSpec(
        "ATE of no motion",
        CAMERA,
        "m",
        "videos",
        "neither",
        "what the answer 'the camera never moves' would have",
    ),
    MetricSpec(
        "RPE translation",
        CAMERA,
        "m",
        "videos",
        "lower",
        "root mean square error from a frame to the next, after Sim3",
    ),
    MetricSpec(
        "RPE rotation",
        CAMERA,
        "deg",
        "videos",
        "lower",
        "root mean square error from a frame to the next",
    ),
    MetricSpec(
        "Camera scale",
        CAMERA,
        "",
        "videos",
        "neither",
        "median of what Sim3 multiplies the predicted path by; 1 is metric",
    ),
    MetricSpec(
        "Depth coverage",
        DEPTH,
        "",
        "pixels",
        "higher",
        "part of the pixels with a true depth that have a predicted one; the others do not count",
    ),
    MetricSpec("AbsRel, metric", DEPTH, "", "pixels", "lower", f"{ABS_REL}, as predicted"),
    MetricSpec("delta1, metric", DEPTH, "", "pixels", "higher", f"{DELTA_1}, as predicted"),
    MetricSpec("AbsRel, scaled", DEPTH, "", "pixels", "lower", f"{ABS_REL}, {SCALED}"),
    MetricSpec("delta1, scaled", DEPTH, "", "pixels", "higher", f"{DELTA_1}, {SCALED}"),
    MetricSpec(
        "Jitter",
        MOTION,
        "m/s^3",
        "steps",
        "lower",
        "mean length of the third derivative of joints in the world",
    ),
    MetricSpec(
        "Jitter of the truth",
        MOTION,
        "m/s^3",
        "steps",
        "neither",
        "the same of the true joints: what is right for this motion",
    ),
    MetricSpec(
        "Foot sliding",
        MOTION,
        "mm/s",
        "steps",
        "lower",
        "how fast a predicted foot moves while the true one stands; a thirtieth of it is the mm a "
        "frame that WHAM gives",
    ),
    MetricSpec(
        "Ground penetration",
        MOTION,
        "mm",
        "people",
        "lower",
        "how deep the lowest joint of the feet is below the true ground, 0 above it",
    ),
)
