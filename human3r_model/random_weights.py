"""Seeded random weights, for trials without a trained checkpoint.

Every value comes from the seed and the tensor's name alone (numpy's PCG64), so it is the same on
every machine. The last layers are small and their biases stand for a plausible scene: a wall a
few metres away, upright people in front of it, a camera that hardly moves.
"""

import hashlib
import math

import numpy as np
import torch
from torch import Tensor

from human3r_model.config import PRESETS
from human3r_model.errors import InputError
from human3r_model.model import Human3R
from human3r_model.weights import LoadedModel, build_model

_HEAD = "downstream_head."
_OUTPUT_SCALE = 0.1
_FAR = math.log1p(4.0)  # points leave the network as p/|p| * expm1(|p|): 4 m

# Last layer of each head -> its bias, repeated to the tensor's length.
_OUTPUT_BIAS: dict[str, tuple[float, ...]] = {
    f"{_HEAD}dpt_self.head.4": (0.0, 0.0, _FAR, 0.0),
    f"{_HEAD}dpt_cross.head.4": (0.0, 0.0, _FAR, 0.0),
    f"{_HEAD}pose_head.mlp.fc2": (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
    f"{_HEAD}deccam.mlp.layers.2": (0.0, 0.0, math.log1p(3.0)),
    f"{_HEAD}decpose.mlp.layers.2": (0.0,),
    f"{_HEAD}decshape.mlp.layers.2": (0.0,),
    f"{_HEAD}decexpression.mlp.layers.2": (0.0,),
}
_CLASSIFIER = f"{_HEAD}mlp_classif.2"
_CLASSIFIER_BIAS = -1.0  # one to five people in a picture of the tiny preset
_IDENTITY_6D = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_UPRIGHT_6D = (
    1.0,
    0.0,
    0.0,
    -1.0,
    0.0,
    0.0,
)  # half a turn about x: the body's y up, the camera's down


def random_model(
    preset: str = "tiny", seed: int = 0, device: str | torch.device = "cpu"
) -> LoadedModel:
    """Build a network with random weights; what it says of a video means nothing.

    Args:
        preset: Name of the architecture.
        seed: Another seed, another network.
        device: Where the network is to run.

    Raises:
        InputError: No preset has that name.
    """
    if preset not in PRESETS:
        raise InputError(f"no preset {preset!r}: choose one of {', '.join(PRESETS)}")
    config = PRESETS[preset]
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in Human3R(config).state_dict().items()}
    tensors = {name: _fill(name, shape, seed) for name, shape in shapes.items()}
    description = f"{preset} with random weights (seed {seed}): untrained"
    return LoadedModel(
        model=build_model(description, config, tensors, device),
        config=config,
        weights_sha256=_sha256(tensors),
        is_untrained=True,
        description=description,
    )


def _fill(name: str, shape: tuple[int, ...], seed: int) -> Tensor:
    layer, _, leaf = name.rpartition(".")
    if layer in _OUTPUT_BIAS and leaf == "bias":
        bias = torch.tensor(_OUTPUT_BIAS[layer])
        return bias.repeat(shape[0] // len(bias))
    if name == f"{_CLASSIFIER}.bias":
        return torch.full(shape, _CLASSIFIER_BIAS)
    if name == f"{_HEAD}init_body_pose":
        joints = (shape[1] - 6) // 6
        return torch.tensor([_UPRIGHT_6D + _IDENTITY_6D * joints])
    if leaf in ("bias", "init_betas", "init_expression"):
        return torch.zeros(shape)
    if leaf == "gamma" or (leaf == "weight" and len(shape) == 1):
        return torch.ones(shape)
    values = torch.from_numpy(_normal(name, shape, seed))
    if leaf != "weight" or "register_tokens" in name:
        return values * 0.2  # tokens, position embeddings, memories
    values /= math.sqrt(math.prod(shape[1:]))
    return values * _OUTPUT_SCALE if layer in _OUTPUT_BIAS else values


def _normal(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    key = int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "little")
    generator = np.random.Generator(np.random.PCG64(key))
    return generator.standard_normal(shape, dtype=np.float32)


def _sha256(tensors: dict[str, Tensor]) -> str:
    """Identity of the weights: names, shapes and little-endian bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)}\n".encode())
        digest.update(tensors[name].numpy().astype("<f4").tobytes())
    return digest.hexdigest()
