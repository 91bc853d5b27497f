"""What is read off the decoded tokens: camera, points, people.

Letters: B clips, P people (flat), Q most people in one clip, N tokens, L patches, C decoder
channels, H and W pixels.
Names of the submodules are the published checkpoint's. Cameras are OpenCV's: x right, y down,
z forward; lengths are metres.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from human3r_model.config import ModelConfig
from human3r_model.dpt import DptHead
from human3r_model.layers import Attention, Mlp
from human3r_model.mixed import widen
from human3r_model.rope import Rotation
from human3r_model.seats import Seats
from human3r_model.values import Detections, People

NUM_ROTATIONS = 53
"""SMPL-X: global, 21 body, 15 left hand, 15 right hand, jaw."""
NUM_SHAPE = 10
NUM_EXPRESSION = 10
LEAST_NORM = 1e-8
LEAST_COLUMN_NORM = 1e-6


class PoseHead(nn.Module):
    """Camera pose of the decoded pose token."""

    def __init__(self, dim: int, mlp_ratio: int) -> None:
        """Build it for tokens of `dim` channels."""
        super().__init__()
        self.mlp = Mlp(dim, dim * mlp_ratio, 7)

    def forward(self, pose_token: Tensor) -> Tensor:
        """Map `[B, C]` to `[B, 7]`: tx ty tz, quaternion w x y z of unit norm, w >= 0."""
        translation, quaternion = self.mlp(pose_token).split((3, 4), dim=-1)
        quaternion = F.normalize(quaternion, dim=-1)
        upper = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
        return torch.cat([expand_norm(translation), upper], dim=-1)


class TokenMlp(nn.Module):
    """Two linear layers with the exact GELU, under the checkpoint's names."""

    def __init__(self, dim: int, hidden_dim: int, out_dim: int) -> None:
        """Build the layers.

        Args:
            dim: Input channels.
            hidden_dim: Channels between the layers.
            out_dim: Output channels.
        """
        super().__init__()
        layers = nn.Sequential(
            nn.Linear(dim, hidden_dim), nn.GELU(), nn.Linear(hidden_dim, out_dim)
        )
        self.mlp = nn.ModuleDict({"layers": layers})

    def forward(self, x: Tensor) -> Tensor:
        """Map `[..., dim]` to `[..., out_dim]`."""
        return self.mlp["layers"](x)


class ModulatedNorm(nn.Module):
    """LayerNorm shifted and scaled by the pose token."""

    def __init__(self, dim: int, eps: float) -> None:
        """Build it for `dim` channels."""
        super().__init__()
        self.norm = nn.LayerNorm(dim, eps=eps)
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(dim, 2 * dim))

    def forward(self, x: Tensor, pose_token: Tensor) -> Tensor:
        """Map `[B, N, C]`, modulated by `[B, C]`, to the same shape."""
        shift, scale = self.mlp(pose_token)[:, None].chunk(2, dim=-1)
        return self.norm(x) * (1 + scale) + shift


class ModulatedBlock(nn.Module):
    """Transformer block that carries tokens into the frame the pose token stands for."""

    def __init__(self, dim: int, num_heads: int, mlp_ratio: int, eps: float) -> None:
        """Build the block.

        Args:
            dim: Channels.
            num_heads: Attention heads.
            mlp_ratio: Hidden width over `dim`.
            eps: LayerNorm epsilon.
        """
        super().__init__()
        self.norm1 = ModulatedNorm(dim, eps)
        self.attn = Attention(dim, num_heads)
        self.norm2 = ModulatedNorm(dim, eps)
        self.mlp = Mlp(dim, dim * mlp_ratio, dim)

    def forward(self, x: Tensor, pose_token: Tensor, turn: Rotation) -> Tensor:
        """Map `[B, N, C]`, modulated by `[B, C]`, to the same shape."""
        x = x + self.attn(self.norm1(x, pose_token), turn, None)
        return x + self.mlp(self.norm2(x, pose_token))


