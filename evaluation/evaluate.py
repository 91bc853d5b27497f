"""Joins a prediction with its truth by video and source frame, and compares what they share."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.cameras import CameraErrors, join_cameras
from evaluation.clip_arrays import ClipArrays, HiddenPeople
from evaluation.dataset import Dataset
from evaluation.depth_metrics import RATIO_SHAPE, RatioSums, scaled_score
from evaluation.detection import DetectionCounts
from evaluation.errors import EvaluationError
from evaluation.joining import join_clips
from evaluation.physics import Plane
from evaluation.result import Accounts, Evaluation, SequenceResult
from evaluation.samples import MAP_SHAPE, Samples, join_samples
from evaluation.sequence import Rules, Sides, compare_sequence
from evaluation.smpl import SmplBodies, SmplPeople
from evaluation.summary import Reasons, metrics_of
from evaluation.tracking import TrackingCounts
from human3r_model.body import BodyModel
from pipeline.errors import ConfigError
from schemas.joints import BODY_JOINTS

HASH_CHARS = 12


@dataclass(frozen=True)
class _Extras:
    """What a truth says beside its tables.

    Attributes:
        hidden: By (video, frame).
        ground: By clip.
        smpl_rows: Rows of `smpl` by (video, frame, track); {} where the truth is not of SMPL.
        smpl: People in SMPL's parameters.
    """

    hidden: dict[tuple[str, int], HiddenPeople]
    ground: dict[str, Plane]
    smpl_rows: dict[tuple[str, int, int], int]
    smpl: SmplPeople


@dataclass
class _Found:
    """What is found, video after video."""

    sequences: list[SequenceResult] = field(default_factory=list)
    samples: list[Samples] = field(default_factory=list)
    num_videos: int = 0
    num_frames_true: int = 0
    num_frames: int = 0
    num_frames_missing: int = 0
    num_people_missing: int = 0
    num_frames_without_truth: int = 0
    num_people: Counter[str] = field(default_factory=Counter)
    num_boxes: Counter[str] = field(default_factory=Counter)


@dataclass
class _Pieces:
    """The sequences of one video, of which it has one path of the camera and one scale of depth."""

    num_frames: list[int] = field(default_factory=list)
    cameras: list[CameraErrors] = field(default_factory=list)
    ratios: RatioSums = field(default_factory=lambda: RatioSums(RATIO_SHAPE))


def evaluate(
    pred: Dataset,
    truth: Dataset,
    *,
    match: Literal["head", "box"] = "head",
    radius_px: float | None = None,
    body: BodyModel | None = None,
    smpl: SmplBodies | None = None,
    command: str = "",
    on_video: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Say how good labels are.

    The clips of a shot are joined into one piece over the frames that they share, on either side
    (`join_clips`). A sequence is what one piece of each side has in common. A video of several
    sequences has one scale of depth; its paths and tracks are compared a sequence at a time, since
    each piece has a world of its own. People of frames that the prediction planned and lacks are
    misses.

    Args:
        pred: The labels judged.
        truth: What they are judged by.
        match: People are matched by the pixel of their head, or by their box (IoU of 0.5).
        radius_px: Greatest distance of matched heads, source pixels; None for one patch of the
            network's encoder.
        body: Skins both sides, for PVE; None leaves PVE out.
        smpl: Makes SMPL's skin of both sides, where the truth is of SMPL; needs `body`.
        command: What was run, for the record.
        on_video: Called with (videos compared, videos of the truth).

    Raises:
        EvaluationError: The two have no frame in common, a video has two sizes or its frames two
            times, people are to be matched by boxes that a side lacks, or `smpl` is given and the
            truth is not of SMPL.
        ConfigError: `body` is not the model that the labels are for.
        TruthError: SMPL's model of somebody's gender is missing or another file.
    """
    _check_body(body, pred, truth)
    extras = _Extras(truth.read_hidden(), truth.read_ground(), *truth.read_smpl_people())
    if smpl is not None and not extras.smpl_rows:
        raise EvaluationError(
            f"{truth.side.uri}: holds nobody in SMPL's parameters, so SMPL's model would change "
            "nothing. Leave --smpl-model and --smplx-to-smpl out; a truth of 3DPW or EMDB that an "
            "earlier version imported has to be imported again"
        )
    reasons = _reasons(pred, truth, body, smpl, is_of_smpl=bool(extras.smpl_rows))
    if truth.read_no_world():
        reasons = replace(reasons, world="the truth does not know where the camera was")
    rules = Rules(match, radius_px, body, smpl, reasons)
    found = _Found()
    for num_done, uri in enumerate(truth.clips):
        _compare_video(uri, pred, truth, extras, rules, found)
        on_video(num_done + 1, len(truth.clips))
    if not found.num_frames:
        raise EvaluationError(_nothing_in_common(pred, truth, found))
    if match == "box":
        _check_boxes(found)
    samples = join_samples(found.samples)
    return Evaluation(
        command=command,
        versions={name: version(name) for name in ("h3r", "numpy", "scipy")},
        pred=pred.side,
        truth=truth.side,
        accounts=_accounts(pred, truth, found),
        metrics=metrics_of(samples, reasons),
        joint_names=BODY_JOINTS,
        joint_error_mm=_mean_or_nan(
            samples.bodies.joints_mm.sum(axis=0), np.array(len(samples.bodies.joints_mm))
        ),
        depth_error_map=_mean_or_nan(
            sum((depth.map_sum for depth in samples.depths), np.zeros(MAP_SHAPE)),
            sum((depth.map_count for depth in samples.depths), np.zeros(MAP_SHAPE)),
        ),
        sequences=tuple(found.sequences),
    )


