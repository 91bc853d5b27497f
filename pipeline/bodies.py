"""Turn the network's people into bodies with joints, in the camera and in the world.

Letters: N people rows of a clip, J = 52 joints. Metres and radians; pixels of the source picture
unless a name says otherwise. Rows that are not finite stay NaN.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from human3r_model.body import BodyModel, world_root
from human3r_model.geometry import matrix_to_axis_angle, pose_to_matrix
from pipeline.labels import DEPTH_STRIDE, ClipLabels
from pipeline.quality import occluded, outside_picture
from schemas.joints import JOINT_INDICES, NUM_JOINTS

CHUNK = 64  # people posed at once, and with their skin in memory
MIN_PROJECTED_Z_M = 0.05
"""Nearer than this, a point is not "in front of the camera" and has no place in the picture."""


@dataclass(frozen=True)
class RootPoses:
    """Roots and poses, without a body model.

    Attributes:
        is_finite: [N] everything the network says of the person is finite.
        axis_angle: [N, 53, 3] global (camera), 21 body, 15 left hand, 15 right hand, jaw.
        global_orient_world: [N, 3].
        head_position_world: [N, 3].
    """

    is_finite: NDArray[np.bool_]
    axis_angle: NDArray[np.float32]
    global_orient_world: NDArray[np.float32]
    head_position_world: NDArray[np.float32]


@dataclass(frozen=True)
class Bodies:
    """What needs a body model.

    Attributes:
        transl: [N, 3] SMPL-X's own, camera.
        transl_world: [N, 3].
        joints: [N, J, 3] camera.
        joints_px: [N, J, 2] NaN where a part of the body is not in front of the camera.
        box_px: [N, 4] x0, y0, x1, y1 around the projected skin; NaN likewise.
        truncated_fraction: [N] joints outside the picture; NaN likewise.
        visible_fraction: [N] joints inside and not behind what the depth shows; NaN likewise.
    """

    transl: NDArray[np.float32]
    transl_world: NDArray[np.float32]
    joints: NDArray[np.float32]
    joints_px: NDArray[np.float32]
    box_px: NDArray[np.float32]
    truncated_fraction: NDArray[np.float32]
    visible_fraction: NDArray[np.float32]


def clip_focal_px(labels: ClipLabels) -> float:
    """The clip's focal length: median over its frames, pixels of the network's picture, or NaN."""
    focal_px = labels.frames.focal_px
    return float(np.nanmedian(focal_px)) if np.isfinite(focal_px).any() else float("nan")


def place_roots(labels: ClipLabels) -> RootPoses:
    """Axis-angles and world roots of a clip's people."""
    people = labels.people
    is_finite = np.logical_and.reduce(
        [
            np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
            for values in (
                people.rotations,
                people.betas,
                people.expression,
                people.head_position,
            )
        ]
    )
    rotations = torch.from_numpy(people.rotations)
    world_from_camera = _world_from_camera(labels)  # [N, 4, 4]
    rotation_world = world_from_camera[:, :3, :3] @ rotations[:, 0].double()
    heads = torch.from_numpy(people.head_position).double()
    heads_world = (world_from_camera[:, :3, :3] @ heads[..., None])[..., 0]
    heads_world = heads_world + world_from_camera[:, :3, 3]
    return RootPoses(
        is_finite=is_finite,
        axis_angle=matrix_to_axis_angle(rotations).numpy(),
        global_orient_world=matrix_to_axis_angle(rotation_world).float().numpy(),
        head_position_world=heads_world.float().numpy(),
    )


