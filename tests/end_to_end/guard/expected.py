"""What the tables must say of a clip of the world, worked out from the scene by other formulas.

Every body is placed in the scene's world and looked at from there; rotations go through scipy.
Letters: T frames of the clip, N people rows, J = 52 joints, V vertices.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from human3r_model.body import BodyModel
from schemas.joints import JOINT_INDICES
from tests.end_to_end.guard.world import TrueVideo

Columns = dict[str, NDArray]


@dataclass(frozen=True, eq=False)
class ClipColumns:
    """A clip's rows: [T, ...] of `frames` by frame, [N, ...] of `people` by frame and track."""

    frames: Columns
    people: Columns


def expect_clip(video: TrueVideo, start: int, end: int, body: BodyModel) -> ClipColumns:
    """The rows of the frames [start, end) of a video.

    Args:
        video: The scene.
        start: First frame; the world of the clip is its camera.
        end: One after the last.
        body: Whom the people are made of.
    """
    poses = np.array([frame.world_from_camera for frame in video.frames[start:end]])
    clip_from_world = np.linalg.inv(poses[0])
    in_clip = clip_from_world @ poses
    people = [
        {
            "clip_frame": np.array(index - start),
            "is_seam": np.array(index == start and start > 0),
            "is_finite": np.array(True),
            **_person(video, index, actor, clip_from_world, body),
        }
        for index in range(start, end)
        for actor in video.frames[index].seen
    ]
    frames = {
        "frame_index": np.arange(start, end),
        "clip_frame": np.arange(end - start),
        "time_s": video.times_s[start:end],
        "is_seam": (np.arange(start, end) == start) & (start > 0),
        "camera_position": in_clip[:, :3, 3],
        "camera_rotation": Rotation.from_matrix(in_clip[:, :3, :3]).as_quat(
            canonical=True, scalar_first=True
        ),
        **{
            name: np.full(end - start, video.focal_px)
            for name in ("fx", "fy", "clip_fx", "clip_fy")
        },
        "cx": np.full(end - start, (video.width - 1) / 2),
        "cy": np.full(end - start, (video.height - 1) / 2),
        "num_people": np.array([len(frame.seen) for frame in video.frames[start:end]]),
        "is_corrupt": np.zeros(end - start, bool),
        "wrong_depth": np.zeros(end - start),
        "pixel_aspect": np.ones(end - start),
    }
    names = people[0].keys()
    return ClipColumns(frames, {name: np.array([row[name] for row in people]) for name in names})


def _person(
    video: TrueVideo, index: int, actor: int, clip_from_world: NDArray, body: BodyModel
) -> Columns:
    """One row of `people`."""
    person, pose = video.actors[actor], video.frames[index].world_from_camera
    placed = body.place(
        torch.from_numpy(person.rotations[index : index + 1]),
        torch.from_numpy(person.betas)[None],
        torch.zeros(1, 10),
        torch.from_numpy(person.head_position[index])[None],
    )
    joints_world = placed.joints[0].numpy()
    rest_pelvis = placed.rest_pelvis[0].numpy()
    joints = _move(np.linalg.inv(pose), joints_world)
    skin_px = _project(video, _move(np.linalg.inv(pose), placed.vertices[0].numpy()))
    joints_clip = _move(clip_from_world, joints_world)
    rotations = person.rotations[index].astype(np.float64)
    poses = Rotation.from_matrix(rotations).as_rotvec()
    listed = list(JOINT_INDICES)
    return {
        "frame_index": np.array(index),
        "track_id": np.array(actor),
        "time_s": video.times_s[index],
        "head_px": _project(video, joints[15]),
        "global_orient": _turn(pose[:3, :3].T @ rotations[0]),
        "body_pose": poses[1:22].ravel(),
        "left_hand_pose": poses[22:37].ravel(),
        "right_hand_pose": poses[37:52].ravel(),
        "jaw_pose": poses[52],
        "betas": person.betas,
        "expression": np.zeros(10),
        "head_position": joints[15],
        # SMPL-X turns a body about its rest pelvis and then adds transl: the pelvis is at their
        # sum, in the camera as in the world.
        "transl": joints[0] - rest_pelvis,
        "joints_3d": joints[listed].ravel(),
        "joints_2d": _project(video, joints[listed]).ravel(),
        "joint_gap_px": np.zeros(2 * len(listed)),
        "box_px": np.concatenate([skin_px.min(axis=0), skin_px.max(axis=0)]),
        "global_orient_world": _turn(clip_from_world[:3, :3] @ rotations[0]),
        "head_position_world": joints_clip[15],
        "transl_world": joints_clip[0] - rest_pelvis,
        "posed": joints[listed].ravel(),
        "posed_world": joints_clip[listed].ravel(),
    }


def _move(pose: NDArray, points: NDArray) -> NDArray[np.float64]:
    return points @ pose[:3, :3].T + pose[:3, 3]


def _turn(matrix: NDArray) -> NDArray[np.float64]:
    return Rotation.from_matrix(matrix).as_rotvec()


def _project(video: TrueVideo, points: NDArray) -> NDArray[np.float64]:
    """[..., 2] pixels of the source picture; the principal point is its middle."""
    middle = np.array([video.width - 1, video.height - 1]) / 2
    return video.focal_px * points[..., :2] / points[..., 2:] + middle
