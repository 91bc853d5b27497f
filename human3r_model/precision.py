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
LAST_LAYERS = ("downstream_head.dpt_self.head.4", "downstream_head.dpt_cross.head.4")
"""Points leave here: rounding them once more would double the error of depth (docs/parity.md)."""


def set_precision(model: Human3R, precision: Precision) -> None:
    """Cast the matrices and convolutions of the trunk, and say how float32 is multiplied.

    The latter is torch's setting for the whole process: a process runs one network.

    Args:
        model: Changed in place.
        precision: "float32" is IEEE's. On a GPU, "tf32" multiplies float32 by 11 bits of mantissa,
            as the published code does; products of 16 bits are an order of magnitude faster than
            float32's: "bfloat16" has its range and 8 bits, "float16" 11 bits and ends at 65504.
            With either, what stays float32 is multiplied as with "tf32".
    """
    set_products(precision)
    stored = torch.float32 if precision == "tf32" else getattr(torch, precision)
    kept = [model.get_submodule(name) for name in LAST_LAYERS]
    for part in TRUNK:
        for module in model.get_submodule(part).modules():
            if isinstance(module, MIXED) and module not in kept:
                module.to(stored)


def set_products(precision: Precision) -> None:
    """Say how this process multiplies float32 on a GPU: in IEEE's way for "float32" alone.

    Products of 16 bits are summed in 32: else partial sums may be rounded, or overflow, by how many
    clips go side by side. Who runs networks of two precisions in turns says it before each.
    """
    torch.backends.cuda.matmul.allow_tf32 = precision != "float32"
    torch.backends.cudnn.allow_tf32 = precision != "float32"
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
