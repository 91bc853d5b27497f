"""Clips of a truth's sequence in the shape of a network's answer, and as rows of the tables.

SMPL-X people are labelled as a network's are. The parameters of SMPL people are not SMPL-X's, so
their rows only say where the head is (they are not `is_finite`); they are kept apart.
Somebody of the sequence is hidden in a frame, and may be anywhere in it, if the dataset does not
label them there or does not trust its label, or if their head is outside the picture and another
joint is not. Of who is outside as a whole nothing is told. Letters: T frames of the clip, M rows
of people over the whole sequence, F frames of one person, J joints.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.loaders.errors import TruthError
from evaluation.loaders.sequence import TruePerson, TrueSequence
from evaluation.loaders.true_bodies import BodyFolder
from human3r_model.geometry import matrix_to_quaternion
from human3r_model.preprocess import ImageGeometry
from pipeline.labels import ClipLabels, ModelFrame
from pipeline.plan import PlannedClip
from pipeline.quality import outside_picture
from pipeline.recorder import NUM_ROTATIONS, ClipRecorder
from pipeline.rows import ClipRows, clip_times_s, make_rows
from schemas.joints import JOINT_NAMES, NUM_JOINTS

HEAD = JOINT_NAMES.index("head")  # SMPL's too
NUM_BETAS = 10
_NO_PICTURE = np.zeros((0, 0, 3), np.uint8)  # a recorder keeps none


@dataclass(frozen=True, eq=False)
class SequencePeople:
    """Everybody of a sequence who is in the picture, or may be, in the order of frames.

    Attributes:
        frame: [M] index of the sequence's frame.
        track_id: [M] index of the person.
        is_valid: [M] whether they are labelled; if not they are hidden.
        head_px: [M, 2]; NaN of hidden people.
        rotations: [M, 53, 3, 3]; NaN of SMPL people, and so the next three.
        betas: [M, 10].
        head_position: [M, 3] camera, metres.
        joints: [M, 52, 3] camera, metres.
    """

    frame: NDArray[np.int64]
    track_id: NDArray[np.int64]
    is_valid: NDArray[np.bool_]
    head_px: NDArray[np.float64]
    rotations: NDArray[np.float32]
    betas: NDArray[np.float32]
    head_position: NDArray[np.float64]
    joints: NDArray[np.float64]

    def select(self, rows: NDArray[np.int64]) -> "SequencePeople":
        """The rows at those places."""
        return SequencePeople(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def find_people(
    sequence: TrueSequence, bodies: BodyFolder | None, width: int, height: int
) -> SequencePeople:
    """Everybody of a sequence who has a place in a picture of `width` x `height` pixels.

    Args:
        sequence: The truth.
        bodies: SMPL-X's models; None where nobody is of SMPL-X.
        width: Of the picture, which may have lost the last column of the sequence's.
        height: Likewise.

    Raises:
        TruthError: There are SMPL-X people and no body models.
    """
    people = [
        part
        for index, person in enumerate(sequence.people)
        for part in (
            _find_person(sequence, index, person, bodies, width, height),
            _without_label(sequence, index, person),
        )
    ] or [_nobody(0)]
    joined = SequencePeople(
        **{f.name: np.concatenate([getattr(p, f.name) for p in people]) for f in fields(people[0])}
    )
    return joined.select(np.lexsort([joined.track_id, joined.frame]))


def label_clip(sequence: TrueSequence, people: SequencePeople, clip: PlannedClip) -> ClipLabels:
    """What a network that knew the truth would have answered.

    Raises:
        TruthError: Depth of a frame cannot be read.
    """
    width, height = clip.width, clip.height
    principal_px, focal_px = ((width - 1) / 2, (height - 1) / 2), float("nan")
    if sequence.intrinsics is not None:
        focal_px, _, *principal = sequence.intrinsics[clip.frame_index[0]].tolist()
        principal_px = (principal[0], principal[1])
    recorder = ClipRecorder(
        ImageGeometry(width, height, width, height, 0, 0, width, height),
        principal_px,
        has_depth=sequence.read_depth is not None,
    )
    no_depth = np.zeros((height, width), np.float32)
    poses = list(_poses(sequence, clip.frame_index))
    for place, (frame, time_s) in enumerate(zip(clip.frame_index, clip_times_s(clip), strict=True)):
        seen = people.select(np.flatnonzero((people.frame == frame) & people.is_valid))
        recorder.add(
            ModelFrame(place, _NO_PICTURE, is_corrupt=False, decode_s=0.0),
            float(time_s),
            poses[place],
            focal_px,
            confidence=float("nan"),
            depth_m=(
                no_depth
                if sequence.read_depth is None
                else sequence.read_depth(int(frame))[:height, :width]
            ),
            people={
                "track_id": seen.track_id,
                "score": np.ones(len(seen.frame), np.float32),
                "head_px": seen.head_px,
                "rotations": seen.rotations,
                "betas": seen.betas,
                "expression": np.zeros((len(seen.frame), NUM_BETAS), np.float32),
                "head_position": seen.head_position,
            },
        )
    return recorder.finish(num_lost=0)


def true_rows(
    sequence: TrueSequence,
    people: SequencePeople,
    clip: PlannedClip,
    labels: ClipLabels,
    depth_file: str,
) -> ClipRows:
    """The rows of `label_clip`'s answer, with the joints and the intrinsics of the truth."""
    rows = make_rows(clip, labels, None, depth_file)
    is_seen = np.isin(people.frame, clip.frame_index) & people.is_valid
    seen = people.select(np.flatnonzero(is_seen))
    joints = seen.joints.reshape(-1, 3 * NUM_JOINTS).astype(np.float32)
    is_null = np.broadcast_to(np.isnan(joints).any(axis=1, keepdims=True), joints.shape)
    frames = rows.frames
    if sequence.intrinsics is not None:
        columns = sequence.intrinsics[clip.frame_index].astype(np.float32).T
        frames = frames | dict(zip(("fx", "fy", "cx", "cy"), columns, strict=True))
    return replace(
        rows,
        frames=frames,
        people=rows.people | {"joints_3d": np.ma.MaskedArray(joints, is_null)},
    )


