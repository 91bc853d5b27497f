"""Focal length, camera poses and rotations: pure functions of tensors.

Cameras are OpenCV's (x right, y down, z forward); poses are `world_from_camera`; metres, radians.
Letters: B batch, H and W pixels, T poses.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

NUM_WEISZFELD_ITERATIONS = 10
LEAST_RESIDUAL_PX = 1e-8
LEAST_ANGLE = 1e-6
"""Radians below which a rotation is taken by its series."""


def estimate_focal_px(pointmap: Tensor) -> Tensor:
    """Estimate the focal length that explains a pointmap, robustly (Weiszfeld's algorithm).

    Minimises the sum over pixels of `|pixel - f * (x/z, y/z)|`, pixels counted from the principal
    point (W//2, H//2) on an integer grid, from the least-squares start.

    Args:
        pointmap: `[B, H, W, 3]` camera frame, any unit of length.

    Returns:
        `[B]` pixels of the pointmap's own grid.
    """
    height, width = pointmap.shape[1:3]
    x, y, z = pointmap.unbind(-1)  # one plane each: torch is slow along axes of two
    row = (torch.arange(height, device=z.device, dtype=z.dtype) - height // 2)[:, None]
    column = torch.arange(width, device=z.device, dtype=z.dtype) - width // 2
    ray_x, ray_y = ((axis / z).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0) for axis in (x, y))
    ray_dot_pixel = ray_x * column + ray_y * row
    ray_dot_ray = ray_x.square() + ray_y.square()
    focal = ray_dot_pixel.mean(dim=(1, 2)) / ray_dot_ray.mean(dim=(1, 2))
    for _ in range(NUM_WEISZFELD_ITERATIONS):
        off_x = column - focal[:, None, None] * ray_x
        off_y = row - focal[:, None, None] * ray_y
        residual = (off_x.square() + off_y.square()).sqrt()
        weight = 1 / residual.clamp(min=LEAST_RESIDUAL_PX)
        focal = (weight * ray_dot_pixel).mean(dim=(1, 2)) / (weight * ray_dot_ray).mean(dim=(1, 2))
    return focal


def pose_to_matrix(pose: Tensor) -> Tensor:
    """Write poses as matrices.

    Args:
        pose: `[..., 7]` tx ty tz, unit quaternion w x y z.

    Returns:
        `[..., 4, 4]`.
    """
    matrix = torch.zeros((*pose.shape[:-1], 4, 4), dtype=pose.dtype, device=pose.device)
    matrix[..., :3, :3] = quaternion_to_matrix(pose[..., 3:])
    matrix[..., :3, 3] = pose[..., :3]
    matrix[..., 3, 3] = 1
    return matrix


def chain_poses(segments: Sequence[Tensor]) -> list[Tensor]:
    """Carry the poses of successive segments into the first one's world.

    A segment starts on the frame where the one before it ended, at the identity by convention:
    B_0 = I, B_{k+1} = B_k pose(last frame of segment k), world pose = B_k pose.

    Args:
        segments: Each `[T_k, 4, 4]` in its own world, T_k >= 1.

    Returns:
        The same shapes, in the world of the first segment.
    """
    chained: list[Tensor] = []
    world_from_segment = None
    for poses in segments:
        world = poses if world_from_segment is None else world_from_segment @ poses
        chained.append(world)
        world_from_segment = world[-1]
    return chained


def quaternion_to_matrix(quaternion: Tensor) -> Tensor:
    """Write unit quaternions `[..., 4]` (w x y z) as rotation matrices `[..., 3, 3]`."""
    w, x, y, z = quaternion.unbind(-1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def matrix_to_quaternion(matrix: Tensor) -> Tensor:
    """Write rotation matrices `[..., 3, 3]` as unit quaternions `[..., 4]` (w x y z, w >= 0).

    Each of the four components is one divisor; the largest is taken, so no small number divides.
    """
    m = matrix
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    ww, xx = 1 + m00 + m11 + m22, 1 + m00 - m11 - m22  # 4 w^2, 4 x^2
    yy, zz = 1 - m00 + m11 - m22, 1 - m00 - m11 + m22
    wx, wy, wz = (
        m[..., 2, 1] - m[..., 1, 2],
        m[..., 0, 2] - m[..., 2, 0],
        m[..., 1, 0] - m[..., 0, 1],
    )
    xy, xz, yz = (
        m[..., 1, 0] + m[..., 0, 1],
        m[..., 0, 2] + m[..., 2, 0],
        m[..., 2, 1] + m[..., 1, 2],
    )
    candidates = torch.stack(
        [
            torch.stack([ww, wx, wy, wz], dim=-1),
            torch.stack([wx, xx, xy, xz], dim=-1),
            torch.stack([wy, xy, yy, yz], dim=-1),
            torch.stack([wz, xz, yz, zz], dim=-1),
        ],
        dim=-2,
    )  # row i is the quaternion times 4 times its component i
    best = torch.stack([ww, xx, yy, zz], dim=-1).argmax(dim=-1)
    row = candidates.gather(-2, best[..., None, None].expand(*best.shape, 1, 4)).squeeze(-2)
    quaternion = torch.nn.functional.normalize(row, dim=-1)
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def matrix_to_axis_angle(matrix: Tensor) -> Tensor:
    """Write rotation matrices `[..., 3, 3]` as axis times angle `[..., 3]`, angle in [0, pi].

    Goes through the quaternion, which loses nothing near 0 or near pi.
    """
    quaternion = matrix_to_quaternion(matrix)
    w, v = quaternion[..., :1], quaternion[..., 1:]
    sine = v.norm(dim=-1, keepdim=True)  # of half the angle
    factor = torch.where(
        sine > LEAST_ANGLE, 2 * torch.atan2(sine, w) / sine.clamp(min=LEAST_ANGLE), 2 / w
    )
    return factor * v


def axis_angle_to_matrix(vector: Tensor) -> Tensor:
    """Write axis times angle `[..., 3]` as rotation matrices `[..., 3, 3]`."""
    angle = vector.norm(dim=-1, keepdim=True)
    half_sinc = torch.sinc(angle / (2 * torch.pi)) / 2  # sin(angle/2) / angle, 1/2 at 0
    return quaternion_to_matrix(torch.cat([(angle / 2).cos(), half_sinc * vector], dim=-1))