def _compare_video(
    uri: str, pred: Dataset, truth: Dataset, extras: _Extras, rules: Rules, found: _Found
) -> None:
    """Compare every piece of the truth with those of the prediction that it overlaps."""
    _check_picture(uri, pred, truth)
    num_before = found.num_frames
    in_pieces = _Pieces()
    first, last = truth.clips[uri][0], truth.clips[uri][-1]
    pred_pieces = list(
        join_clips(
            pred.read_clip(entry)
            for entry in pred.clips.get(uri, [])
            if entry.start_frame < last.end_frame and entry.end_frame > first.start_frame
        )
    )
    true_clips = (_with_smpl(truth.read_clip(entry), extras) for entry in truth.clips[uri])
    for true in join_clips(true_clips):
        found.num_frames_true += len(true.frame_index)
        is_missing = np.ones(len(true.frame_index), np.bool_)
        for piece in pred_pieces:
            sides = _shared_frames(piece, true, extras)
            if not len(sides.true_places):
                continue
            _check_times(sides)
            for side, people in (("PRED", sides.pred.people), ("TRUTH", true.people)):
                found.num_people[side] += len(people.frame)
                found.num_boxes[side] += int(np.isfinite(people.box_px).all(axis=1).sum())
            sequence, samples, ratios = compare_sequence(pred, truth, sides, extras.hidden, rules)
            found.sequences.append(sequence)
            found.samples.append(replace(samples, cameras=(), scaled_depths=(), pieces=()))
            in_pieces.num_frames.append(len(sides.true_places))
            in_pieces.cameras += samples.cameras
            in_pieces.ratios += ratios
            found.num_frames += len(sides.true_places)
            is_missing[sides.true_places] = False
        _count_missing(true, is_missing, pred.planned_frames.get(uri), found)
    if in_pieces.num_frames:
        found.samples.append(_of_video(in_pieces))
    num_compared = found.num_frames - num_before
    found.num_videos += num_compared > 0
    found.num_frames_without_truth += len(pred.annotated_frames(uri)) - num_compared


def _of_video(pieces: _Pieces) -> Samples:
    """What is taken over a whole video."""
    scaled_depth = scaled_score(pieces.ratios)
    return replace(
        join_samples([]),
        cameras=(join_cameras(pieces.cameras),) if pieces.cameras else (),
        scaled_depths=() if scaled_depth is None else (scaled_depth,),
        pieces=(tuple(pieces.num_frames),),
    )


def _shared_frames(pred: ClipArrays, true: ClipArrays, extras: _Extras) -> Sides:
    """What two pieces share."""
    _, true_places, pred_places = np.intersect1d(
        true.frame_index, pred.frame_index, assume_unique=True, return_indices=True
    )
    return Sides(pred, true, pred_places, true_places, extras.ground.get(true.entry.clip_id))


def _count_missing(
    true: ClipArrays, is_missing: NDArray[np.bool_], planned: set[int] | None, found: _Found
) -> None:
    """Count the frames of a piece that were planned and have no labels, people and all."""
    if planned is None:
        return
    is_planned = np.isin(true.frame_index, list(planned)) if planned else True  # {}: unreadable
    is_missing = is_missing & is_planned
    num_people = int(is_missing[true.people.frame].sum())
    found.num_frames_missing += int(is_missing.sum())
    found.num_people_missing += num_people
    found.samples.append(
        replace(
            join_samples([]),
            detection=DetectionCounts(num_missed=num_people),
            tracking=TrackingCounts(num_true=num_people, num_missed=num_people),
        )
    )


def _accounts(pred: Dataset, truth: Dataset, found: _Found) -> Accounts:
    return Accounts(
        num_videos=found.num_videos,
        num_frames_true=found.num_frames_true,
        num_frames=found.num_frames,
        num_frames_missing=found.num_frames_missing,
        num_people_missing=found.num_people_missing,
        num_frames_not_planned=(
            found.num_frames_true - found.num_frames - found.num_frames_missing
        ),
        num_frames_without_truth=found.num_frames_without_truth,
        videos_not_planned=tuple(uri for uri in truth.clips if uri not in pred.planned_frames),
        videos_without_truth=tuple(uri for uri in pred.planned_frames if uri not in truth.clips),
    )


