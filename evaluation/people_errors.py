"""Compares the matched people of a sequence: each against the person they were matched to.

Letters: K pairs, in the order of frames; J = 22 body joints; T frames of the sequence.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.bodies import (
    NUM_FIRST_FRAMES,
    PELVIS,
    hip_aligned_errors_mm,
    mid_hip,
    procrustes_errors_mm,
    root_translation_errors_percent,
    world_errors_mm,
)
from evaluation.clip_arrays import PeopleRows
from evaluation.physics import Plane, foot_sliding_mm_per_s, ground_penetration_mm, jitter
from evaluation.samples import BodySamples, join_bodies, no_bodies
from evaluation.smpl import SmplBodies, SmplPeople
from human3r_model.body import BodyModel
from human3r_model.geometry import axis_angle_to_matrix
from schemas.joints import BODY_JOINTS

FEET = [
    BODY_JOINTS.index(f"{side}_{part}") for side in ("left", "right") for part in ("ankle", "foot")
]
SKIN_CHUNK = 64
MIN_TRACK_FRAMES = 2

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairedPeople:
    """Matched people, row by row.

    Attributes:
        frame: [K] place of the pair in the sequence, not falling.
        person: [K] the truth's track.
        pred_row: [K] row in the prediction's people.
        true_row: [K] row in the truth's.
    """

    frame: NDArray[np.int64]
    person: NDArray[np.int64]
    pred_row: NDArray[np.int64]
    true_row: NDArray[np.int64]

    def select(self, which: NDArray) -> "PairedPeople":
        """Keep the pairs of a mask or of indices, in that order."""
        return PairedPeople(
            self.frame[which], self.person[which], self.pred_row[which], self.true_row[which]
        )


@dataclass(frozen=True, eq=False)
class PairErrors:
    """Errors of each pair; NaN where they cannot be taken.

    Attributes:
        head_m: [K].
        joints_mm: [K, J] around the middle of the hips.
        mpjpe_mm: [K] mean over the joints that MPJPE is taken of, likewise.
        procrustes_mm: [K] mean over the same joints.
        vertices_mm: [K] mean over the skin, likewise.
    """

    head_m: Values
    joints_mm: Values
    mpjpe_mm: Values
    procrustes_mm: Values
    vertices_mm: Values


def pair_errors(
    pred: PeopleRows, true: PeopleRows, pairs: PairedPeople, body: BodyModel | None
) -> PairErrors:
    """Compare pairs in the camera's frame.

    Args:
        pred: The prediction's people.
        true: The truth's; both with NaN joints where joints are not to be compared.
        pairs: Who belongs to whom.
        body: Skins both sides for the error of vertices; None leaves it out.
    """
    num_pairs = len(pairs.frame)
    joints_mm = np.full((num_pairs, len(BODY_JOINTS)), np.nan)
    procrustes_mm, vertices_mm = np.full(num_pairs, np.nan), np.full(num_pairs, np.nan)
    found, there = pred.joints[pairs.pred_row], true.joints[pairs.true_row]
    both = np.flatnonzero(is_finite(found) & is_finite(there))
    if len(both):
        found, there = found[both], there[both]
        joints_mm[both] = hip_aligned_errors_mm(found, there, mid_hip(found), mid_hip(there))
        procrustes_mm[both] = procrustes_errors_mm(found, there).mean(axis=1)
    if body is not None:
        found, there = pred.axis_angle[pairs.pred_row], true.axis_angle[pairs.true_row]
        posed = np.flatnonzero(is_finite(found) & is_finite(there))
        for start in range(0, len(posed), SKIN_CHUNK):
            rows = posed[start : start + SKIN_CHUNK]
            vertices_mm[rows] = _vertex_errors_mm(pred, true, pairs.select(rows), body)
    offset = pred.head_position[pairs.pred_row] - true.head_position[pairs.true_row]
    return PairErrors(
        head_m=np.linalg.norm(offset, axis=1),
        joints_mm=joints_mm,
        mpjpe_mm=joints_mm.mean(axis=1),
        procrustes_mm=procrustes_mm,
        vertices_mm=vertices_mm,
    )


def smpl_pair_errors(
    pred: PeopleRows,
    true: PeopleRows,
    true_smpl: SmplPeople,
    pairs: PairedPeople,
    body: BodyModel,
    smpl: SmplBodies,
) -> tuple[PeopleRows, PeopleRows, PairErrors]:
    """Compare pairs of labels and a truth of SMPL by SMPL's skin.

    Args:
        pred: The prediction's people.
        true: The truth's.
        true_smpl: The truth's in SMPL's parameters, row by row; NaN where they are not known.
        pairs: Who belongs to whom.
        body: Skins the prediction.
        smpl: Makes SMPL's skin of both.

    Returns:
        Both sides' people with SMPL's joints, NaN of who is in no pair; and the errors.
    """
    pred_joints, true_joints = (np.full_like(side.joints, np.nan) for side in (pred, true))
    means = np.full((3, len(pairs.frame)), np.nan)
    posed = np.flatnonzero(
        is_finite(pred.axis_angle[pairs.pred_row]) & is_finite(true_smpl.pose[pairs.true_row])
    )
    for start in range(0, len(posed), SKIN_CHUNK):
        rows = posed[start : start + SKIN_CHUNK]
        pred_rows, true_rows = pairs.pred_row[rows], pairs.true_row[rows]
        found = smpl.from_smplx(_skin(pred, pred_rows, body)[0])
        there = smpl.skin(true_smpl.select(true_rows))
        pred_joints[pred_rows], true_joints[true_rows] = smpl.joints(found), smpl.joints(there)
        found_joints, found_hips = smpl.measured_joints(found)
        there_joints, there_hips = smpl.measured_joints(there)
        means[:, rows] = [
            hip_aligned_errors_mm(found_joints, there_joints, found_hips, there_hips).mean(axis=1),
            procrustes_errors_mm(found_joints, there_joints).mean(axis=1),
            hip_aligned_errors_mm(found, there, found_hips, there_hips).mean(axis=1),
        ]
    pred, true = replace(pred, joints=pred_joints), replace(true, joints=true_joints)
    errors = replace(
        pair_errors(pred, true, pairs, None),
        mpjpe_mm=means[0],
        procrustes_mm=means[1],
        vertices_mm=means[2],
    )
    return pred, true, errors


def body_samples(
    errors: PairErrors,
    pairs: PairedPeople,
    pred_world: Values,
    true_world: Values,
    times_s: Values,
) -> BodySamples:
    """Everything that metrics of bodies are taken from.

    Args:
        errors: Of the pairs, in the camera's frame.
        pairs: Who belongs to whom.
        pred_world: [K, J, 3] the prediction's joints, in its world; NaN where there are none.
        true_world: [K, J, 3] the truth's, in its own.
        times_s: [T] of the sequence's frames.
    """
    in_camera = {name: values[is_finite(values)] for name, values in vars(errors).items()}
    known = is_finite(pred_world) & is_finite(true_world)
    tracks = [
        _track_samples(
            pred_world[rows], true_world[rows], pairs.frame[rows], times_s[pairs.frame[rows]]
        )
        for rows in rows_of_people(pairs.person, known)
        if len(rows) >= MIN_TRACK_FRAMES
    ]
    joined = join_bodies(tracks)
    return BodySamples(**(vars(joined) | in_camera))


def penetration_mm(joints: Values, ground: Plane) -> Values:
    """How deep the lowest ankle or foot joint is below the ground; NaN joints are left out.

    Args:
        joints: [K, J, 3] in the world of the plane.
        ground: The plane.
    """
    feet = joints[:, FEET]
    return ground_penetration_mm(feet[is_finite(feet)], ground)


def rows_of_people(
    person: NDArray[np.int64], is_known: NDArray[np.bool_]
) -> Iterator[NDArray[np.int64]]:
    """The known rows of each person, by rising id."""
    for identity in np.unique(person[is_known]):
        yield np.flatnonzero(is_known & (person == identity))


def is_finite(values: Values) -> NDArray[np.bool_]:
    """[K] whether a row of values [K, ...] is finite throughout."""
    return np.asarray(np.isfinite(values).all(axis=tuple(range(1, values.ndim))))


def _track_samples(pred: Values, true: Values, frame: NDArray, times_s: Values) -> BodySamples:
    """What one person's frames [M] say: joints [M, J, 3] of both sides, each in its world."""
    root = root_translation_errors_percent(pred[:, PELVIS], true[:, PELVIS])
    runs = np.split(np.arange(len(frame)), np.flatnonzero(np.diff(frame) != 1) + 1)
    motion: dict[str, list[Values]] = {
        "jitter_pred": [],
        "jitter_true": [],
        "sliding_mm_per_s": [],
    }
    for run in runs:
        motion["jitter_pred"].append(jitter(pred[run], times_s[run]))
        motion["jitter_true"].append(jitter(true[run], times_s[run]))
        feet = (pred[run][:, FEET], true[run][:, FEET])
        motion["sliding_mm_per_s"].append(foot_sliding_mm_per_s(*feet, times_s[run]))
    values: dict = {name: np.concatenate(parts) for name, parts in motion.items()}
    values |= {
        "first_aligned_mm": world_errors_mm(pred, true, NUM_FIRST_FRAMES),
        "all_aligned_mm": world_errors_mm(pred, true, None),
        "num_short_paths": int(root is None),
    }
    if root is not None:
        values["root_percent"] = root
    return BodySamples(**(vars(no_bodies()) | values))


def _vertex_errors_mm(
    pred: PeopleRows, true: PeopleRows, pairs: PairedPeople, body: BodyModel
) -> Values:
    """[K] mean over the skin around the middle of the hips; one body model poses both sides."""
    found = _skin(pred, pairs.pred_row, body)
    there = _skin(true, pairs.true_row, body)
    return hip_aligned_errors_mm(found[0], there[0], found[1], there[1]).mean(axis=1)


def _skin(people: PeopleRows, rows: NDArray[np.int64], body: BodyModel) -> tuple[Values, Values]:
    """Vertices [K, V, 3] and middle of the hips [K, 3] of people rows, camera."""
    placed = body.place(
        axis_angle_to_matrix(torch.from_numpy(people.axis_angle[rows])),
        torch.from_numpy(people.betas[rows]),
        torch.from_numpy(people.expression[rows]),
        torch.from_numpy(people.head_position[rows]),
    )
    return placed.vertices.double().numpy(), mid_hip(placed.joints.double().numpy())
