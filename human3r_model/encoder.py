"""Blocks of the image encoder. Letters: B batch, N tokens, C channels."""

from torch import Tensor, nn

from human3r_model.layers import Attention, Mlp, attend, split_heads
from human3r_model.rope import Rotation


class EncoderAttention(Attention):
    """Self-attention of the image encoder, whose queries and keys pass through half precision.

    The published model rounds them to float16 before it rotates them, here and nowhere else;
    without it, float32 results differ from the reference by 1e-4 to 6e-3 (docs/parity.md).
    """

    def forward(self, x: Tensor, turn: Rotation | None, mask: Tensor | None) -> Tensor:
        """Let every token look at every real one; arguments as in `Attention.forward`."""
        q, k, v = (split_heads(part, self.num_heads) for part in self.qkv(x).chunk(3, dim=-1))
        q, k = q.half().to(v.dtype), k.half().to(v.dtype)
        if turn is not None:
            q, k = turn.apply(q), turn.apply(k)
        return self.proj(attend(q, k, v, mask))


class EncoderBlock(nn.Module):
    """Pre-norm transformer block of the image encoder."""

    def __init__(self, dim: int, num_heads: int, mlp_ratio: int, eps: float) -> None:
        """Build the block.

        Args:
            dim: Channels.
            num_heads: Attention heads.
            mlp_ratio: Hidden width over `dim`.
            eps: LayerNorm epsilon.
        """
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = EncoderAttention(dim, num_heads)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = Mlp(dim, dim * mlp_ratio, dim)

    def forward(self, x: Tensor, turn: Rotation) -> Tensor:
        """Map `[B, N, C]` to the same shape."""
        x = x + self.attn(self.norm1(x), turn, None)
        return x + self.mlp(self.norm2(x))
