"""Sizes of every Human3R variant: plain numbers, no tensors, no torch."""

from dataclasses import dataclass
from typing import Literal, get_args

Precision = Literal["float32", "tf32", "bfloat16", "float16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True)
class ModelConfig:
    """Every size of one network; the defaults are what all published variants share.

    Args:
        name: Preset name, recorded beside the labels.
        dino_dim: Width of the DINOv2 person backbone.
        dino_depth: Its number of blocks.
        dino_heads: Its attention heads.
        dino_image_size: Side in pixels of the square picture it sees; a multiple of its patch.
        enc_dim: Width of the image encoder.
        enc_depth: Its number of blocks.
        enc_heads: Its attention heads.
        dec_dim: Width of both decoder streams and of a track's token.
        dec_depth: Number of decoder layers.
        dec_heads: Attention heads of the image stream and of the pose memory.
        state_heads: Attention heads of the state stream.
        state_tokens: Number of recurrent state tokens.
        memory_slots: Number of pose memory slots.
        patch_size: Side in pixels of an image encoder patch.
        dino_patch_size: Side in pixels of a DINOv2 patch.
        dino_position_grid: Side of DINOv2's learned position grid.
        mlp_ratio: Hidden width of a feed-forward layer over its input width.
        norm_eps: Epsilon of every LayerNorm.
        rope_base: Base of the rotary position frequencies.
        dpt_dims: Channels of the four dense-head levels, shallow to deep.
        dpt_features: Channels of the dense-head fusion.
        long_side: Long side in pixels of the picture the encoder is given.
        detection_threshold: Least score of a person.
        max_remembered_people: People a clip's tracker remembers; the longest unseen leave first.
    """

    name: str
    dino_dim: int
    dino_depth: int
    dino_heads: int
    dino_image_size: int
    enc_dim: int = 1024
    enc_depth: int = 24
    enc_heads: int = 16
    dec_dim: int = 768
    dec_depth: int = 12
    dec_heads: int = 12
    state_heads: int = 16
    state_tokens: int = 768
    memory_slots: int = 256
    patch_size: int = 16
    dino_patch_size: int = 14
    dino_position_grid: int = 37
    mlp_ratio: int = 4
    norm_eps: float = 1e-6
    rope_base: float = 100.0
    dpt_dims: tuple[int, int, int, int] = (96, 192, 384, 768)
    dpt_features: int = 256
    long_side: int = 512
    detection_threshold: float = 0.3
    max_remembered_people: int = 1024

    @property
    def dino_grid(self) -> int:
        """Patches a side of the picture DINOv2 sees."""
        return self.dino_image_size // self.dino_patch_size


PRESETS: dict[str, ModelConfig] = {
    config.name: config
    for config in (
        ModelConfig("672S", dino_dim=384, dino_depth=12, dino_heads=6, dino_image_size=672),
        ModelConfig("672B", dino_dim=768, dino_depth=12, dino_heads=12, dino_image_size=672),
        ModelConfig("672L", dino_dim=1024, dino_depth=24, dino_heads=16, dino_image_size=672),
        ModelConfig("896L", dino_dim=1024, dino_depth=24, dino_heads=16, dino_image_size=896),
        ModelConfig(
            "tiny",
            dino_dim=48,
            dino_depth=2,
            dino_heads=3,
            dino_image_size=112,
            enc_dim=64,
            enc_depth=2,
            enc_heads=4,
            dec_dim=48,
            dec_depth=4,
            dec_heads=4,
            state_heads=4,
            state_tokens=16,
            memory_slots=8,
            long_side=128,
        ),
        ModelConfig(
            "nano",
            dino_dim=128,
            dino_depth=8,
            dino_heads=4,
            dino_image_size=192,
            dino_patch_size=8,
            dino_position_grid=24,
            enc_dim=128,
            enc_depth=6,
            enc_heads=4,
            dec_dim=96,
            dec_depth=3,
            dec_heads=4,
            state_heads=4,
            state_tokens=32,
            memory_slots=16,
            mlp_ratio=2,
            dpt_dims=(24, 32, 48, 64),
            dpt_features=24,
            long_side=192,
            detection_threshold=0.25,
        ),
    )
}
