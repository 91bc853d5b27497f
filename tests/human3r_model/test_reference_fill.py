"""The deterministic fill: values of the published recipe, literally."""

import numpy as np
import pytest
import torch

from human3r_model.reference_fill import fill_tensor
from tests.human3r_model.reference import load, tiny_model


# First values of each kind of tensor, computed once with the recipe that made the reference files.
@pytest.mark.parametrize(
    ("name", "shape", "first"),
    [
        ("pose_token", (1, 1, 48), 0.0673840),
        ("enc_blocks.0.norm1.weight", (64,), 0.9717814),
        ("enc_blocks.0.norm1.bias", (64,), 0.1136640),
        ("enc_blocks.0.attn.qkv.weight", (192, 64), -0.01479440),
        ("patch_embed.proj.weight", (64, 3, 16, 16), 0.0031839),
        ("register_tokens.weight", (16, 64), -0.2592691),
        ("backbone.encoder.blocks.1.ls2.gamma", (48,), 0.3941385),
    ],
)
def test_values(name, shape, first):
    values = fill_tensor(name, shape)
    assert values.dtype == np.float32
    assert values.shape == shape
    assert values.ravel()[0] == pytest.approx(first, abs=1e-7)


def test_network_is_filled_everywhere():
    state = tiny_model(-1.0).state_dict()
    assert all(torch.isfinite(tensor).all() for tensor in state.values())
    prior = state["downstream_head.init_body_pose"].view(53, 6)
    assert (prior == torch.tensor([1.0, 0, 0, 1, 0, 0])).all()
    assert not state["downstream_head.init_betas"].any()
    memory = load("landscape_intermediates.npz")["000/memory_in"]
    assert torch.equal(state["pose_retriever.mem"][0], memory)