def _with_smpl(clip: ClipArrays, extras: _Extras) -> ClipArrays:
    """The clip of a truth, with its people in SMPL's parameters where the truth has them."""
    if not extras.smpl_rows:
        return clip
    people, uri = clip.people, clip.entry.uri
    frames = clip.frame_index[people.frame].tolist()
    keys = zip(frames, people.track_id.tolist(), strict=True)
    rows = np.array([extras.smpl_rows.get((uri, *key), -1) for key in keys], np.int64)
    smpl = extras.smpl.select(rows)
    smpl.pose[rows < 0] = np.nan
    return replace(clip, people=replace(people, smpl=smpl))


def _reasons(
    pred: Dataset,
    truth: Dataset,
    body: BodyModel | None,
    smpl: SmplBodies | None,
    *,
    is_of_smpl: bool,
) -> Reasons:
    """Why something is not to be measured."""
    if not is_of_smpl:
        skin = "no body model was given (--body-model)" if body is None else None
        return Reasons(joints=_why_no_joints(pred, truth), skin=skin)
    if pred.side.body_model_sha256 is None:
        why_not = "PRED has no joints: it was made without a body model"
        return Reasons(joints=why_not, skin=why_not)
    if body is None or smpl is None:
        why_not = "the truth is of SMPL: give --body-model, --smpl-model and --smplx-to-smpl"
        return Reasons(joints=why_not, skin=why_not)
    return Reasons(measured_joints=smpl.measured.name)


def _why_no_joints(pred: Dataset, truth: Dataset) -> str | None:
    hashes = {"PRED": pred.side.body_model_sha256, "TRUTH": truth.side.body_model_sha256}
    for side, body_hash in hashes.items():
        if body_hash is None:
            return f"{side} has no joints: it was made without a body model"
    if hashes["PRED"] == hashes["TRUTH"]:
        return None
    short = {side: str(body_hash)[:HASH_CHARS] for side, body_hash in hashes.items()}
    return (
        f"the joints are of two body models, {short['PRED']} in PRED and {short['TRUTH']} in "
        "TRUTH: they are not the same points"
    )


def _check_body(body: BodyModel | None, pred: Dataset, truth: Dataset) -> None:
    """Refuse to skin parameters with another body model than they were made for."""
    for name, side in (("PRED", pred.side), ("TRUTH", truth.side)):
        made_for = side.body_model_sha256
        if body is not None and made_for not in (None, body.sha256):
            raise ConfigError(
                f"--body-model {body.path}: its sha256 is {body.sha256[:HASH_CHARS]}, and "
                f"{name} ({side.uri}) was made with {str(made_for)[:HASH_CHARS]}. Give that file, "
                "or leave the option out"
            )


def _check_picture(uri: str, pred: Dataset, truth: Dataset) -> None:
    """Refuse two videos of one name whose pictures differ."""
    sizes = (pred.picture_of_video.get(uri), truth.picture_of_video.get(uri))
    if None not in sizes and sizes[0] != sizes[1]:
        raise EvaluationError(
            f"{uri}: {sizes[0]} pixels in {pred.side.uri} and {sizes[1]} in {truth.side.uri}: "
            "these are two videos of one name. Give the truth of the videos that were annotated"
        )


def _check_times(sides: Sides) -> None:
    """Refuse two videos of one name whose frames are shown at other times."""
    pred_s, true_s = sides.pred.time_s[sides.pred_places], sides.true.time_s[sides.true_places]
    if len(sides.true.time_s) < 2:
        return
    worst = int(np.argmax(abs(pred_s - true_s)))
    if abs(pred_s - true_s)[worst] > float(np.median(np.diff(sides.true.time_s))) / 2:
        raise EvaluationError(
            f"{sides.true.entry.uri}: frame {sides.true.frame_index[sides.true_places[worst]]} is "
            f"shown at {pred_s[worst]:.3f} s in the prediction and at {true_s[worst]:.3f} s in the "
            "truth: these are two videos of one name. Give the truth of the videos that were "
            "annotated"
        )


def _check_boxes(found: _Found) -> None:
    """Refuse to match by boxes where a side has people and no box at all."""
    for side, num_people in found.num_people.items():
        if num_people and not found.num_boxes[side]:
            raise EvaluationError(
                f"--match box: none of {num_people} people of {side} has a box, which takes a "
                "body model. Match by head"
            )


def _nothing_in_common(pred: Dataset, truth: Dataset, found: _Found) -> str:
    example = next(iter(truth.clips), "none")
    other = next(iter(pred.clips), "none")
    return (
        f"{pred.side.uri} and {truth.side.uri} have no annotated frame in common: of "
        f"{found.num_frames_true} frames of the truth, {found.num_frames_missing} were planned and "
        f"have no labels, the rest were not planned. Videos are joined by their name below the "
        f"source ({example!r} in the truth, {other!r} in the prediction)"
    )


def _mean_or_nan(
    total: NDArray[np.float64], count: NDArray[np.floating | np.integer]
) -> NDArray[np.float64]:
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
