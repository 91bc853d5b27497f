"""Find people in DINOv2's tokens, frame by frame.

Letters: F frames, P people (flat), L patches, G DINOv2 patches a side, C channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from human3r_model.config import ModelConfig
from human3r_model.heads import DownstreamHead
from human3r_model.values import Detections

SCORE_MARGIN = 1e-6
"""Probabilities are squeezed into [margin, 1 - margin]."""


def score_people(head: DownstreamHead, dino_tokens: Tensor, grid: int) -> Tensor:
    """Score every patch and keep the local maxima.

    Args:
        head: The person heads.
        dino_tokens: `[F, G*G, C]`.
        grid: G.

    Returns:
        `[F, G, G]`: the score where it equals its 3x3 maximum, else 0.
    """
    score = _probability(head.mlp_classif(dino_tokens)).view(-1, grid, grid)
    is_peak = F.max_pool2d(score, kernel_size=3, stride=1, padding=1) == score
    return torch.where(is_peak, score, torch.zeros_like(score))


def detect_people(
    head: DownstreamHead,
    config: ModelConfig,
    score_map: Tensor,
    dino_tokens: Tensor,
    image_tokens: Tensor,
    image_size_hw: tuple[int, int],
) -> Detections:
    """Locate the people whose score passes the threshold, row-major inside a frame.

    Args:
        head: The person heads.
        config: Sizes.
        score_map: `[F, G, G]` of `score_people`.
        dino_tokens: `[F, G*G, C_dino]`.
        image_tokens: `[F, L, C_enc]`.
        image_size_hw: Height and width of the model picture, pixels.
    """
    is_person = score_map >= config.detection_threshold
    frame, row, column = is_person.nonzero(as_tuple=True)
    dino_token = dino_tokens[frame, row * config.dino_grid + column]
    cell = torch.stack([column, row], dim=-1)
    padded_head_px = (cell + 0.5 + head.mlp_offset(dino_token)) * config.dino_patch_size
    head_px = _unpad(padded_head_px, config.dino_image_size, image_size_hw)
    patch = (head_px / config.patch_size).floor().long().flip(-1)  # row, column
    patches_across = image_size_hw[1] // config.patch_size
    image_token = image_tokens[frame, patch[:, 0] * patches_across + patch[:, 1]]
    return Detections(
        frame_index=frame,
        score=score_map[frame, row, column],
        head_px=head_px,
        padded_head_px=padded_head_px,
        patch=patch,
        dino_token=dino_token,
        human_token=head.mlp_fuse(torch.cat([dino_token, image_token], dim=-1)),
    )


def segment_people(head: DownstreamHead, dino_tokens: Tensor, config: ModelConfig) -> Tensor:
    """Say for every pixel of DINOv2's square whether it shows a person.

    Args:
        head: The person heads.
        dino_tokens: `[F, G*G, C]`.
        config: Sizes.

    Returns:
        `[F, 14 G, 14 G]` probabilities.
    """
    values = _probability(head.mlp_msk(dino_tokens)).transpose(1, 2)  # [F, 14*14, G*G]
    values = values.unflatten(2, (config.dino_grid, config.dino_grid))
    return F.pixel_shuffle(values, config.dino_patch_size)[:, 0]


def _probability(logit: Tensor) -> Tensor:
    return logit.sigmoid() * (1 - 2 * SCORE_MARGIN) + SCORE_MARGIN


def _unpad(padded_px: Tensor, side: int, image_size_hw: tuple[int, int]) -> Tensor:
    """Map x, y from DINOv2's square of `side` pixels to the model picture, clamped into it."""
    height, width = image_size_hw
    longest = max(height, width)
    margin = padded_px.new_tensor([(longest - width) // 2, (longest - height) // 2])
    last = padded_px.new_tensor([width - 1, height - 1])
    return (padded_px * (longest / side) - margin).clamp(torch.zeros_like(last), last)
