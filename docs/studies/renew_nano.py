"""Begins the camera of nano weights anew, to train on from there.

Run: python docs/studies/renew_nano.py OLD NEW
     python -m jobs.train_nano OUT --learn camera --start-from NEW

The pose head of the fourth weights answers nothing any more (docs/nano.md), so that nothing below
it learns. What compares frames is random again: that head, the pose memory, the state, and the
cross-attention between state and picture. This begins by looking at neighbours (as ConViT does,
arXiv 2103.10697): biases of queries and keys that RoPE turns into a preference for one offset. That
is for a state on the picture's grid: say `state_tokens=144` for nano in human3r_model/config.py
first, one for each patch of a square picture.
"""

import hashlib
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from human3r_model.config import PRESETS
from human3r_model.random_weights import random_model
from human3r_model.rope import rotation
from human3r_model.weights import write_weights

CONFIG = PRESETS["nano"]
RENEWED = (
    *("pose_token", "pose_retriever.", "downstream_head.pose_head."),
    *("register_tokens", "decoder_embed_state", "dec_blocks_state", "dec_norm_state"),
)
STRENGTH = 4.5
"""Length of the biases; a head's logits are their products over the root of its width."""
QUIET = 0.3
"""What the picture hears from the state at first, so that people are still found in it."""
Place = tuple[int, int]
NEIGHBOURS: dict[str, tuple[Place, ...]] = {
    "dec_blocks_state.0": ((0, 0), (0, 0)),
    "dec_blocks.0": ((0, 0), (0, 1), (0, -1)),
    "dec_blocks.1": ((0, 0), (1, 0), (-1, 0)),
    "dec_blocks.2": ((0, 0),),
}
"""Of a block, so many heads look at a token so many rows and columns away; the rest anywhere."""


def look_at(offset: Place, dim: int) -> tuple[Tensor, Tensor]:
    """Biases [dim] of queries and keys whose product is greatest at keys `offset` away."""
    ahead = rotation(torch.tensor([[offset]]), dim, CONFIG.rope_base, torch.float32)
    straight = torch.zeros(2, 2, dim // 4)
    straight[:, 0] = 1  # of each pair of channels the first
    key = straight.flatten()
    return ahead.apply(key[None, None, None]).flatten(), key


def main() -> None:
    """Read OLD, write NEW."""
    old, new = map(Path, sys.argv[1:3])
    tensors = dict(random_model(CONFIG.name).model.state_dict())
    tensors |= {
        name: value.float()
        for name, value in load_file(old).items()
        if not name.startswith(RENEWED) and ".cross_attn." not in name
    }
    for layer in range(CONFIG.dec_depth):
        tensors[f"dec_blocks.{layer}.cross_attn.proj.weight"] *= QUIET
    dim = CONFIG.dec_dim // CONFIG.dec_heads
    for block, offsets in NEIGHBOURS.items():
        for head, offset in enumerate(offsets):
            channels = slice(head * dim, (head + 1) * dim)
            for name, bias in zip(("projq", "projk"), look_at(offset, dim), strict=True):
                layer = f"{block}.cross_attn.{name}"
                tensors[f"{layer}.bias"][channels] = STRENGTH * bias
                tensors[f"{layer}.weight"][channels] /= 2
    write_weights(new, CONFIG, tensors, source_sha256=hashlib.sha256(old.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
