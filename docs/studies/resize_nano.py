"""Gives old nano weights the grid and the depth of today's preset, to train on from there.

Run: python docs/studies/resize_nano.py OLD NEW
     python -m jobs.train_nano OUT --start-from NEW

Kernels are resized so that a patch gives the token it gave when it was resized instead (FlexiViT,
arXiv 2212.08013, sec. 3.4); positions and masks are interpolated. Where the preset has more blocks,
copies that add nothing yet come between the old ones.
"""

import hashlib
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from human3r_model.config import PRESETS
from human3r_model.weights import write_weights

CONFIG = PRESETS["nano"]
BACKBONE = "backbone.encoder."
MASK = "downstream_head.mlp_msk.mlp.layers.2."


def resize_kernel(kernel: Tensor, side: int) -> Tensor:
    """[C, 3, K, K] to [C, 3, side, side]: what it makes of a patch of `side`, resized to K."""
    pixels = torch.eye(side * side).view(-1, 1, side, side)
    enlarged = F.interpolate(pixels, kernel.shape[-2:], mode="bilinear", align_corners=False)
    return torch.einsum("pij,ckij->ckp", enlarged[:, 0], kernel).unflatten(-1, (side, side))


def resize_positions(positions: Tensor, side: int) -> Tensor:
    """[1, 1 + K*K, C] to [1, 1 + side*side, C]."""
    old = int((positions.shape[1] - 1) ** 0.5)
    grid = positions[:, 1:].unflatten(1, (old, old)).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, (side, side), mode="bicubic", align_corners=False)
    return torch.cat([positions[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)


def resize_outputs(values: Tensor, side: int) -> Tensor:
    """[K*K, ...] pixels of a patch to [side*side, ...]."""
    old = int(len(values) ** 0.5)
    square = values.reshape(old, old, -1).permute(2, 0, 1)[:, None]
    small = F.interpolate(square, (side, side), mode="area")[:, 0]
    return small.permute(1, 2, 0).reshape(side * side, *values.shape[1:])


def deepen(tensors: dict[str, Tensor], prefix: str, depth: int) -> dict[str, Tensor]:
    """Spread the blocks `prefix`N evenly over `depth`; those between them add 0 to their input."""
    blocks: dict[int, dict[str, Tensor]] = {}
    kept = {}
    for name, value in tensors.items():
        if name.startswith(prefix):
            index, part = name.removeprefix(prefix).split(".", 1)
            blocks.setdefault(int(index), {})[part] = value
        else:
            kept[name] = value
    places = torch.linspace(0, depth - 1, len(blocks)).round().int().tolist()
    for place in range(depth):
        source = next(index for index, at in enumerate(places) if at >= place)
        for part, value in blocks[source].items():
            adds = place in places or not part.startswith(("attn.proj.", "mlp.fc2."))
            kept[f"{prefix}{place}.{part}"] = value.clone() if adds else torch.zeros_like(value)
    return kept


def main() -> None:
    """Read OLD, write NEW."""
    old, new = map(Path, sys.argv[1:3])
    tensors = {name: value.float() for name, value in load_file(old).items()}
    tensors = deepen(tensors, f"{BACKBONE}blocks.", CONFIG.dino_depth)
    tensors = deepen(tensors, "enc_blocks.", CONFIG.enc_depth)
    for name, resize, size in (
        (f"{BACKBONE}patch_embed.proj.weight", resize_kernel, CONFIG.dino_patch_size),
        (f"{BACKBONE}pos_embed", resize_positions, CONFIG.dino_position_grid),
        (f"{MASK}weight", resize_outputs, CONFIG.dino_patch_size),
        (f"{MASK}bias", resize_outputs, CONFIG.dino_patch_size),
    ):
        tensors[name] = resize(tensors[name], size).contiguous()
    write_weights(new, CONFIG, tensors, source_sha256=hashlib.sha256(old.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