def place_bodies(
    labels: ClipLabels, is_finite: NDArray[np.bool_], body: BodyModel, focal_px: float
) -> Bodies:
    """Pose every finite person's body and see where it falls in the picture.

    Args:
        labels: The clip.
        is_finite: [N] rows to place.
        body: The body model.
        focal_px: The clip's focal length in the network's picture; NaN places without projecting.
    """
    num_rows = len(is_finite)
    result = {
        "transl": np.full((num_rows, 3), np.nan, np.float32),
        "transl_world": np.full((num_rows, 3), np.nan, np.float32),
        "joints": np.full((num_rows, NUM_JOINTS, 3), np.nan, np.float32),
        "joints_px": np.full((num_rows, NUM_JOINTS, 2), np.nan, np.float32),
        "box_px": np.full((num_rows, 4), np.nan, np.float32),
        "truncated_fraction": np.full(num_rows, np.nan, np.float32),
        "visible_fraction": np.full(num_rows, np.nan, np.float32),
    }
    finite_rows = np.flatnonzero(is_finite)
    for start in range(0, len(finite_rows), CHUNK):
        rows = finite_rows[start : start + CHUNK]
        for name, values in _place_chunk(labels, rows, body, focal_px).items():
            result[name][rows] = values
    return Bodies(**result)


def _place_chunk(
    labels: ClipLabels, rows: NDArray[np.int64], body: BodyModel, focal_px: float
) -> dict[str, NDArray]:
    people = labels.people
    rotations = torch.from_numpy(people.rotations[rows])
    placed = body.place(
        rotations,
        torch.from_numpy(people.betas[rows]),
        torch.from_numpy(people.expression[rows]),
        torch.from_numpy(people.head_position[rows]),
    )
    _, transl_world = world_root(
        rotations[:, 0], placed.transl, placed.rest_pelvis, _world_from_camera(labels)[rows]
    )
    joints = placed.joints[:, list(JOINT_INDICES)].numpy()
    chunk = {
        "transl": placed.transl.numpy(),
        "transl_world": transl_world.numpy(),
        "joints": joints,
    }
    return chunk | _project(labels, people.frame[rows], joints, placed.vertices.numpy(), focal_px)


def _project(
    labels: ClipLabels,
    frame: NDArray[np.int64],
    joints: NDArray[np.float32],
    vertices: NDArray[np.float32],
    focal_px: float,
) -> dict[str, NDArray]:
    geometry = labels.geometry
    nearest = np.minimum(joints[..., 2].min(axis=1), vertices[..., 2].min(axis=1))
    is_in_front = (nearest >= MIN_PROJECTED_Z_M) & np.isfinite(focal_px)  # [N]
    hidden = ~is_in_front
    joints_px = project(joints, focal_px, labels.principal_px)
    joints_source = geometry.source_from_model(joints_px)
    skin_px = project(vertices, focal_px, labels.principal_px)
    x, y = skin_px[..., 0], skin_px[..., 1]  # NumPy takes one axis at a time 30 times faster
    corners = [x.min(axis=1), y.min(axis=1), x.max(axis=1), y.max(axis=1)]
    box = geometry.source_from_model(np.stack(corners, axis=1).reshape(-1, 2, 2)).reshape(-1, 4)
    is_outside = outside_picture(joints_source, geometry.source_width, geometry.source_height)
    joints_px[hidden] = 0
    is_occluded = occluded(joints_px, joints[..., 2], frame, labels.coarse_depth_m, DEPTH_STRIDE)
    projected = {
        "joints_px": joints_source,
        "box_px": box,
        "truncated_fraction": is_outside.mean(axis=1),
        "visible_fraction": (~is_outside & ~is_occluded).mean(axis=1),
    }
    for values in projected.values():
        values[hidden] = np.nan
    return projected


def project(
    points: NDArray[np.float32], focal_px: float, principal_px: tuple[float, float]
) -> NDArray[np.float64]:
    """Pinhole projection.

    Args:
        points: [..., 3] camera, metres.
        focal_px: Pixels of a picture.
        principal_px: x, y of the principal point in that picture.

    Returns:
        [..., 2] x, y in that picture, pixel centres at integers.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        xy = points[..., :2].astype(np.float64) / points[..., 2:].astype(np.float64) * focal_px
    return xy + np.array(principal_px)


def _world_from_camera(labels: ClipLabels) -> torch.Tensor:
    """[N, 4, 4] float64: each person's frame's camera."""
    poses = torch.from_numpy(labels.frames.world_from_camera[labels.people.frame])
    return pose_to_matrix(poses.double())