def _find_person(
    sequence: TrueSequence,
    index: int,
    person: TruePerson,
    bodies: BodyFolder | None,
    width: int,
    height: int,
) -> SequencePeople:
    """The frames of a person in which they are, or may be, in the picture."""
    found = replace(
        _nobody(len(person.frame)),
        frame=person.frame,
        track_id=np.full(len(person.frame), index),
    )
    if person.body == "smplx":
        if bodies is None:
            raise TruthError(
                sequence.name, f"{person.name} is of SMPL-X: give its models with --body-models"
            )
        world = sequence.world_from_camera
        placed = bodies.place(person, None if world is None else world[person.frame])
        joints_px = _project(sequence, person, placed.joints)
        found = replace(
            found,
            rotations=placed.rotations,
            betas=placed.betas,
            head_position=placed.head_position,
            joints=placed.joints,
        )
    elif person.joints_px is not None:
        joints_px = person.joints_px
    else:
        assert person.joints is not None
        joints_px = _project(sequence, person, person.joints)
    is_outside = outside_picture(joints_px, width, height)  # [F, J]
    is_valid = person.is_valid & ~is_outside[:, HEAD]
    head_px = np.where(is_valid[:, None], joints_px[:, HEAD], np.nan)
    may_be_there = ~person.is_valid | ~is_outside.all(axis=1)
    return replace(found, is_valid=is_valid, head_px=head_px).select(np.flatnonzero(may_be_there))


def _without_label(sequence: TrueSequence, index: int, person: TruePerson) -> SequencePeople:
    """The frames in which the files say nothing of a person."""
    frames = np.setdiff1d(np.arange(len(sequence.frame_names)), person.frame)
    return replace(_nobody(len(frames)), frame=frames, track_id=np.full(len(frames), index))


def _project(
    sequence: TrueSequence, person: TruePerson, points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[F, J, 2] of [F, J, 3] in the camera; NaN behind it."""
    assert sequence.intrinsics is not None
    lens = sequence.intrinsics[person.frame][:, None]
    depth = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
    return points[..., :2] / depth * lens[..., :2] + lens[..., 2:]


def _nobody(num_rows: int) -> SequencePeople:
    """Rows that say nothing yet."""

    def unknown(*shape: int) -> NDArray[np.float64]:
        return np.full((num_rows, *shape), np.nan)

    return SequencePeople(
        frame=np.zeros(num_rows, np.int64),
        track_id=np.zeros(num_rows, np.int64),
        is_valid=np.zeros(num_rows, np.bool_),
        head_px=unknown(2),
        rotations=unknown(NUM_ROTATIONS, 3, 3).astype(np.float32),
        betas=unknown(NUM_BETAS).astype(np.float32),
        head_position=unknown(3),
        joints=unknown(NUM_JOINTS, 3),
    )


def _poses(sequence: TrueSequence, frames: NDArray[np.int32]) -> Iterator[NDArray[np.float32]]:
    """[7] of each frame in the world of the first one; the identity where there is no world."""
    world = sequence.world_from_camera
    poses = np.tile(np.eye(4), (len(frames), 1, 1)) if world is None else world[frames]
    relative = torch.from_numpy(np.linalg.inv(poses[0]) @ poses)
    quaternions = matrix_to_quaternion(relative[:, :3, :3])
    yield from torch.cat([relative[:, :3, 3], quaternions], 1).float().numpy()
