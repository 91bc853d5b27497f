"""Tensors inside the first two steps of a reference run, each against its stored value."""

import pytest
import torch

from human3r_model.backbone import fit_square
from human3r_model.recurrence import decode, state_positions
from human3r_model.seats import assign_seats
from tests.human3r_model.reference import load, relative_error, tiny_model

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def inside():
    """Our tensors by the reference's names."""
    model, frames = tiny_model(-1.0), load("landscape_ttt3r.npz")["frames"]
    state, ours = model.initial_state(1), {}
    with torch.inference_mode():
        for index in range(2):
            features = model.encode(frames[index : index + 1])
            found = features.detections
            seats = assign_seats(found.frame_index, 1)
            mean_token = features.image_tokens.mean(dim=1, keepdim=True)
            stream = model._image_stream(features, mean_token, seats, state)
            blocks = model.dec_blocks_state, model.dec_blocks
            decoded = decode(*blocks, state.tokens, stream, model.config)
            before, (_, state) = state, model.step(features, state)
            image = frames[index : index + 1].permute(0, 3, 1, 2) / 255 * 2 - 1
            for name, value in {
                "backbone_input": fit_square(image, 112)[0],
                "image_tokens": features.image_tokens[0],
                "image_feature": mean_token[0],
                "fused_human_tokens": found.human_token,
                "human_positions": found.patch,
                "state_positions": state_positions(16, frames.device),
                "state_in": before.tokens[0],
                "memory_in": before.memory[0],
                "pose_token_in": stream.tokens[0, :1],
                "decoder_hook_2": decoded.middle[0][0],
                "decoder_hook_3": decoded.middle[1][0],
                "decoder_hook_4": model.dec_norm(decoded.image)[0],
                "state_out": model.dec_norm_state(decoded.state)[0],
                "memory_out": state.memory[0],
            }.items():
                ours[f"{index:03}/{name}"] = value
    return ours


NAMES = [
    "backbone_input",
    "image_tokens",
    "image_feature",
    "fused_human_tokens",
    "human_positions",
    "state_positions",
    "state_in",
    "memory_in",
    "pose_token_in",
    "decoder_hook_4",
    "state_out",
    "memory_out",
]


@pytest.mark.parametrize("step", ["000", "001"])
@pytest.mark.parametrize("name", NAMES)
def test_tensor(inside, step, name):
    key = f"{step}/{name}"
    assert relative_error(inside[key], load("landscape_intermediates.npz")[key]) < TOLERANCE


@pytest.mark.parametrize("step", ["000", "001"])
@pytest.mark.parametrize("name", ["decoder_hook_2", "decoder_hook_3"])
def test_patches_of_the_middle_layers(inside, step, name):
    key = f"{step}/{name}"
    patches = load("landscape_intermediates.npz")[key][1:13]  # pose token, 12 patches, people
    assert relative_error(inside[key], patches) < TOLERANCE
