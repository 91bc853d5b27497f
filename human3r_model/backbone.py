"""DINOv2 (arXiv 2304.07193), the person backbone: a square picture to patch tokens.

Letters: B batch, S side of the picture in pixels, G = S / 14 patches a side, C channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from human3r_model.config import ModelConfig
from human3r_model.layers import Attention, Mlp, PatchEmbed

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
PADDING_VALUE = -1.0
POSITION_OFFSET = 0.1
"""DINOv2 adds it to the target size before the scale factor is formed."""


class LayerScale(nn.Module):
    """A learned factor a channel."""

    def __init__(self, dim: int) -> None:
        """Build the factors, one for each of `dim` channels."""
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Scale `[..., C]`."""
        return x * self.gamma


class DinoBlock(nn.Module):
    """Pre-norm transformer block whose two branches are scaled."""

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
        self.attn = Attention(dim, num_heads)
        self.ls1 = LayerScale(dim)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = Mlp(dim, dim * mlp_ratio, dim)
        self.ls2 = LayerScale(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, N, C]` to the same shape."""
        x = x + self.ls1(self.attn(self.norm1(x), None, None))
        return x + self.ls2(self.mlp(self.norm2(x)))


class DinoV2(nn.Module):
    """The vision transformer with class token and interpolated position embedding."""

    def __init__(self, config: ModelConfig) -> None:
        """Build it with the sizes `dino_*` of `config`."""
        super().__init__()
        dim = config.dino_dim
        self.position_grid = config.dino_position_grid
        self.grid = config.dino_grid
        self.patch_embed = PatchEmbed(config.dino_patch_size, dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.position_grid**2, dim))
        self.blocks = nn.ModuleList(
            DinoBlock(dim, config.dino_heads, config.mlp_ratio, config.norm_eps)
            for _ in range(config.dino_depth)
        )
        self.norm = nn.LayerNorm(dim, eps=config.norm_eps)

    def forward(self, image: Tensor) -> Tensor:
        """Map `[B, 3, S, S]` (ImageNet-normalised) to patch tokens `[B, G*G, C]`, row-major."""
        tokens = self.patch_embed(image)
        x = torch.cat([self.cls_token.expand(len(image), -1, -1), tokens], dim=1)
        x = x + self._position_embedding()
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, 1:])

    def _position_embedding(self) -> Tensor:
        """Interpolate the learned grid to this picture's: `[1, 1 + G*G, C]`."""
        learned = self.pos_embed[:, 1:].unflatten(1, (self.position_grid, -1)).permute(0, 3, 1, 2)
        scale = (self.grid + POSITION_OFFSET) / self.position_grid
        patches = F.interpolate(learned, scale_factor=(scale, scale), mode="bicubic")
        return torch.cat([self.pos_embed[:, :1], patches.flatten(2).transpose(1, 2)], dim=1)


class DinoBackbone(nn.Module):
    """DINOv2 under the name the checkpoint has for it."""

    def __init__(self, config: ModelConfig) -> None:
        """Build it with the sizes `dino_*` of `config`."""
        super().__init__()
        self.encoder = DinoV2(config)

    def forward(self, image: Tensor) -> Tensor:
        """Map `[B, 3, S, S]` (ImageNet-normalised) to patch tokens `[B, G*G, C]`, row-major."""
        return self.encoder(image)


def fit_square(image: Tensor, side: int) -> Tensor:
    """Make DINOv2's input of the image encoder's: fit, centre, pad, normalise as ImageNet.

    Args:
        image: `[B, 3, height, width]` in [-1, 1].
        side: S, pixels.

    Returns:
        `[B, 3, S, S]`.
    """
    height, width = image.shape[-2:]
    scale = min(side / height, side / width)
    fit_height, fit_width = int(height * scale), int(width * scale)
    fit = F.interpolate(image, size=(fit_height, fit_width), mode="bilinear", align_corners=False)
    top, left = (side - fit_height) // 2, (side - fit_width) // 2
    borders = (left, side - fit_width - left, top, side - fit_height - top)
    padded = F.pad(fit, borders, value=PADDING_VALUE)
    mean = image.new_tensor(IMAGENET_MEAN)[:, None, None]
    std = image.new_tensor(IMAGENET_STD)[:, None, None]
    return (padded * 0.5 + 0.5 - mean) / std