class DownstreamHead(nn.Module):
    """All heads of the network, person detection included."""

    init_body_pose: Tensor
    init_betas: Tensor
    init_expression: Tensor

    def __init__(self, config: ModelConfig) -> None:
        """Build them with the sizes of `config`."""
        super().__init__()
        dim, ratio = config.dec_dim, config.mlp_ratio
        dino, person = config.dino_dim, config.dec_dim + config.dino_dim
        fused, num_pose = config.dino_dim + config.enc_dim, NUM_ROTATIONS * 6
        self.register_buffer("init_body_pose", torch.zeros(1, num_pose))
        self.register_buffer("init_betas", torch.zeros(1, NUM_SHAPE))
        self.register_buffer("init_expression", torch.zeros(1, NUM_EXPRESSION))
        self.dpt_self = DptHead(config, out_channels=4)
        self.final_transform = nn.ModuleList(
            ModulatedBlock(dim, config.dec_heads, ratio, config.norm_eps) for _ in range(2)
        )
        self.dpt_cross = DptHead(config, out_channels=4)
        self.pose_head = PoseHead(dim, ratio)
        self.mlp_classif = nn.Sequential(nn.Linear(dino, dino), nn.ReLU(), nn.Linear(dino, 1))
        self.mlp_offset = nn.Sequential(nn.Linear(dino, dino), nn.ReLU(), nn.Linear(dino, 2))
        self.mlp_msk = TokenMlp(dino, dino, config.dino_patch_size**2)
        self.mlp_fuse = TokenMlp(fused, fused * ratio, dim)
        self.deccam = TokenMlp(dim, dim * ratio, 3)
        self.decpose = TokenMlp(person, person * ratio, num_pose)
        self.decshape = TokenMlp(person, person * ratio, NUM_SHAPE)
        self.decexpression = TokenMlp(person, person * ratio, NUM_EXPRESSION)

    def points(self, hooks: tuple[Tensor, ...], grid_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Place every pixel in the camera's frame.

        Args:
            hooks: Four token tensors `[B, L, C_i]`, shallow to deep.
            grid_hw: Patches down and across.

        Returns:
            Points `[B, H, W, 3]` in metres (z is depth) and confidence `[B, H, W]`, at least 1.
        """
        return _split_points(self.dpt_self(hooks, grid_hw))

    def world_points(
        self,
        hooks: tuple[Tensor, ...],
        grid_hw: tuple[int, int],
        pose_token: Tensor,
        turn: Rotation,
    ) -> tuple[Tensor, Tensor]:
        """Place every pixel in the world's frame.

        Args:
            hooks: Four token tensors `[B, L, C_i]`, shallow to deep.
            grid_hw: Patches down and across.
            pose_token: `[B, C]` decoded.
            turn: Rotation of the patches.

        Returns:
            As `points`.
        """
        last = hooks[-1]
        for block in self.final_transform:
            last = block(last, pose_token, turn)
        return _split_points(self.dpt_cross((*hooks[:-1], last), grid_hw))

    def people(
        self, found: Detections, seats: Seats, human_tokens: Tensor, track_id: Tensor
    ) -> People:
        """Read SMPL-X parameters off each person's tokens.

        Args:
            found: One frame a clip, P people.
            seats: Where they sit.
            human_tokens: `[B, Q, C]` decoded.
            track_id: `[B, Q]` int64.
        """
        token = seats.gather(human_tokens)
        person = torch.cat([token, found.dino_token], dim=-1)
        columns = (self.decpose(person) + self.init_body_pose).unflatten(-1, (NUM_ROTATIONS, 3, 2))
        return People(
            clip_index=found.frame_index,
            track_id=seats.gather(track_id),
            score=found.score,
            head_px=found.head_px,
            padded_head_px=found.padded_head_px,
            patch=found.patch,
            rotations=gram_schmidt(columns),
            betas=self.decshape(person) + self.init_betas,
            expression=self.decexpression(person) + self.init_expression,
            head_position=expand_norm(self.deccam(token)),
        )


def expand_norm(v: Tensor) -> Tensor:
    """Stretch vectors `[..., 3]` from log to metric length: `v/|v| * expm1(|v|)`."""
    norm = v.norm(dim=-1, keepdim=True)
    return v / norm.clamp(min=LEAST_NORM) * norm.expm1()


def gram_schmidt(columns: Tensor) -> Tensor:
    """Make rotations `[..., 3, 3]` of two columns `[..., 3, 2]` (arXiv 1812.07035)."""
    first, second = columns.unbind(-1)
    x = F.normalize(first, dim=-1, eps=LEAST_COLUMN_NORM)
    y = second - (x * second).sum(dim=-1, keepdim=True) * x
    y = F.normalize(y, dim=-1, eps=LEAST_COLUMN_NORM)
    return torch.stack([x, y, torch.linalg.cross(x, y, dim=-1)], dim=-1)


def _split_points(dense: Tensor) -> tuple[Tensor, Tensor]:
    """Read a dense head's raw map `[B, 4, H, W]`: points and confidence."""
    dense = widen(dense)
    points = expand_norm(dense[:, :3].permute(0, 2, 3, 1))
    return points, 1 + dense[:, 3].exp()
