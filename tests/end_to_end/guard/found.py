"""Reads a clip's rows as arrays, with what follows from them: depth pictures, posed bodies.

Letters: T frames of the clip, N people rows, J = 52 joints.
"""

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from human3r_model.body import BodyModel
from pipeline.depth import read_depth_frame
from pipeline.storage import Store
from pipeline.tables import read_table
from schemas.arrow import present_values
from schemas.joints import JOINT_INDICES
from tests.end_to_end.guard.expected import ClipColumns, Columns
from tests.end_to_end.guard.world import TrueVideo

POSES = ("body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose")
DEPTH_TOLERANCE = 1e-3  # relative: the encoding's 5e-4, and the float32 of the network's answer


def read_clip(store: Store, ledger_row: dict, video: TrueVideo, body: BodyModel) -> ClipColumns:
    """What the tables say of a clip, in the order of its rows.

    Beside the tables' own columns there are, of frames, `wrong_depth` [T], the share of a frame's
    pixels whose depth is not the scene's, and `pixel_aspect` [T], how many times as wide as high
    the network's pixels are by the focal lengths, of what they are by the depth picture; and, of
    people, `posed` and `posed_world` [N, 3 J], the joints of the body that a row's SMPL-X
    parameters make with the root in the camera, and with the root in the world, and `joint_gap_px`
    [N, 2 J], joints_2d less joints_3d as the clip's own camera shows them.
    """
    frames, people = (_rows(store, ledger_row, table) for table in ("frames", "people"))
    shares = [_wrong_depth(store, row, video) for row in frames.to_pylist()]
    seen, rows = _columns(frames), _columns(people)
    of_depth = seen["depth_px_per_source_px_y"] / seen["depth_px_per_source_px_x"]
    told = {"wrong_depth": np.array(shares), "pixel_aspect": seen["fx"] / seen["fy"] / of_depth}
    posed = {
        "posed": _pose(rows, rows["global_orient"], rows["transl"], body),
        "posed_world": _pose(rows, rows["global_orient_world"], rows["transl_world"], body),
        "joint_gap_px": rows["joints_2d"] - _project(seen, rows),
    }
    return ClipColumns(seen | told, rows | posed)


def _rows(store: Store, ledger_row: dict, table: str) -> pa.Table:
    of_clip = [("clip_id", "==", ledger_row["clip_id"])]
    return read_table(store, ledger_row[f"{table}_file"], filters=of_clip)


def _wrong_depth(store: Store, row: dict, video: TrueVideo) -> float:
    start, length = row["depth_byte_offset"], row["depth_byte_length"]
    depth_m = read_depth_frame(
        store.read(row["depth_file"])[start : start + length],
        row["depth_codec_header"],
        row["depth_width"],
        row["depth_height"],
    )
    rows, columns = (
        np.rint((np.arange(size) - row[f"depth_shift_{axis}_px"]) / row[scale]).astype(int)
        for axis, size, scale in (
            ("y", depth_m.shape[0], "depth_px_per_source_px_y"),
            ("x", depth_m.shape[1], "depth_px_per_source_px_x"),
        )
    )
    true_m = video.frames[row["frame_index"]].depth_m[np.ix_(rows, columns)]
    is_right = np.abs(depth_m - true_m) <= DEPTH_TOLERANCE * true_m
    return 1 - float((is_right | (np.isnan(depth_m) & (true_m == 0))).mean())


def _columns(table: pa.Table) -> Columns:
    """[N] or [N, K] of every column of numbers; NaN where one is missing."""
    columns = {}
    for name in table.column_names:
        if pa.types.is_string(table[name].type) or pa.types.is_binary(table[name].type):
            continue
        values, is_present = present_values(table[name])
        columns[name] = np.full((table.num_rows, *values.shape[1:]), np.nan)
        columns[name][is_present] = values
    return columns


def _pose(
    people: Columns, global_orient: NDArray, transl: NDArray, body: BodyModel
) -> NDArray[np.float64]:
    """[N, 3 J] joints by SMPL-X's own rule: those of the body at transl 0, and transl."""
    axis_angle = np.hstack([global_orient, *(people[name] for name in POSES)])
    matrices = Rotation.from_rotvec(axis_angle.reshape(-1, 3)).as_matrix().reshape(-1, 53, 3, 3)
    placed = body.place_skeletons(
        *(torch.tensor(values, dtype=torch.float32) for values in (matrices, people["betas"])),
        torch.tensor(people["expression"], dtype=torch.float32),
        torch.zeros(len(transl), 3),
    )
    at_zero = (placed.joints - placed.transl[:, None])[:, list(JOINT_INDICES)].numpy()
    return (at_zero + transl[:, None]).reshape(len(transl), -1)


def _project(frames: Columns, people: Columns) -> NDArray[np.float64]:
    """[N, 2 J] pixels of `joints_3d`, by the camera of each row's frame."""
    row = people["clip_frame"].astype(int) - int(frames["clip_frame"][0])
    focal_px, middle = (
        np.stack([frames[name][row] for name in names], axis=1)[:, None]
        for names in (("clip_fx", "clip_fy"), ("cx", "cy"))
    )
    joints = people["joints_3d"].reshape(len(row), -1, 3)
    return (joints[..., :2] / joints[..., 2:] * focal_px + middle).reshape(len(row), -1)
