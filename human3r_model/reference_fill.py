"""The deterministic fill of the reference data: every tensor made from its name alone.

A network filled this way is what the reference files were computed with, so no weights need to be
at hand to compare with them, at any size.
"""

import hashlib
import math

import numpy as np
import torch
from numpy.typing import NDArray

from human3r_model.config import ModelConfig
from human3r_model.heads import NUM_ROTATIONS
from human3r_model.model import Human3R

IDENTITY_6D = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
PRIOR_PREFIX = "downstream_head.init_"


def build_reference_model(config: ModelConfig) -> Human3R:
    """Build a float32 network on the CPU with every tensor filled from its name.

    Memory is taken once for the network and once for its largest tensor.

    Args:
        config: Sizes.
    """
    with torch.device("meta"):
        model = Human3R(config)
    model = model.to_empty(device="cpu").requires_grad_(False).eval()
    for name, tensor in model.state_dict().items():
        if name.startswith(PRIOR_PREFIX):
            tensor.zero_()
        else:
            tensor.copy_(torch.from_numpy(fill_tensor(name, tuple(tensor.shape))))
    body_pose = torch.tensor(IDENTITY_6D * NUM_ROTATIONS)
    model.downstream_head.init_body_pose.copy_(body_pose[None])
    return model


def fill_tensor(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the values of a tensor, from PCG64 seeded with its name's SHA-256.

    Args:
        name: Name in the state dict.
        shape: At least one axis.
    """
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    values = np.random.Generator(np.random.PCG64(seed)).standard_normal(shape, dtype=np.float32)
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "weight" and len(shape) >= 2 and "register_tokens" not in name:
        values /= np.float32(math.sqrt(math.prod(shape[1:])))
    elif leaf == "weight" and len(shape) == 1:  # norms
        values = 1 + np.float32(0.1) * values
    elif leaf == "gamma":  # layer scale
        values = np.float32(0.5) + np.float32(0.1) * values
    elif leaf == "bias":
        values *= np.float32(0.1)
    else:  # tokens, position embeddings, memories
        values *= np.float32(0.2)
    return values
