"""The network's tensors are the published checkpoint's: every name and every shape."""

import json
from pathlib import Path

import pytest
import torch

from human3r_model.config import PRESETS
from human3r_model.keys import ALIASES, unused_reason
from human3r_model.model import Human3R

GOLDEN = Path(__file__).parents[1] / "golden"


def state_shapes(preset):
    with torch.device("meta"):
        model = Human3R(PRESETS[preset])
    return {name: list(tensor.shape) for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("preset", ["tiny", "896L"])
def test_network_unused_and_aliases_are_the_checkpoint_exactly(preset):
    checkpoint = json.loads((GOLDEN / f"{preset}.keys.json").read_text())
    needed = {
        name: shape
        for name, shape in checkpoint.items()
        if unused_reason(name) is None and name not in ALIASES
    }
    assert state_shapes(preset) == needed


@pytest.mark.parametrize("preset", ["tiny", "896L"])
def test_aliases_are_in_the_checkpoint_with_the_shape_of_what_they_name(preset):
    checkpoint = json.loads((GOLDEN / f"{preset}.keys.json").read_text())
    assert all(checkpoint[alias] == checkpoint[name] for alias, name in ALIASES.items())
    assert len(ALIASES) == 8


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("masked_smpl_token", "dropped in training"),
        ("enc_blocks_ray_map.1.attn.qkv.bias", "ray-map"),
        ("downstream_head.dpt_rgb.head.4.bias", "colour"),
        ("downstream_head.init_cam", "camera prior"),
    ],
)
def test_unused_tensors_have_a_reason(name, words):
    assert words in unused_reason(name)


@pytest.mark.parametrize("name", ["pose_token", "my.pose_token", "enc_blocks.0.norm1.bias"])
def test_what_is_not_listed_is_not_unused(name):
    assert unused_reason(name) is None


# Parameters of DINOv2 ViT-S, B and L with patch 14 (its 384, 768, 1024 mask token values left out).
@pytest.mark.parametrize(
    ("preset", "num_parameters"),
    [("672S", 22056192), ("672B", 86579712), ("672L", 304367616), ("896L", 304367616)],
)
def test_presets_differ_in_the_person_backbone_only(preset, num_parameters):
    shapes = state_shapes(preset)
    backbone = [shape for name, shape in shapes.items() if name.startswith("backbone.")]
    assert sum(torch.Size(shape).numel() for shape in backbone) == num_parameters
    assert shapes["dec_blocks.11.mlp.fc1.weight"] == [3072, 768]
