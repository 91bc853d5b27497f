"""Dense prediction head (DPT, arXiv 2103.13413): four token maps in, one number map out.

Letters: B batch, N tokens, h and w patches down and across, H = 16 h and W = 16 w pixels.
Names of the submodules are the published checkpoint's.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from human3r_model.config import ModelConfig
from human3r_model.mixed import Conv2d, ConvTranspose2d


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, dim: int) -> None:
        """Build the convolutions of `dim` channels."""
        super().__init__()
        self.conv1 = Conv2d(dim, dim, 3, padding=1)
        self.conv2 = Conv2d(dim, dim, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, height, width]` to the same shape."""
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class Fusion(nn.Module):
    """Refine the deepest level and double its resolution."""

    def __init__(self, dim: int) -> None:
        """Build the convolutions of `dim` channels."""
        super().__init__()
        self.resConfUnit2 = ResidualUnit(dim)
        self.out_conv = Conv2d(dim, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, height, width]` to `[B, C, 2 height, 2 width]`.

        The reference enlarges before `out_conv`; a 1x1 convolution commutes with interpolation
        (its weights sum to one), so the four times cheaper order gives the same numbers.
        """
        return enlarge(self.out_conv(self.resConfUnit2(x)))


class SkipFusion(Fusion):
    """Fusion that first adds the next shallower level."""

    def __init__(self, dim: int) -> None:
        """Build the convolutions of `dim` channels."""
        super().__init__(dim)
        self.resConfUnit1 = ResidualUnit(dim)

    def forward_with_skip(self, deeper: Tensor, skip: Tensor) -> Tensor:
        """Fuse two maps `[B, C, height, width]` into `[B, C, 2 height, 2 width]`."""
        return self(deeper + self.resConfUnit1(skip))


class Scratch(nn.Module):
    """The fusion ladder under the checkpoint's names."""

    def __init__(self, config: ModelConfig) -> None:
        """Build it with the sizes `dpt_*` of `config`."""
        super().__init__()
        features = config.dpt_features
        self.layer_rn = nn.ModuleList(
            Conv2d(dim, features, 3, padding=1, bias=False) for dim in config.dpt_dims
        )
        self.refinenet1 = SkipFusion(features)
        self.refinenet2 = SkipFusion(features)
        self.refinenet3 = SkipFusion(features)
        self.refinenet4 = Fusion(features)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Fuse four levels, shallow to deep (4h, 2h, h, h/2 rows), to `[B, C, 8h, 8w]`."""
        level1, level2, level3, level4 = (
            conv(level) for conv, level in zip(self.layer_rn, levels, strict=True)
        )
        height, width = level3.shape[-2:]
        path = self.refinenet4(level4)[..., :height, :width]
        path = self.refinenet3.forward_with_skip(path, level3)
        path = self.refinenet2.forward_with_skip(path, level2)
        return self.refinenet1.forward_with_skip(path, level1)


class DptHead(nn.Module):
    """Tokens of four depths to one map at the picture's resolution."""

    def __init__(self, config: ModelConfig, out_channels: int) -> None:
        """Build the head.

        Args:
            config: Sizes `dpt_*`, `enc_dim`, `dec_dim`.
            out_channels: Channels of the map.
        """
        super().__init__()
        dim1, dim2, dim3, dim4 = config.dpt_dims
        features, half = config.dpt_features, config.dpt_features // 2
        self.act_postprocess = nn.ModuleList(
            [
                nn.Sequential(
                    Conv2d(config.enc_dim, dim1, 1), ConvTranspose2d(dim1, dim1, 4, stride=4)
                ),
                nn.Sequential(
                    Conv2d(config.dec_dim, dim2, 1), ConvTranspose2d(dim2, dim2, 2, stride=2)
                ),
                nn.Sequential(Conv2d(config.dec_dim, dim3, 1)),
                nn.Sequential(
                    Conv2d(config.dec_dim, dim4, 1),
                    Conv2d(dim4, dim4, 3, stride=2, padding=1),
                ),
            ]
        )
        self.scratch = Scratch(config)
        self.head = nn.Sequential(
            Conv2d(features, half, 3, padding=1),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
            Conv2d(half, half, 3, padding=1),
            nn.ReLU(),
            Conv2d(half, out_channels, 1),
        )

    def forward(self, hooks: tuple[Tensor, ...], grid_hw: tuple[int, int]) -> Tensor:
        """Predict the map.

        Args:
            hooks: Four token tensors `[B, h*w, C_i]`, shallow to deep.
            grid_hw: h, w.

        Returns:
            `[B, out_channels, H, W]`.
        """
        levels = [
            layer(tokens.transpose(1, 2).unflatten(2, grid_hw))
            for layer, tokens in zip(self.act_postprocess, hooks, strict=True)
        ]
        return self.head(self.scratch(levels))


def enlarge(x: Tensor) -> Tensor:
    """Double the resolution, corners kept on corners."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
