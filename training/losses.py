"""How far predictions are from the truth, head by head.

Letters: F frames, P people (flat), G DINOv2 patches a side, H and W pixels, J joints.
Every function gives one number to minimise; metres and radians unless it says otherwise.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from human3r_model.body import BodyModel
from human3r_model.config import ModelConfig
from human3r_model.geometry import estimate_focal_px, pose_to_matrix
from human3r_model.tracking import match_probability
from human3r_model.values import Detections, People

NUM_BODY = 22
"""Global and 21 body rotations; as many joints, the pelvis first."""
CONFIDENCE_REWARD = 0.2
"""Weight of log confidence (DUSt3R, arXiv 2312.14132, eq. 4)."""
LEAST_PROBABILITY = 1e-4
_EXPRESSION_WEIGHT = 0.01
_LEAST_DEPTH_M = 0.3
_LEAST_TURN = 1e-3  # below it the gradient falls to zero


def shrink_norm(v: Tensor) -> Tensor:
    """Invert `expand_norm`: `v/|v| * log1p(|v|)` of vectors [..., 3]."""
    norm = v.norm(dim=-1, keepdim=True)
    return v / norm.clamp(min=1e-8) * norm.log1p()


def detection_loss(score_logits: Tensor, score: Tensor) -> Tensor:
    """Cross entropy of the person score over the patches that count, a person.

    Args:
        score_logits: [F, G*G].
        score: [F, G*G] 1 where a head is, down to 0 farther off, or -1 where it does not count.
    """
    counts = score >= 0
    loss = F.binary_cross_entropy_with_logits(score_logits[counts], score[counts], reduction="sum")
    return loss / (score == 1).sum().clamp(min=len(score) // 4 + 1)


def offset_loss(found: Detections, padded_head_px: Tensor, config: ModelConfig) -> Tensor:
    """Distance of the head from where it is, in patches."""
    return _mean((found.padded_head_px - padded_head_px).abs() / config.dino_patch_size)


def mask_loss(mask_logits: Tensor, person: Tensor, config: ModelConfig) -> Tensor:
    """Cross entropy of the person mask over the picture's part of DINOv2's square.

    Args:
        mask_logits: [F, G*G, 14*14].
        person: [F, H, W] 1.0 where a person is seen.
        config: Sizes.
    """
    height, width = person.shape[1:]
    scale = config.dino_image_size / max(height, width)
    size = (int(height * scale), int(width * scale))
    top, left = ((config.dino_image_size - side) // 2 for side in size)
    squares = mask_logits.transpose(1, 2).unflatten(2, (config.dino_grid, config.dino_grid))
    square = F.pixel_shuffle(squares, config.dino_patch_size)[:, 0]
    target = F.interpolate(person[:, None], size=size, mode="area")[:, 0]
    part = square[:, top : top + size[0], left : left + size[1]]
    return F.binary_cross_entropy_with_logits(part, target)


def pose_losses(people: People, truth: People, body: BodyModel) -> dict[str, Tensor]:
    """Rotations, joints, head (where, and along which ray), shape: what is said of a person.

    Args:
        people: Predicted.
        truth: The same people; only rotations, betas and head_position are read.
        body: For the joints.
    """
    difference = (people.rotations - truth.rotations).square().sum(dim=(-1, -2))  # [P, 53]
    # Its angle and not that squared: who looks the other way would count for all the others.
    orient = (difference[:, 0] + _LEAST_TURN**2).sqrt()
    joints = body_joints(people, body) - body_joints(truth, body)
    head = shrink_norm(people.head_position) - shrink_norm(truth.head_position)
    ray = _ray(people.head_position) - _ray(truth.head_position)
    return {
        "orient": _mean(orient),
        "body_pose": _mean(difference[:, 1:NUM_BODY]),
        "hands": _mean(difference[:, NUM_BODY:]),
        "joints": _mean(joints.norm(dim=-1)),
        "head": _mean(head.abs()),
        "ray": _mean(ray.abs()),
        "shape": _mean((people.betas - truth.betas).abs())
        + _EXPRESSION_WEIGHT * _mean(people.expression.abs()),
    }


def joints_px(
    truth: People, body: BodyModel, focal_px: Tensor, image_size_hw: tuple[int, int]
) -> Tensor:
    """[P, J, 2] the body's joints in the network's picture, principal point in its middle.

    Args:
        truth: People.
        body: Of the joints.
        focal_px: [P].
        image_size_hw: Height and width of the picture.
    """
    joints = body.place_skeletons(
        truth.rotations, truth.betas, truth.expression, truth.head_position
    ).joints[:, :NUM_BODY]
    height, width = image_size_hw
    middle = joints.new_tensor([(width - 1) / 2, (height - 1) / 2])
    return joints[..., :2] / joints[..., 2:].clamp(min=0.05) * focal_px[:, None, None] + middle


def camera_losses(camera_pose: Tensor, world_from_camera: Tensor) -> dict[str, Tensor]:
    """Translation and rotation of the camera: metres a coordinate, and some sqrt(2) * radians.

    Args:
        camera_pose: [B, 7].
        world_from_camera: [B, 4, 4].
    """
    matrix = pose_to_matrix(camera_pose)
    turn = matrix[:, :3, :3] - world_from_camera[:, :3, :3]
    return {
        "camera_t": (matrix[:, :3, 3] - world_from_camera[:, :3, 3]).abs().mean(),
        "camera_r": (turn.square().sum((1, 2)) + _LEAST_TURN**2).sqrt().mean(),
    }


def focal_loss(pointmap: Tensor, focal_px: Tensor) -> Tensor:
    """How far the focal length that explains the points is off, as a share of it.

    The gradient is that of the last step of Weiszfeld's algorithm, its weights held.

    Args:
        pointmap: [B, H, W, 3] metres.
        focal_px: [B].
    """
    unit = torch.ones_like(focal_px)
    pixels = true_points(torch.ones_like(pointmap[..., 2]), unit)[..., :2]  # [B, H, W, 2]
    rays = pointmap[..., :2] / pointmap[..., 2:].clamp(min=_LEAST_DEPTH_M)
    found = estimate_focal_px(pointmap.detach())[:, None, None, None]
    weight = 1 / (pixels - found * rays.detach()).norm(dim=-1, keepdim=True).clamp(min=1)
    explained = (weight * rays * pixels).sum((1, 2, 3)) / (weight * rays.square()).sum((1, 2, 3))
    return (explained.clamp(min=1) / focal_px).log().abs().mean()


def points_loss(pointmap: Tensor, confidence: Tensor, truth: Tensor, is_valid: Tensor) -> Tensor:
    """Confidence-weighted distance of points, relative to how far they are.

    Args:
        pointmap: [B, H, W, 3] metres.
        confidence: [B, H, W] at least 1.
        truth: [B, H, W, 3].
        is_valid: [B, H, W].
    """
    error = (shrink_norm(pointmap) - shrink_norm(truth)).norm(dim=-1)
    return _mean((confidence * error - CONFIDENCE_REWARD * confidence.log())[is_valid])


def matching_loss(
    rows: Tensor, columns: Tensor, is_row: Tensor, is_column: Tensor, is_same: Tensor
) -> Tensor:
    """Surprise of the tracker at who is who in one frame of each clip, a person.

    Args:
        rows: [B, R, C] tokens of remembered people.
        columns: [B, Q, C] tokens of this frame's people.
        is_row: [B, R], False where padded; true somewhere in every clip.
        is_column: [B, Q] likewise.
        is_same: [B, R, Q] these two are one person.
    """
    probability = match_probability(rows, columns, is_row, is_column)
    stranger = is_column & ~is_same.any(dim=1)
    absent = is_row & ~is_same.any(dim=2)
    chances = torch.cat(
        [
            probability[is_same],
            1 - probability.sum(dim=1)[stranger],
            1 - probability.sum(dim=2)[absent],
        ]
    )
    return -chances.clamp(min=LEAST_PROBABILITY).log().mean()


def true_points(depth_m: Tensor, focal_px: Tensor) -> Tensor:
    """Points [B, H, W, 3] (camera, metres) of depth [B, H, W], principal point in the middle."""
    height, width = depth_m.shape[1:]
    x = torch.arange(width, device=depth_m.device) - (width - 1) / 2
    y = torch.arange(height, device=depth_m.device) - (height - 1) / 2
    rays = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)  # [H, W, 2]
    lateral = rays / focal_px[:, None, None, None] * depth_m[..., None]
    return torch.cat([lateral, depth_m[..., None]], dim=-1)


def body_joints(people: People, body: BodyModel) -> Tensor:
    """[P, J, 3] joints of the body, relative to the pelvis."""
    joints = body.place_skeletons(
        people.rotations, people.betas, people.expression, torch.zeros_like(people.head_position)
    ).joints[:, :NUM_BODY]
    return joints[:, 1:] - joints[:, :1]


def _ray(points: Tensor) -> Tensor:
    """Where points [P, 3] are seen: [P, 2] x/z and y/z, by which a body lies upon the picture."""
    return points[:, :2] / points[:, 2:].clamp(min=_LEAST_DEPTH_M)


def _mean(values: Tensor) -> Tensor:
    """The mean; 0 of nothing."""
    return values.sum() / max(values.numel(), 1)
