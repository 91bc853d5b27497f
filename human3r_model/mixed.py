"""Layers whose matrix products run in their weights' precision, whatever they are handed.

A layer whose weights were cast to 16 bits takes float32 too and answers in 16 bits. Sums of
residuals stay float32, since adding 16 bits to float32 gives float32; so do norms, and `widen`
keeps what ends in metres, scores or names. With float32 weights the layers are torch's own.
"""

import torch
from torch import Tensor, nn


class Linear(nn.Linear):
    """`nn.Linear` in its weights' precision."""

    def forward(self, x: Tensor) -> Tensor:
        """Map `[..., in]` to `[..., out]`."""
        return super().forward(x.to(self.weight.dtype))


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` in its weights' precision."""

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, height, width]` to the convolved map."""
        return super().forward(x.to(self.weight.dtype))


class ConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` in its weights' precision."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map `[B, C, height, width]` to the enlarged map."""
        return super().forward(x.to(self.weight.dtype), output_size)


MIXED = (Linear, Conv2d, ConvTranspose2d)


def widen(x: Tensor) -> Tensor:
    """The same values in float32, or in float64 where they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
