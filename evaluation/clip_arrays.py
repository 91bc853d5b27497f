"""The arrays of one clip, taken from its rows.

Letters: T frames of a clip (or of a piece: clips that `evaluation.joining` has put together), N
people rows over all of them, R hidden people of a frame, J = 22 body joints. What the tables leave
null is NaN.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from evaluation.smpl import SmplPeople
from human3r_model.geometry import pose_to_matrix
from schemas.arrow import present_values
from schemas.joints import BODY_JOINTS, NUM_JOINTS

NUM_BODY_JOINTS = len(BODY_JOINTS)
NUM_ROTATIONS = 53
POSE_COLUMNS = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose")
DEPTH_COLUMNS = (
    "depth_file",
    "depth_byte_offset",
    "depth_byte_length",
    "depth_codec_header",
    "depth_width",
    "depth_height",
    "depth_px_per_source_px_x",
    "depth_px_per_source_px_y",
    "depth_shift_x_px",
    "depth_shift_y_px",
)
FRAME_COLUMNS = (
    "clip_id",
    "frame_index",
    "time_s",
    "camera_position",
    "camera_rotation",
    *DEPTH_COLUMNS,
)
PEOPLE_COLUMNS = (
    "clip_id",
    "frame_index",
    "track_id",
    "head_px",
    "box_px",
    "head_position",
    "joints_3d",
    "betas",
    "expression",
    *POSE_COLUMNS,
)


@dataclass(frozen=True)
class ClipEntry:
    """An annotated clip, as the ledger names it.

    Attributes:
        clip_id: Its identity.
        uri: The video.
        start_frame: First source frame; the span is half-open.
        end_frame: Frame the span ends before.
        source_px_per_model_px: Width of a pixel that the network saw.
        frames_file: Where its frames are.
        people_file: Where its people are; None where the shard has none.
    """

    clip_id: str
    uri: str
    start_frame: int
    end_frame: int
    source_px_per_model_px: float
    frames_file: str
    people_file: str | None


@dataclass(frozen=True, eq=False)
class PeopleRows:
    """People of a clip.

    Attributes:
        frame: [N] place of the row's frame in the clip's arrays, not falling.
        track_id: [N].
        head_px: [N, 2] source pixels.
        box_px: [N, 4] x0, y0, x1, y1.
        head_position: [N, 3] camera, metres.
        joints: [N, J, 3] camera, metres.
        axis_angle: [N, 53, 3] SMPL-X: global (camera), 21 body, 15 left hand, 15 right hand, jaw.
        betas: [N, 10].
        expression: [N, 10].
        smpl: [N] the same people of a truth in SMPL's parameters, NaN where somebody has none;
            None of labels and of other truths.
    """

    frame: NDArray[np.int64]
    track_id: NDArray[np.int64]
    head_px: NDArray[np.float64]
    box_px: NDArray[np.float64]
    head_position: NDArray[np.float64]
    joints: NDArray[np.float64]
    axis_angle: NDArray[np.float64]
    betas: NDArray[np.float64]
    expression: NDArray[np.float64]
    smpl: SmplPeople | None = None


@dataclass(frozen=True, eq=False)
class ClipArrays:
    """One clip, read, or one piece.

    Attributes:
        entry: What it is; of a piece, its first clip.
        frame_index: [T] source frames, rising.
        time_s: [T] seconds from the video's first frame.
        world_from_camera: [T, 4, 4].
        people: Its people.
        depth: [T] `DEPTH_COLUMNS` of each frame: where its depth picture is.
    """

    entry: ClipEntry
    frame_index: NDArray[np.int64]
    time_s: NDArray[np.float64]
    world_from_camera: NDArray[np.float64]
    people: PeopleRows
    depth: list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class HiddenPeople:
    """The people of one frame that the truth leaves unlabelled.

    Attributes:
        head_px: [R, 2] source pixels; NaN of somebody who may be anywhere.
        box_px: [R, 4] NaN where there is none.
    """

    head_px: NDArray[np.float64]
    box_px: NDArray[np.float64]


def clip_arrays(entry: ClipEntry, frames: pa.Table, people: pa.Table) -> ClipArrays:
    """The arrays of a clip.

    Args:
        entry: Its row in the ledger.
        frames: `FRAME_COLUMNS` of its rows in `frames`.
        people: `PEOPLE_COLUMNS` of its rows in `people`.
    """
    frame_index = int_column(frames, "frame_index")
    poses = np.hstack(
        [float_lists(frames, "camera_position"), float_lists(frames, "camera_rotation")]
    )
    return ClipArrays(
        entry=entry,
        frame_index=frame_index,
        time_s=frames.column("time_s").to_numpy(),
        world_from_camera=pose_to_matrix(_unit(torch.from_numpy(poses))).numpy(),
        people=_people(people, frame_index),
        depth=frames.select(DEPTH_COLUMNS).to_pylist(),
    )


def hidden_people(rows: list[dict[str, Any]]) -> HiddenPeople:
    """The hidden people of one frame, from their rows."""
    no_box = [np.nan] * 4
    return HiddenPeople(
        head_px=np.array([row["head_px"] for row in rows], np.float64),
        box_px=np.array([row["box"] or no_box for row in rows], np.float64),
    )


def int_column(table: pa.Table, name: str) -> NDArray[np.int64]:
    """[N] of an integer column without nulls."""
    values: NDArray[np.int64] = table.column(name).to_numpy().astype(np.int64)
    return values


def float_lists(table: pa.Table, name: str) -> NDArray[np.float64]:
    """[N, K] of a fixed-size list column; a row that is null is NaN."""
    column = table.column(name)
    values, is_present = present_values(column)
    rows = np.full((table.num_rows, column.type.list_size), np.nan)
    rows[is_present] = values
    return rows


def _people(table: pa.Table, frame_index: NDArray[np.int64]) -> PeopleRows:
    joints = float_lists(table, "joints_3d").reshape(table.num_rows, NUM_JOINTS, 3)
    poses = np.hstack([float_lists(table, name) for name in POSE_COLUMNS])
    return PeopleRows(
        frame=np.searchsorted(frame_index, int_column(table, "frame_index")),
        track_id=int_column(table, "track_id"),
        head_px=float_lists(table, "head_px"),
        box_px=float_lists(table, "box_px"),
        head_position=float_lists(table, "head_position"),
        joints=joints[:, :NUM_BODY_JOINTS].copy(),  # not a view of all 52
        axis_angle=poses.reshape(table.num_rows, NUM_ROTATIONS, 3),
        betas=float_lists(table, "betas"),
        expression=float_lists(table, "expression"),
    )


def _unit(poses: torch.Tensor) -> torch.Tensor:
    """Poses [T, 7] with quaternions of length 1: float32 has rounded them."""
    return torch.cat([poses[:, :3], torch.nn.functional.normalize(poses[:, 3:], dim=-1)], dim=-1)
