"""Small stand-ins for published checkpoints, made from the tiny preset's key list."""

import argparse
import json
from pathlib import Path

import torch

from human3r_model.keys import ALIASES

KEYS = Path(__file__).parents[1] / "golden" / "tiny.keys.json"
MODEL_STRING = (
    "ARCroco3DStereo(ARCroco3DStereoConfig(freeze='encoder', state_size=16, pos_embed='RoPE100', "
    "pose_head=True, img_size=(512, 512), depth_mode=('exp', -inf, inf), enc_embed_dim=64, "
    "enc_depth=2, enc_num_heads=4, dec_embed_dim=48, dec_depth=4, dec_num_heads=4, "
    "state_dec_num_heads=4, local_mem_size=8, mhmr_img_res=112))"
)


class Payload:
    """Calls `function(*args)` when unpickled the ordinary way."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def tiny_state_dict():
    """Every tensor of a checkpoint of the tiny network, each filled with its place in the list.

    A tensor stores its one value once, so that the files are small.
    """
    shapes = json.loads(KEYS.read_text())
    state = {
        name: torch.tensor(float(place)).expand(shape)
        for place, (name, shape) in enumerate(shapes.items())
    }
    return state | {alias: state[name] for alias, name in ALIASES.items()}


def save_checkpoint(path, **changes):
    """Write a checkpoint as torch writes it; `changes` replace the top-level entries."""
    args = argparse.Namespace(model=MODEL_STRING, lr=1e-4)
    torch.save({"args": args, "model": tiny_state_dict(), "epoch": 40} | changes, path)
    return path
