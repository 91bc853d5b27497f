"""A teacher's aid: where each patch's part of the scene was seen by the clip's first camera.

A camera's pose is one answer a frame, and a network that does not compare frames learns to say "it
stands still". Asked of every patch, how far what it shows has moved is learned soon; it is thrown
away after training. Letters: F frames, L patches of a grid, C channels, H and W pixels.
"""

import torch
from torch import Tensor, nn

from training.joint_maps import Grid
from training.losses import true_points

_LEAST_DEPTH_M = 0.1


class MotionMap(nn.Module):
    """For every patch: what it shows was so many patches right and down, in the first frame."""

    def __init__(self, dim: int) -> None:
        """Build it for tokens of `dim` channels."""
        super().__init__()
        self.motion = nn.Linear(dim, 2)

    def loss(
        self,
        tokens: Tensor,
        grid: Grid,
        depth_m: Tensor,
        world_from_camera: Tensor,
        focal_px: Tensor,
        counts: Tensor,
    ) -> Tensor:
        """Mean distance from the true motion, in patches, x and y added.

        Args:
            tokens: [F, L, C] decoded patches, row-major.
            grid: How they lie on the picture.
            depth_m: [F, H, W] camera z; 0 is infinitely far.
            world_from_camera: [F, 4, 4]; the world is the camera of the clip's first frame.
            focal_px: [F], of the first frame too.
            counts: [F, H, W] bool, False where something moves by itself.
        """
        motion, is_seen = true_motion(depth_m, world_from_camera, focal_px)
        row, column = grid.sample_px(1, tokens.device)
        truth = motion[:, row[:, None], column].flatten(1, 2) / grid.patch_px
        judged = (is_seen & counts)[:, row[:, None], column].flatten(1, 2)
        difference = (self.motion(tokens) - truth)[judged]
        return difference.abs().sum() / max(len(difference), 1)


def true_motion(
    depth_m: Tensor, world_from_camera: Tensor, focal_px: Tensor
) -> tuple[Tensor, Tensor]:
    """How far from each pixel what it shows was seen by the world's camera, in pixels.

    Args:
        depth_m: [F, H, W]; 0 is infinitely far.
        world_from_camera: [F, 4, 4].
        focal_px: [F], of both cameras.

    Returns:
        [F, H, W, 2] x and y, and [F, H, W] bool: the world's camera had it in its picture.
    """
    height, width = depth_m.shape[1:]
    is_far = (depth_m == 0)[..., None]
    rays = true_points(torch.ones_like(depth_m), focal_px)
    turned = torch.einsum("fij,fhwj->fhwi", world_from_camera[:, :3, :3], rays)
    moved = turned * depth_m[..., None] + world_from_camera[:, None, None, :3, 3]
    x, y, z = torch.where(is_far, turned, moved).unbind(-1)
    focal_px = focal_px[:, None, None]
    half_x, half_y = (width - 1) / 2, (height - 1) / 2
    was = torch.stack([x, y], -1) / z.clamp(min=_LEAST_DEPTH_M)[..., None] * focal_px[..., None]
    limit = was.new_tensor([half_x, half_y])
    is_seen = (was.abs() <= limit).all(-1) & (z > _LEAST_DEPTH_M)
    return was - rays[..., :2] * focal_px[..., None], is_seen
