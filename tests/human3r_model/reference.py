"""Reference files and networks with the deterministic fill, for the tests of the network."""

from functools import cache
from pathlib import Path

import numpy as np
import torch

from human3r_model.config import PRESETS
from human3r_model.reference_fill import build_reference_model

GOLDEN = Path(__file__).parents[1] / "golden"


def new_tiny_model(classifier_bias):
    """A tiny network with the deterministic fill, to change at will."""
    model = build_reference_model(PRESETS["tiny"])
    model.downstream_head.mlp_classif[2].bias.fill_(classifier_bias)
    return model


@cache
def tiny_model(classifier_bias):
    """The same, shared between tests; do not change it."""
    return new_tiny_model(classifier_bias)


def load(name):
    """The arrays of a reference file as tensors, by name."""
    with np.load(GOLDEN / name) as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def relative_error(ours, theirs):
    """max|a - b| / max(1, max|b|)."""
    return ((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1)).item()
