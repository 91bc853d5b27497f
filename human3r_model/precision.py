"""In which precision a network computes; a choice of the run that is recorded beside its labels."""

import torch

from human3r_model.config import Precision
from human3r_model.mixed import MIXED
from human3r_model.model import Human3R

TRUNK = (
    "backbone",
    "patch_embed",
    "enc_blocks",
    "dec_blocks",
    "dec_blocks_state",
    "downstream_head.dpt_self",
    "downstream_head.dpt_cross",
)
"""Where the work is: all else (heads, pose memory, tracker, TTT3R's gate) stays float32."""


def set_precision(model: Human3R, precision: Precision) -> None:
    """Cast the matrices and convolutions of the trunk.

    Args:
        model: Changed in place.
        precision: "bfloat16" has float32's range and 8 bits of mantissa; on a GPU its products are
            an order of magnitude faster.
    """
    for part in TRUNK:
        for module in model.get_submodule(part).modules():
            if isinstance(module, MIXED):
                module.to(getattr(torch, precision))
