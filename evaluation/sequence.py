"""Compares one sequence: the frames that a piece of the prediction and one of the truth share.

Letters: T frames of the sequence, P detections and Q people of a frame, K pairs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.bodies import PELVIS
from evaluation.cameras import align_rigidly, camera_errors, transform
from evaluation.clip_arrays import ClipArrays, HiddenPeople, PeopleRows
from evaluation.dataset import Dataset
from evaluation.depth_errors import compare_depth
from evaluation.depth_metrics import RatioSums, scaled_score
from evaluation.detection import (
    PATCH_MODEL_PX,
    DetectionCounts,
    FrameMatch,
    box_distances,
    head_distances,
    match_frame,
)
from evaluation.people_errors import (
    PairedPeople,
    body_samples,
    is_finite,
    pair_errors,
    penetration_mm,
    rows_of_people,
    smpl_pair_errors,
)
from evaluation.physics import Plane
from evaluation.result import PersonPath, SequenceResult
from evaluation.samples import Samples
from evaluation.smpl import SmplBodies
from evaluation.summary import Reasons, metrics_of
from evaluation.tracking import TrackedFrame, count_tracks
from human3r_model.body import BodyModel

NOBODY = HiddenPeople(np.zeros((0, 2)), np.zeros((0, 4)))


@dataclass(frozen=True)
class Rules:
    """How sides are compared.

    Attributes:
        match: People are matched by the pixel of their head, or by their box.
        radius_px: Greatest distance of matched heads, source pixels; None for one patch of the
            network's encoder (16 pixels of the picture it saw).
        body: Skins both sides, for PVE; None leaves that out.
        smpl: Makes SMPL's skin of both sides, of a truth in SMPL; None of other truths.
        reasons: Why something is not to be measured.
    """

    match: Literal["head", "box"]
    radius_px: float | None
    body: BodyModel | None
    smpl: SmplBodies | None
    reasons: Reasons


@dataclass(frozen=True, eq=False)
class Sides:
    """A piece of each side, one clip or several joined, and the frames they share.

    Attributes:
        pred: Piece of the prediction.
        true: Piece of the truth.
        pred_places: [T] where the shared frames stand in `pred`.
        true_places: [T] likewise in `true`.
        ground: In the world of `true`; None where the truth does not say.
    """

    pred: ClipArrays
    true: ClipArrays
    pred_places: NDArray[np.int64]
    true_places: NDArray[np.int64]
    ground: Plane | None


def compare_sequence(
    pred_set: Dataset,
    truth_set: Dataset,
    sides: Sides,
    hidden: Mapping[tuple[str, int], HiddenPeople],
    rules: Rules,
) -> tuple[SequenceResult, Samples, RatioSums]:
    """Compare everything that both sides say of a sequence.

    Returns:
        What was found; its samples, as of a video of one sequence; and the ratios of its depth, for
        the one scale of a video of several.
    """
    pred, true = sides.pred, sides.true
    frame_index = true.frame_index[sides.true_places]
    uri = true.entry.uri
    matches, tracked = _match(
        sides, [hidden.get((uri, int(i)), NOBODY) for i in frame_index], rules
    )
    pairs = _pairs(sides, matches)
    pred_people, true_people = pred.people, true.people
    if rules.reasons.joints is not None:
        pred_people = _without_joints(pred_people)
    skinned = rules.body if rules.reasons.skin is None else None
    if skinned is not None and rules.smpl is not None and true_people.smpl is not None:
        pred_people, true_people, errors = smpl_pair_errors(
            pred_people, true_people, true_people.smpl, pairs, skinned, rules.smpl
        )
    else:
        errors = pair_errors(pred_people, true_people, pairs, skinned)
    pred_poses = pred.world_from_camera[sides.pred_places]
    true_poses = true.world_from_camera[sides.true_places]
    rigid, cameras = align_rigidly(pred_poses, true_poses), None
    if rules.reasons.world is None:
        cameras = camera_errors(pred_poses, true_poses)
    else:  # nothing is said of where in a world anything is
        pred_poses, true_poses = np.full_like(pred_poses, np.nan), np.full_like(true_poses, np.nan)
    pred_world = _in_world(pred_people.joints[pairs.pred_row], pred_poses[pairs.frame])
    true_world = _in_world(true_people.joints[pairs.true_row], true_poses[pairs.frame])
    times_s = true.time_s[sides.true_places]
    depth = compare_depth(
        pred_set.read_depth(pred, sides.pred_places), truth_set.read_depth(true, sides.true_places)
    )
    moved = rigid.apply(pred_world.reshape(-1, 3)).reshape(pred_world.shape)
    scaled_depth = scaled_score(depth.ratios)
    bodies = body_samples(errors, pairs, pred_world, true_world, times_s)
    if sides.ground is not None:
        bodies = replace(bodies, penetration_mm=penetration_mm(moved, sides.ground))
    samples = Samples(
        detection=sum((match.counts for match in matches), DetectionCounts()),
        tracking=count_tracks(tracked),
        bodies=bodies,
        cameras=() if cameras is None else (cameras,),
        depths=(depth.samples,),
        scaled_depths=() if scaled_depth is None else (scaled_depth,),
        pieces=((len(times_s),),),
    )
    result = SequenceResult(
        uri=uri,
        pred_clip_id=pred.entry.clip_id,
        truth_clip_id=true.entry.clip_id,
        frame_index=frame_index,
        time_s=times_s,
        metrics=metrics_of(samples, rules.reasons),
        num_true=np.array([len(frame.true_ids) for frame in tracked], np.int64),
        num_matched=np.array([len(match.true) for match in matches], np.int64),
        mpjpe_mm=_mean_by_frame(errors.mpjpe_mm, pairs.frame, len(times_s)),
        pa_mpjpe_mm=_mean_by_frame(errors.procrustes_mm, pairs.frame, len(times_s)),
        head_error_m=_mean_by_frame(errors.head_m, pairs.frame, len(times_s)),
        depth_abs_rel=depth.abs_rel,
        camera_error_m=(
            np.full(len(times_s), np.nan) if cameras is None else cameras.position_error_m
        ),
        camera_true=true_poses[:, :3, 3],
        camera_pred=transform(pred_poses, rigid)[:, :3, 3],
        people=_paths(pairs, moved, true_world),
        up=None if sides.ground is None else sides.ground.normal,
    )
    return result, samples, depth.ratios


def _match(
    sides: Sides, hidden: list[HiddenPeople], rules: Rules
) -> tuple[list[FrameMatch], list[TrackedFrame]]:
    """[T] matches of detections with people, and the same frames as tracks see them."""
    radius_px = rules.radius_px
    if radius_px is None:
        radius_px = PATCH_MODEL_PX * sides.pred.entry.source_px_per_model_px
    matches, tracked = [], []
    for place, unlabelled in enumerate(hidden):
        pred_rows = _rows_at(sides.pred.people, sides.pred_places[place])
        true_rows = _rows_at(sides.true.people, sides.true_places[place])
        pred, true = sides.pred.people, sides.true.people
        if rules.match == "box":
            found = pred.box_px[pred_rows]
            distances = box_distances(found, true.box_px[true_rows])
            to_hidden = box_distances(found, unlabelled.box_px)
        else:
            found = pred.head_px[pred_rows]
            distances = head_distances(found, true.head_px[true_rows], radius_px)
            to_hidden = head_distances(found, unlabelled.head_px, radius_px)
        to_hidden[:, np.isnan(unlabelled.head_px).any(axis=1)] = 0  # they may be anywhere
        is_excused = np.asarray(np.isfinite(to_hidden).any(axis=1))
        matches.append(match_frame(distances, is_excused))
        tracked.append(
            TrackedFrame(
                pred_ids=pred.track_id[pred_rows],
                true_ids=true.track_id[true_rows],
                distances=distances,
                is_excused=is_excused,
            )
        )
    return matches, tracked


def _pairs(sides: Sides, matches: list[FrameMatch]) -> PairedPeople:
    frame, pred_row, true_row = [], [], []
    for place, match in enumerate(matches):
        frame.append(np.full(len(match.pred), place))
        pred_row.append(_rows_at(sides.pred.people, sides.pred_places[place])[match.pred])
        true_row.append(_rows_at(sides.true.people, sides.true_places[place])[match.true])
    rows = np.concatenate(true_row)
    return PairedPeople(
        frame=np.concatenate(frame),
        person=sides.true.people.track_id[rows],
        pred_row=np.concatenate(pred_row),
        true_row=rows,
    )


def _rows_at(people: PeopleRows, place: int) -> NDArray[np.int64]:
    start, stop = np.searchsorted(people.frame, [place, place + 1])
    return np.arange(start, stop)


def _without_joints(people: PeopleRows) -> PeopleRows:
    return replace(people, joints=np.full_like(people.joints, np.nan))


def _in_world(joints: NDArray[np.float64], poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Joints [K, J, 3] of cameras with poses [K, 4, 4], in the world."""
    turned = joints @ np.swapaxes(poses[:, :3, :3], 1, 2)
    moved: NDArray[np.float64] = turned + poses[:, None, :3, 3]
    return moved


def _mean_by_frame(
    values: NDArray[np.float64], frame: NDArray[np.int64], num_frames: int
) -> NDArray[np.float64]:
    """[T] mean of values [K] that are known; NaN without one."""
    is_known = np.isfinite(values)
    total = np.bincount(frame[is_known], values[is_known], minlength=num_frames)
    count = np.bincount(frame[is_known], minlength=num_frames)
    return np.divide(total, count, out=np.full(num_frames, np.nan), where=count > 0)


def _paths(
    pairs: PairedPeople, pred_world: NDArray[np.float64], true_world: NDArray[np.float64]
) -> tuple[PersonPath, ...]:
    pelvis_pred, pelvis_true = pred_world[:, PELVIS], true_world[:, PELVIS]
    is_known = is_finite(pelvis_pred) & is_finite(pelvis_true)
    return tuple(
        PersonPath(
            track_id=int(pairs.person[rows[0]]),
            frame=pairs.frame[rows],
            pelvis_true=pelvis_true[rows],
            pelvis_pred=pelvis_pred[rows],
        )
        for rows in rows_of_people(pairs.person, is_known)
    )
