"""What an evaluation found: values for a table, JSON or a page, none of which computes again.

Letters: T frames of a sequence, M frames in which a person was matched, J = 22 body joints.
A number that was not measured is None in a `Metric`, NaN in an array and null in JSON: never 0.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Metric:
    """One number about labels.

    Attributes:
        name: As the field calls it, such as "PA-MPJPE".
        group: What it is about, such as "Bodies, camera frame"; metrics of a group stand together.
        value: None where it was not measured.
        unit: Of `value`; "" for a plain number.
        num_samples: How many `sample` the value is taken over; 0 where it was not measured.
        sample: What is counted, in the plural: "people", "frames", "pixels", "sequences" ...
        better: Which way is good; "neither" for numbers that only say how to read another.
        note: Its definition in a sentence; where it was not measured, why.
    """

    name: str
    group: str
    value: float | None
    unit: str
    num_samples: int
    sample: str
    better: Literal["lower", "higher", "neither"]
    note: str


@dataclass(frozen=True, eq=False)
class PersonPath:
    """One person of the truth through a sequence, where a prediction was matched.

    Attributes:
        track_id: The person in the truth's piece.
        frame: [M] places in the arrays of the sequence, rising.
        pelvis_true: [M, 3] metres, the truth's world.
        pelvis_pred: [M, 3] likewise, after the rigid alignment of `SequenceResult`.
    """

    track_id: int
    frame: NDArray[np.int64]
    pelvis_true: NDArray[np.float64]
    pelvis_pred: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SequenceResult:
    """The frames that one piece of the prediction and one of the truth have in common.

    Camera and people of the prediction are brought into the truth's world by one rigid motion
    without scale (mean difference of the cameras' orientations, then their centroids), so that a
    picture of the paths shows metric errors. `camera_error_m` is what ATE sums up: it is taken
    after Sim3. Worlds have the axes of their first camera: y is down where that camera is level.

    Attributes:
        uri: The video.
        pred_clip_id: Clip of the prediction, the first of its piece.
        truth_clip_id: Clip of the truth, likewise.
        frame_index: [T] source frames.
        time_s: [T] seconds from the video's first frame.
        metrics: Of this sequence alone.
        num_true: [T] people of the truth that count.
        num_matched: [T] of these, found.
        mpjpe_mm: [T] mean over the frame's matched people; NaN without one. Likewise the next two.
        pa_mpjpe_mm: [T].
        head_error_m: [T].
        depth_abs_rel: [T] metric, without any scale; NaN without common depth.
        camera_error_m: [T] after Sim3.
        camera_true: [T, 3] centres, metres, the truth's world.
        camera_pred: [T, 3] likewise, after the rigid alignment.
        people: Everybody who was matched and has joints on both sides.
        up: [3] unit vector, out of the ground of the truth's world; None where it has none.
    """

    uri: str
    pred_clip_id: str
    truth_clip_id: str
    frame_index: NDArray[np.int64]
    time_s: NDArray[np.float64]
    metrics: tuple[Metric, ...]
    num_true: NDArray[np.int64]
    num_matched: NDArray[np.int64]
    mpjpe_mm: NDArray[np.float64]
    pa_mpjpe_mm: NDArray[np.float64]
    head_error_m: NDArray[np.float64]
    depth_abs_rel: NDArray[np.float64]
    camera_error_m: NDArray[np.float64]
    camera_true: NDArray[np.float64]
    camera_pred: NDArray[np.float64]
    people: tuple[PersonPath, ...]
    up: NDArray[np.float64] | None


@dataclass(frozen=True)
class Side:
    """One of the two datasets.

    Attributes:
        uri: Where it is.
        source: Uri that its videos' names are relative to.
        model_preset: What made its labels.
        weights_sha256: Of the network.
        is_untrained: Random weights: the labels mean nothing.
        body_model_sha256: Of the body model; None without one.
        config_hash: Of its configuration.
        code_version: Of the program that planned it.
    """

    uri: str
    source: str
    model_preset: str
    weights_sha256: str
    is_untrained: bool
    body_model_sha256: str | None
    config_hash: str
    code_version: str


@dataclass(frozen=True)
class Accounts:
    """What was compared and what was not: true frames = compared + missing + not planned.

    Attributes:
        num_videos: Videos with at least one frame compared.
        num_frames_true: Frames of the truth.
        num_frames: Frames compared.
        num_frames_missing: Frames of the truth that the prediction planned and has not: unreadable
            videos, failed or pending clips, lost frames. Their people are misses.
        num_people_missing: People of the truth in those frames.
        num_frames_not_planned: Frames of the truth that the prediction's plan leaves out, by its
            frame rate or with their whole video; they count neither way.
        num_frames_without_truth: Frames of the prediction that the truth says nothing of.
        videos_not_planned: Videos of the truth that the prediction's plan does not name.
        videos_without_truth: Videos of the prediction that the truth lacks.
    """

    num_videos: int
    num_frames_true: int
    num_frames: int
    num_frames_missing: int
    num_people_missing: int
    num_frames_not_planned: int
    num_frames_without_truth: int
    videos_not_planned: tuple[str, ...]
    videos_without_truth: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything found.

    Attributes:
        command: What was run, arguments and all.
        versions: Of this program and the libraries it computes with.
        pred: The labels judged.
        truth: What they are judged by.
        accounts: What was compared.
        metrics: Over everything compared.
        joint_names: J names.
        joint_error_mm: [J] mean distance around the middle of the hips; NaN where not measured.
        depth_error_map: [18, 32] mean AbsRel (metric) over all frames in that part of the picture,
            rows from the top; NaN where there was nothing to compare.
        sequences: In the order of the truth's videos and frames.
    """

    command: str
    versions: dict[str, str]
    pred: Side
    truth: Side
    accounts: Accounts
    metrics: tuple[Metric, ...]
    joint_names: tuple[str, ...]
    joint_error_mm: NDArray[np.float64]
    depth_error_map: NDArray[np.float64]
    sequences: tuple[SequenceResult, ...]


def as_json(value: Any) -> Any:
    """A dataclass of this module, or anything in one, as JSON's own types; NaN becomes None."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
