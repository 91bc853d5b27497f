"""Weight files are loaded strictly; what is wrong with a file is said."""

import hashlib
import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from human3r_model.architecture import architecture
from human3r_model.config import PRESETS
from human3r_model.errors import CheckpointError
from human3r_model.random_weights import random_model
from human3r_model.weights import load_model, write_weights
from tests.human3r_model.checkpoints import save_checkpoint

TINY = PRESETS["tiny"]
DESCRIPTION = {
    "format_version": 1,
    "preset": "tiny",
    "architecture": architecture(TINY),
    "source_sha256": "0" * 64,
}


@pytest.fixture(scope="module")
def tensors():
    return random_model("tiny").model.state_dict()


@pytest.fixture(scope="module")
def weight_file(tensors, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    write_weights(path, TINY, tensors, "0" * 64)
    return path


def test_what_was_written_is_loaded(weight_file, tensors):
    loaded = load_model(weight_file)
    assert loaded.config is TINY
    assert loaded.weights_sha256 == hashlib.sha256(weight_file.read_bytes()).hexdigest()
    assert loaded.is_untrained is False
    assert loaded.description == "tiny from tiny.safetensors"
    state = loaded.model.state_dict()
    assert state.keys() == tensors.keys()
    assert all(torch.equal(state[name], tensors[name]) for name in tensors)
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())


def test_the_file_is_as_readable_as_any_other_and_alone(weight_file, tmp_path):
    (tmp_path / "other").touch()
    assert weight_file.stat().st_mode == (tmp_path / "other").stat().st_mode
    assert [path.name for path in weight_file.parent.iterdir()] == [weight_file.name]


def test_a_folder_must_hold_exactly_one(weight_file, tmp_path):
    assert load_model(weight_file.parent).config is TINY
    with pytest.raises(CheckpointError, match=r"holds 0 \.safetensors files"):
        load_model(tmp_path)
    for name in "ab":
        (tmp_path / f"{name}.safetensors").touch()
    with pytest.raises(CheckpointError, match=r"holds 2 \.safetensors files, not one"):
        load_model(tmp_path)


def test_a_pickle_is_not_loaded(tmp_path):
    with pytest.raises(CheckpointError, match="convert the published checkpoint first: h3r conv"):
        load_model(save_checkpoint(tmp_path / "human3r_896L.pth"))


def test_missing_and_other_files_are_named(tmp_path, weight_file):
    with pytest.raises(CheckpointError, match="no such file"):
        load_model(tmp_path / "missing.safetensors")
    other = tmp_path / "other.safetensors"
    for content in (b"", b"hello there", weight_file.read_bytes()[:1000]):
        other.write_bytes(content)
        with pytest.raises(CheckpointError, match="not a safetensors file"):
            load_model(other)


def write(path, metadata):
    save_file({"a": torch.ones(1)}, path, metadata)
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format_version": 2}, "of format version 2, this code reads 1"),
        ({"preset": "huge"}, "of unknown preset 'huge': known are 672S"),
        ({"architecture": 3}, "metadata cannot be read"),
        (
            {"architecture": architecture(replace(TINY, dec_depth=5))},
            "of another architecture than tiny: dec_depth is 5, expected 4",
        ),
        ({"architecture": architecture(TINY) | {"new": 1}}, "new is 1, expected None"),
        ({}, r"does not fit tiny: 555 missing .* and 545 more\); 1 unexpected \(a\)"),
    ],
)
def test_wrong_metadata_and_tensors_are_named(tmp_path, changes, words):
    metadata = {"h3r_weights": json.dumps(DESCRIPTION | changes)}
    with pytest.raises(CheckpointError, match=words):
        load_model(write(tmp_path / "a.safetensors", metadata))


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (None, "not made by this project"),
        ({"format": "pt"}, "not made by this project"),
        ({"h3r_weights": "{"}, "metadata cannot be read"),
    ],
)
def test_other_metadata_is_said(tmp_path, metadata, words):
    with pytest.raises(CheckpointError, match=words):
        load_model(write(tmp_path / "a.safetensors", metadata))
