"""16 bits where the work is, float32 where it matters; float32 weights change nothing."""

import copy

import pytest
import torch

from human3r_model.config import PRESETS
from human3r_model.mixed import Conv2d, ConvTranspose2d, Linear, widen
from human3r_model.precision import set_precision
from human3r_model.random_weights import random_model
from human3r_model.values import HeadSelection

# Small, since CPUs without instructions for 16 bits take a hundred times as long for a convolution.
FRAMES = torch.randint(0, 256, (2, 32, 64, 3), dtype=torch.uint8, generator=torch.manual_seed(0))


def run(model):
    features = model.encode(FRAMES)
    state, predictions = model.initial_state(1), []
    for frame in range(len(FRAMES)):
        heads = HeadSelection(pointmap=True, world_pointmap=True)
        now = features.select(torch.tensor([frame]))
        prediction, state = model.step(now, state, heads=heads)
        predictions.append(prediction)
    return features, state, predictions


@pytest.fixture(scope="module")
def models():
    exact = random_model("tiny").model
    rounded = copy.deepcopy(exact)
    set_precision(rounded, "bfloat16")
    return exact, rounded


def test_the_trunk_is_cast_and_the_heads_are_not(models):
    _, rounded = models
    cast = {name for name, p in rounded.named_parameters() if p.dtype == torch.bfloat16}
    assert "backbone.encoder.blocks.0.attn.qkv.weight" in cast
    assert "downstream_head.dpt_self.head.2.weight" in cast
    assert "downstream_head.dpt_self.head.4.weight" not in cast
    kept = [name for name in cast if name.startswith(("pose_retriever.", "downstream_head.dec"))]
    assert kept == []
    assert not any("norm" in name for name in cast)


def test_what_comes_out_is_float32_and_near(models):
    with torch.inference_mode():
        (exact, state, right), (rounded, rounded_state, near) = map(run, models)
    assert exact.detections.patch.tolist() == rounded.detections.patch.tolist()
    assert rounded_state.tokens.dtype == rounded_state.memory.dtype == torch.float32
    assert not torch.equal(state.tokens, rounded_state.tokens)
    for one, other in zip(right, near, strict=True):
        assert other.pointmap.dtype == other.people.rotations.dtype == torch.float32
        relative = (one.pointmap[..., 2] - other.pointmap[..., 2]).abs() / one.pointmap[..., 2]
        assert relative.median() < 0.005
        assert (one.camera_pose - other.camera_pose).abs().max() < 0.02
        assert (one.people.head_position - other.people.head_position).abs().max() < 0.05


@pytest.mark.parametrize(
    ("precision", "is_tf32"), [("tf32", True), ("float32", False), ("float16", True)]
)
def test_a_gpu_multiplies_float32_exactly_where_float32_was_asked_for(models, precision, is_tf32):
    set_precision(copy.deepcopy(models[0]), precision)
    assert torch.backends.cuda.matmul.allow_tf32 is is_tf32
    assert torch.backends.cudnn.allow_tf32 is is_tf32


def test_a_network_can_be_set_back(models):
    _, rounded = models
    again = copy.deepcopy(rounded)
    set_precision(again, "float32")
    assert {p.dtype for p in again.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("layer", "plain", "arguments", "shape"),
    [
        (Linear, torch.nn.Linear, (6, 4), (2, 6)),
        (Conv2d, torch.nn.Conv2d, (3, 4, 3), (1, 3, 5, 5)),
        (ConvTranspose2d, torch.nn.ConvTranspose2d, (3, 4, 2, 2), (1, 3, 5, 5)),
    ],
)
def test_a_layer_takes_float32_and_answers_in_its_own(layer, plain, arguments, shape):
    mixed, ordinary = layer(*arguments), plain(*arguments)
    ordinary.load_state_dict(mixed.state_dict())
    x = torch.randn(shape)
    assert torch.equal(mixed(x), ordinary(x))
    assert torch.equal(mixed.bfloat16()(x), ordinary.bfloat16()(x.bfloat16()))


def test_widening_keeps_what_is_wide():
    wide = torch.ones(2, dtype=torch.float64)
    assert widen(wide) is wide
    assert widen(torch.ones(2, dtype=torch.bfloat16)).dtype == torch.float32


def test_every_preset_has_the_parts_that_are_cast():
    from human3r_model.model import Human3R
    from human3r_model.precision import TRUNK

    for config in PRESETS.values():
        with torch.device("meta"):
            model = Human3R(config)
        for part in TRUNK:
            model.get_submodule(part)
