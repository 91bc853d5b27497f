"""Rotary position embedding in two dimensions (RoPE, arXiv 2104.09864, one half a head per axis).

Letters: B batch, N tokens, H heads, D channels a head.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rotation:
    """Angles of one token stream, ready to be applied to queries or keys.

    Args:
        cosine: `[B, 1, N, 2, D/4]`; the axis of length 2 is (row, column).
        sine: Same shape.
    """

    cosine: Tensor
    sine: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """Rotate queries or keys.

        The first half of a head's channels turns by the row, the second by the column; inside a
        half of width W channel i pairs with i + W/2.

        Args:
            x: `[B, H, N, D]`.

        Returns:
            The same shape.
        """
        pairs = x.unflatten(-1, (2, 2, -1))  # [B, H, N, axis, member of the pair, D/4]
        u, v = pairs.unbind(-2)
        turned = (u * self.cosine - v * self.sine, v * self.cosine + u * self.sine)
        return torch.stack(turned, dim=-2).flatten(-3).to(x.dtype)


def rotation(positions: Tensor, head_dim: int, base: float, dtype: torch.dtype) -> Rotation:
    """Evaluate the angles `position * base^(-2i/W)` with W = head_dim / 2.

    Angles are computed, never looked up: the pose token sits at (-1, -1).

    Args:
        positions: `[B, N, 2]` integer (row, column) of each token.
        head_dim: D, a multiple of 4.
        base: Base of the frequencies.
        dtype: Of the queries and keys to be rotated.
    """
    half = head_dim // 2
    exponent = torch.arange(0, half, 2, device=positions.device, dtype=torch.float32) / half
    frequency = 1 / base**exponent  # [D/4]
    angle = (positions[..., None].to(torch.float32) * frequency)[:, None]  # [B, 1, N, 2, D/4]
    return Rotation(angle.cos().to(dtype), angle.sin().to(dtype))


def grid_positions(height: int, width: int, device: torch.device) -> Tensor:
    """Return the (row, column) of every cell of a grid in row-major order, `[height*width, 2]`.

    Args:
        height: Rows.
        width: Columns.
        device: Where the tensor goes.
    """
    rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
    return torch.cartesian_prod(rows, columns)
