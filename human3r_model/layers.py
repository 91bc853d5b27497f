"""Transformer parts shared by the backbones, the decoder, the pose memory and the heads.

They know tokens and rotations, nothing about images, people or time. Names of the submodules are
the published checkpoint's. Letters: B batch, N tokens, K key tokens, C channels, H heads,
D = C / H channels a head.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from human3r_model.mixed import Conv2d, Linear, widen
from human3r_model.rope import Rotation


class PatchEmbed(nn.Module):
    """Cut a picture into square patches and project each to a token."""

    def __init__(self, patch_size: int, dim: int) -> None:
        """Build the projection.

        Args:
            patch_size: Side of a patch in pixels.
            dim: Channels of a token.
        """
        super().__init__()
        self.proj = Conv2d(3, dim, kernel_size=patch_size, stride=patch_size)

    def forward(self, image: Tensor) -> Tensor:
        """Map `[B, 3, height, width]` to `[B, N, C]`, patches in row-major order."""
        return self.proj(image).flatten(2).transpose(1, 2)


class Mlp(nn.Module):
    """Two linear layers with the exact GELU between them."""

    def __init__(self, dim: int, hidden_dim: int, out_dim: int) -> None:
        """Build the layers.

        Args:
            dim: Input channels.
            hidden_dim: Channels between the layers.
            out_dim: Output channels.
        """
        super().__init__()
        self.fc1 = Linear(dim, hidden_dim)
        self.fc2 = Linear(hidden_dim, out_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[..., dim]` to `[..., out_dim]`."""
        return self.fc2(F.gelu(self.fc1(x)))


class Attention(nn.Module):
    """Multi-head self-attention, rotated where positions are given."""

    def __init__(self, dim: int, num_heads: int) -> None:
        """Build the projections.

        Args:
            dim: Channels C.
            num_heads: Heads H.
        """
        super().__init__()
        self.num_heads = num_heads
        self.qkv = Linear(dim, dim * 3)
        self.proj = Linear(dim, dim)

    def forward(self, x: Tensor, turn: Rotation | None, mask: Tensor | None) -> Tensor:
        """Let every token look at every real one.

        Args:
            x: `[B, N, C]`.
            turn: Rotation of the tokens, None for attention without positions.
            mask: `[B, N]`, False where a token is padding; None when there is none.
        """
        q, k, v = (split_heads(part, self.num_heads) for part in self.qkv(x).chunk(3, dim=-1))
        if turn is not None:
            q, k = turn.apply(q), turn.apply(k)
        return self.proj(attend(q, k, v, mask))


class CrossAttention(nn.Module):
    """Multi-head attention from one stream to another."""

    def __init__(self, dim: int, num_heads: int) -> None:
        """Build the projections.

        Args:
            dim: Channels C of both streams.
            num_heads: Heads H.
        """
        super().__init__()
        self.num_heads = num_heads
        self.projq = Linear(dim, dim)
        self.projk = Linear(dim, dim)
        self.projv = Linear(dim, dim)
        self.proj = Linear(dim, dim)

    def project(
        self, x: Tensor, y: Tensor, turn_x: Rotation | None, turn_y: Rotation | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Make queries of `x` `[B, N, C]` and keys and values of `y` `[B, K, C]`.

        Returns:
            q `[B, H, N, D]`, k and v `[B, H, K, D]`, q and k already rotated.
        """
        q = split_heads(self.projq(x), self.num_heads)
        k = split_heads(self.projk(y), self.num_heads)
        v = split_heads(self.projv(y), self.num_heads)
        if turn_x is not None and turn_y is not None:
            q, k = turn_x.apply(q), turn_y.apply(k)
        return q, k, v


class TwoStreamBlock(nn.Module):
    """Self-attention, attention to another stream, feed-forward: each pre-norm and residual."""

    def __init__(self, dim: int, num_heads: int, mlp_ratio: int, eps: float) -> None:
        """Build the block.

        Args:
            dim: Channels of both streams.
            num_heads: Attention heads.
            mlp_ratio: Hidden width over `dim`.
            eps: LayerNorm epsilon.
        """
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = Attention(dim, num_heads)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.norm_y = nn.LayerNorm(dim, eps=eps)
        self.cross_attn = CrossAttention(dim, num_heads)
        self.norm3 = nn.LayerNorm(dim, eps=eps)
        self.mlp = Mlp(dim, dim * mlp_ratio, dim)

    def update(
        self,
        x: Tensor,
        y: Tensor,
        turn_x: Rotation | None,
        turn_y: Rotation | None,
        mask_x: Tensor | None,
        mask_y: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Update one stream from another.

        Args:
            x: `[B, N, C]`, the stream to update.
            y: `[B, K, C]`, the stream to read.
            turn_x: Rotation of `x`, None without positions.
            turn_y: Rotation of `y`.
            mask_x: `[B, N]`, False where a token of `x` is padding.
            mask_y: `[B, K]`, likewise.

        Returns:
            The updated `x`, and queries `[B, H, N, D]` and keys `[B, H, K, D]` between the streams.
        """
        x = x + self.attn(self.norm1(x), turn_x, mask_x)
        q, k, v = self.cross_attn.project(self.norm2(x), self.norm_y(y), turn_x, turn_y)
        x = x + self.cross_attn.proj(attend(q, k, v, mask_y))
        return x + self.mlp(self.norm3(x)), q, k


class DecoderBlock(TwoStreamBlock):
    """The block as the image stream and the pose memory have it."""

    def forward(
        self,
        x: Tensor,
        y: Tensor,
        turn_x: Rotation | None = None,
        turn_y: Rotation | None = None,
        mask_x: Tensor | None = None,
        mask_y: Tensor | None = None,
    ) -> Tensor:
        """Return the updated `x`; arguments as in `update`."""
        return self.update(x, y, turn_x, turn_y, mask_x, mask_y)[0]


class StateBlock(TwoStreamBlock):
    """The block as the state has it: it also says how strongly each token was drawn to `y`."""

    def forward(
        self, x: Tensor, y: Tensor, turn_x: Rotation, turn_y: Rotation, mask_y: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the updated `x` and each token's mean logit `[B, N]`; arguments as in `update`."""
        x, q, k = self.update(x, y, turn_x, turn_y, None, mask_y)
        return x, mean_logit(q, k, mask_y)


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Map `[B, N, C]` to `[B, H, N, D]`."""
    return x.unflatten(-1, (num_heads, -1)).transpose(1, 2)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax attention over the real keys, heads joined again: `[B, N, C]`."""
    key_mask = None if mask is None else mask[:, None, None, :]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=key_mask).transpose(1, 2).flatten(2)


def mean_logit(q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over real keys and heads of the attention logits `q·k / sqrt(D)`.

    The mean over keys of `q·k` is `q·mean(k)`, so no N x K matrix is made.

    Args:
        q: `[B, H, N, D]`.
        k: `[B, H, K, D]`.
        mask: `[B, K]`, False where a key is padding; None when there is none.

    Returns:
        `[B, N]`.
    """
    q, k = widen(q), widen(k)
    if mask is None:
        mean_key = k.mean(dim=2)
    else:
        weight = mask.to(k.dtype) / mask.sum(dim=1, keepdim=True)  # [B, K]
        mean_key = torch.einsum("bhkd,bk->bhd", k, weight)
    return torch.einsum("bhnd,bhd->bhn", q, mean_key).mean(dim=1) / q.shape[-1] ** 0.5
