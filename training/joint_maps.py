"""A teacher's aid: which joints each patch shows; thrown away after training.

A person's pose is read from one token; what leads there is learned much sooner when each patch is
also asked which joints it shows. Letters: F frames, P people (flat), J joints, L patches of a grid,
C channels.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NUM_JOINTS = 22
FIRST_BIAS = -4.0
"""Logit of a joint before anything is learned: most patches show none."""


@dataclass(frozen=True)
class Grid:
    """How patches lie on a picture.

    Attributes:
        rows: Of patches.
        columns: Of patches.
        patch_px: Side of a patch in pixels of the picture.
        margin_px: x, y of the first patch's corner, left of the picture and above it.
    """

    rows: int
    columns: int
    patch_px: float
    margin_px: tuple[int, int] = (0, 0)

    def from_px(self, xy_px: Tensor) -> Tensor:
        """Pixels [..., 2], the first one's middle at (0, 0), to patches, the first one's corner."""
        return (xy_px + 0.5 + xy_px.new_tensor(self.margin_px)) / self.patch_px

    def sample_px(self, samples: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Rows and columns of the pixels that hold the middles of `samples` parts of each patch.

        Returns:
            [rows * samples] and [columns * samples] int64; may lie outside the picture.
        """
        step = self.patch_px / samples
        row, column = (
            ((torch.arange(count * samples, device=device) + 0.5) * step - margin).floor().long()
            for count, margin in zip((self.rows, self.columns), self.margin_px[::-1], strict=True)
        )
        return row, column


class JointMap(nn.Module):
    """For every patch and joint: is it here, and where from the patch's middle."""

    def __init__(self, dim: int) -> None:
        """Build it for tokens of `dim` channels."""
        super().__init__()
        self.presence = nn.Linear(dim, NUM_JOINTS)
        self.offset = nn.Linear(dim, NUM_JOINTS * 2)
        nn.init.constant_(self.presence.bias, FIRST_BIAS)

    def loss(self, tokens: Tensor, grid: Grid, frame: Tensor, xy_px: Tensor) -> Tensor:
        """How wrong the patches are: cross entropy and distance in patches, a joint.

        Args:
            tokens: [F, L, C] patches, row-major.
            grid: How they lie on the picture.
            frame: [P] int64 frame of each person.
            xy_px: [P, J, 2] the joints in the picture.
        """
        xy = grid.from_px(xy_px)
        cell = xy.floor()
        is_inside = (cell >= 0).all(-1) & (cell < cell.new_tensor([grid.columns, grid.rows])).all(
            -1
        )
        person, joint = is_inside.nonzero(as_tuple=True)
        column, row = cell[person, joint].long().unbind(-1)
        place = row * grid.columns + column
        logits = self.presence(tokens)
        target = torch.zeros_like(logits)
        target[frame[person], place, joint] = 1.0
        num_joints = max(len(person), 1)
        presence = F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / num_joints
        guess = self.offset(tokens[frame[person], place]).unflatten(-1, (NUM_JOINTS, 2))
        guess = guess[torch.arange(len(joint), device=joint.device), joint]
        middle = torch.stack([column, row], dim=-1) + 0.5
        return presence + (guess - (xy[person, joint] - middle)).abs().sum() / num_joints


def sine_positions(grid: int, dim: int) -> Tensor:
    """Positions of a square of patches as sines and cosines: [grid*grid, dim] (as in MAE).

    Vision transformers learn where things are much faster from these (arXiv 2111.06377, A.1).

    Args:
        grid: Patches a side.
        dim: Channels, a multiple of 4.
    """
    frequency = torch.exp(-math.log(100.0) * torch.arange(dim // 4) / (dim // 4))
    angle = torch.arange(grid)[:, None] * frequency  # [grid, dim/4]
    waves = torch.cat([angle.sin(), angle.cos()], dim=1)
    rows = waves[:, None].expand(-1, grid, -1)
    columns = waves[None].expand(grid, -1, -1)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1)
