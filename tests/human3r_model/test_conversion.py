"""A checkpoint becomes a weight file: every tensor kept, dropped with a reason, or refused."""

import hashlib
import json

import pytest
import torch
from safetensors import safe_open

from human3r_model.conversion import ALIAS_REASON, convert_checkpoint
from human3r_model.errors import CheckpointError
from tests.human3r_model.checkpoints import KEYS, MODEL_STRING, save_checkpoint, tiny_state_dict

LAYER = "downstream_head.dpt_self.scratch.layer{}"


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("converted")
    source = save_checkpoint(folder / "in.pth")
    target = folder / "out.safetensors"
    return source, target, convert_checkpoint(source, target)


def convert_changed(tmp_path, **changes):
    source = save_checkpoint(tmp_path / "in.pth", **changes)
    return convert_checkpoint(source, tmp_path / "out.safetensors")


def test_every_tensor_is_accounted_for(converted):
    source, target, conversion = converted
    assert conversion.preset == "tiny"
    assert conversion.num_kept == 555
    assert conversion.dropped["ray-map encoder, never run at inference"] == 26
    assert conversion.dropped[ALIAS_REASON] == 8  # layer1..4 of two dense heads
    assert conversion.num_kept + sum(conversion.dropped.values()) == 675  # in tiny.keys.json
    assert conversion.source_sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert conversion.weights_sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
    assert conversion.placeholders == ("argparse.Namespace",)


def test_the_file_says_what_it_is(converted):
    _, target, conversion = converted
    with safe_open(target, "pt") as file:
        description = json.loads(file.metadata()["h3r_weights"])
        assert len(file.keys()) == conversion.num_kept
        value = file.get_tensor(LAYER.format("_rn.2.weight"))
    assert description["format_version"] == 1
    assert description["preset"] == "tiny"
    assert description["source_sha256"] == conversion.source_sha256
    assert description["architecture"]["dino_image_size"] == 112
    place = list(json.loads(KEYS.read_text())).index(LAYER.format("_rn.2.weight"))
    assert value.unique().tolist() == [place]


def test_the_same_checkpoint_gives_the_same_file(converted, tmp_path):
    source, _, conversion = converted
    again = convert_checkpoint(source, tmp_path / "again.safetensors")
    assert again == conversion


def test_half_precision_is_widened(tmp_path):
    state = {name: tensor.half() for name, tensor in tiny_state_dict().items()}
    convert_changed(tmp_path, model=state)
    with safe_open(tmp_path / "out.safetensors", "pt") as file:
        assert file.get_tensor("pose_token").dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("enc_norm.bias"), r"1 missing \(enc_norm\.bias\)"),
        (lambda s: s.update(extra=torch.ones(1)), r"1 unexpected \(extra\)"),
        (
            lambda s: s.update({"enc_norm.bias": torch.ones(3)}),
            r"1 misshaped \(enc_norm\.bias \(3,\) instead of \(64,\)\)",
        ),
        (
            lambda s: [s.pop(name) for name in list(s) if name.startswith("dec_blocks_state.0")],
            r"24 missing \(dec_blocks_state\.0\.norm1\.weight.* and 14 more\)",
        ),
        (
            lambda s: s.update({LAYER.format("3_rn.weight"): torch.ones(256, 384, 3, 3)}),
            "layer3_rn.weight and .*layer_rn.2.weight should be the same tensor",
        ),
        (
            lambda s: s.update({"enc_norm.bias": torch.full((64,), torch.nan)}),
            "1 tensors are not finite, the first is enc_norm.bias",
        ),
    ],
)
def test_other_tensors_are_named_and_nothing_is_written(tmp_path, change, words):
    state = tiny_state_dict()
    change(state)
    with pytest.raises(CheckpointError, match=words):
        convert_changed(tmp_path, model=state)
    assert [path.name for path in tmp_path.iterdir()] == ["in.pth"]


def test_without_a_model_string_the_shapes_decide(tmp_path):
    assert convert_changed(tmp_path, args=None).preset == "tiny"


def test_a_contradicting_model_string_is_refused(tmp_path):
    args = {"model": MODEL_STRING.replace("dec_depth=4", "dec_depth=12")}
    with pytest.raises(CheckpointError, match="dec_depth is 4 by the tensors, 12 by the model"):
        convert_changed(tmp_path, args=args)


def test_an_old_file_is_kept_unless_forced(converted, tmp_path):
    source, _, conversion = converted
    target = tmp_path / "out.safetensors"
    target.write_text("precious")
    with pytest.raises(CheckpointError, match="exists already: pass --force"):
        convert_checkpoint(source, target)
    assert target.read_text() == "precious"
    assert convert_checkpoint(source, target, force=True) == conversion


def test_targets_that_cannot_be_are_refused(converted, tmp_path):
    source = converted[0]
    with pytest.raises(CheckpointError, match=r"name the result \.safetensors"):
        convert_checkpoint(source, tmp_path / "out.pth")
    with pytest.raises(CheckpointError, match=r"cannot be written: .*No such file"):
        convert_checkpoint(source, tmp_path / "missing" / "out.safetensors")
