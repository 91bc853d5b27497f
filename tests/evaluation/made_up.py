"""An evaluation nobody computed, for pictures and pages of it."""

from dataclasses import replace

import numpy as np

from evaluation.result import Accounts, Evaluation, Metric, PersonPath, SequenceResult, Side
from schemas.joints import BODY_JOINTS

SIDE = Side(
    uri="/data/out",
    source="/data/videos",
    model_preset="nano",
    weights_sha256="a" * 64,
    is_untrained=False,
    body_model_sha256="b" * 64,
    config_hash="c" * 64,
    code_version="0.1.0",
)


def metric(name: str, value: float | None, unit: str = "mm", **changes: object) -> Metric:
    """One metric over seven people; None was not measured."""
    num_samples = 0 if value is None else 7
    made = Metric(name, "Bodies", value, unit, num_samples, "people", "lower", "how far it is off")
    return replace(made, **changes)


def sequence(uri: str = "walk.mp4", num_frames: int = 40, **changes: object) -> SequenceResult:
    """Two people beside a camera that goes forward, labelled 10 cm too far to the right."""
    frame = np.arange(num_frames)
    walk = np.stack([0.05 * frame, 0 * frame, 3 + 0.02 * frame], axis=1)
    camera = np.stack([0 * frame, 0 * frame, 0.03 * frame], axis=1)
    aside = np.array([0.1, 0.0, 0.0])
    waves = 60 + 20 * np.sin(frame / 5)
    made = SequenceResult(
        uri=uri,
        pred_clip_id="1" * 20,
        truth_clip_id="2" * 20,
        frame_index=frame,
        time_s=frame / 30,
        metrics=(metric("MPJPE", 61.5), metric("ATE", 0.0213, "m")),
        num_true=np.full(num_frames, 2),
        num_matched=np.full(num_frames, 2),
        mpjpe_mm=waves,
        pa_mpjpe_mm=0.6 * waves,
        head_error_m=waves / 400,
        depth_abs_rel=waves / 900,
        camera_error_m=frame / 2000,
        camera_true=camera,
        camera_pred=camera + aside,
        people=tuple(
            PersonPath(person, frame, walk * side, walk * side + aside)
            for person, side in ((0, np.array([1, 1, 1])), (1, np.array([-1, 1, 1.4])))
        ),
        up=None,
    )
    return replace(made, **changes)


def evaluation(**changes: object) -> Evaluation:
    """One sequence of one video, everything measured."""
    made = Evaluation(
        command="h3r evaluate /data/out /data/truth",
        versions={"h3r": "0.1.0", "numpy": "2.4.0"},
        pred=SIDE,
        truth=replace(SIDE, uri="/data/truth", model_preset="truth"),
        accounts=Accounts(
            num_videos=1,
            num_frames_true=50,
            num_frames=40,
            num_frames_missing=7,
            num_people_missing=9,
            num_frames_not_planned=3,
            num_frames_without_truth=0,
            videos_not_planned=(),
            videos_without_truth=(),
        ),
        metrics=(metric("MPJPE", 61.5), metric("ATE", 0.0213, "m", group="Camera")),
        joint_names=BODY_JOINTS,
        joint_error_mm=np.linspace(20, 140, 22),
        depth_error_map=np.linspace(0.02, 0.2, 18 * 32).reshape(18, 32),
        sequences=(sequence(),),
    )
    return replace(made, **changes)
