"""What carries a clip from frame to frame: two decoder streams, the pose memory, the state update.

Letters: B clips, S state tokens, N tokens of the image stream (1 pose token, L patches, Q padded
people), M memory slots, C decoder channels.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from human3r_model.config import ModelConfig
from human3r_model.layers import DecoderBlock
from human3r_model.rope import rotation

POSE_POSITION = -1
"""Row and column of the pose token."""


@dataclass(frozen=True)
class ImageStream:
    """The decoder's image side: pose token, patches, people, in this order.

    Args:
        tokens: `[B, N, C]`.
        positions: `[B, N, 2]` int64 (row, column).
        is_real: `[B, N]`, False where padded; None when nothing is.
        num_patches: L.
    """

    tokens: Tensor
    positions: Tensor
    is_real: Tensor | None
    num_patches: int


@dataclass(frozen=True)
class Decoded:
    """What the decoder made of one frame.

    Args:
        state: `[B, S, C]` before the final norm.
        middle: Patches `[B, L, C]` after half and after three quarters of the layers.
        image: `[B, N, C]`, the whole stream after the last layer, before the final norm.
        mean_logit: `[B, S]`, how strongly each state token was drawn to the image.
    """

    state: Tensor
    middle: tuple[Tensor, Tensor]
    image: Tensor
    mean_logit: Tensor


class PoseMemory(nn.Module):
    """A small memory from picture to pose, read before and written after each frame."""

    def __init__(self, config: ModelConfig) -> None:
        """Build it with the sizes of `config`."""
        super().__init__()
        dim = config.dec_dim
        sizes = (2 * dim, config.dec_heads, config.mlp_ratio, config.norm_eps)
        self.masked_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.mem = nn.Parameter(torch.zeros(1, config.memory_slots, 2 * dim))
        self.proj_q = nn.Linear(config.enc_dim, dim)
        self.write_blocks = nn.ModuleList(DecoderBlock(*sizes) for _ in range(2))
        self.read_blocks = nn.ModuleList(DecoderBlock(*sizes) for _ in range(2))

    def read(self, image_feature: Tensor, memory: Tensor) -> Tensor:
        """Recall a pose token for a picture.

        Args:
            image_feature: `[B, 1, C_enc]` mean encoder token.
            memory: `[B, M, 2C]`.

        Returns:
            `[B, 1, C]`.
        """
        query = self.proj_q(image_feature)
        query = torch.cat([query, self.masked_token.expand_as(query)], dim=-1)
        for block in self.read_blocks:
            query = block(query, memory)
        return query.chunk(2, dim=-1)[1]

    def write(self, image_feature: Tensor, pose_token: Tensor, memory: Tensor) -> Tensor:
        """Return the memory `[B, M, 2C]` after it has seen a picture and its pose token."""
        entry = torch.cat([self.proj_q(image_feature), pose_token], dim=-1)
        for block in self.write_blocks:
            memory = block(memory, entry)
        return memory


def state_positions(num_tokens: int, device: torch.device) -> Tensor:
    """Lay state tokens on a near-square grid of even width: `[S, 2]` int64 (row, column).

    Args:
        num_tokens: S.
        device: Where the tensor goes.
    """
    width = math.isqrt(num_tokens)
    width += width % 2
    index = torch.arange(num_tokens, device=device)
    return torch.stack([index // width, index % width], dim=-1)


def decode(
    state_blocks: nn.ModuleList,
    image_blocks: nn.ModuleList,
    state: Tensor,
    stream: ImageStream,
    config: ModelConfig,
) -> Decoded:
    """Let state and image look at each other, layer by layer, each at the other's previous output.

    Args:
        state_blocks: Layers of the state stream.
        image_blocks: Layers of the image stream.
        state: `[B, S, C]`.
        stream: The image stream.
        config: Sizes.
    """
    on_grid = state_positions(config.state_tokens, state.device).expand(len(state), -1, -1)
    state_dim = config.dec_dim // config.state_heads
    image_dim = config.dec_dim // config.dec_heads
    base, dtype = config.rope_base, state.dtype
    state_in_state = rotation(on_grid, state_dim, base, dtype)
    image_in_state = rotation(stream.positions, state_dim, base, dtype)
    state_in_image = rotation(on_grid, image_dim, base, dtype)
    image_in_image = rotation(stream.positions, image_dim, base, dtype)

    image, mask = stream.tokens, stream.is_real
    outputs, logits = [], []
    for state_block, image_block in zip(state_blocks, image_blocks, strict=True):
        next_state, logit = state_block(state, image, state_in_state, image_in_state, mask)
        image = image_block(image, state, image_in_image, state_in_image, mask)
        state = next_state
        outputs.append(image)
        logits.append(logit)
    patches = slice(1, 1 + stream.num_patches)
    half, three_quarters = config.dec_depth * 2 // 4, config.dec_depth * 3 // 4
    return Decoded(
        state=state,
        middle=(outputs[half - 1][:, patches], outputs[three_quarters - 1][:, patches]),
        image=image,
        mean_logit=torch.stack(logits).mean(dim=0),
    )


def gate_state(old: Tensor, new: Tensor, mean_logit: Tensor, is_first: Tensor) -> Tensor:
    """Update the state token by token as TTT3R does (arXiv 2509.26645).

    Args:
        old: `[B, S, C]`.
        new: `[B, S, C]`.
        mean_logit: `[B, S]`, mean cross-attention logit of each state token.
        is_first: `[B]`; there the new state is taken whole.
    """
    gate = mean_logit.sigmoid()[:, :, None]
    return torch.where(is_first[:, None, None], new, new * gate + old * (1 - gate))
