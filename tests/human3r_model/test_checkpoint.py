"""Checkpoints are read without running anything in them."""

import argparse
import builtins
import collections
import itertools
import os
import pathlib
import pickle
import subprocess
import tarfile

import numpy as np
import pytest
import torch

from human3r_model.checkpoint import read_checkpoint
from human3r_model.errors import CheckpointError
from tests.human3r_model.checkpoints import MODEL_STRING, Payload

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.nn.Parameter(torch.ones(2))}


class DictConfig:
    """Pickled as omegaconf's class of that name is: an object with a state that holds itself."""

    def __init__(self, **content):
        self._content = {name: DictNode(value, self) for name, value in content.items()}
        self._parent = None
        self._flags = collections.defaultdict(list, {"x": [1]})


class DictNode:
    def __init__(self, value, parent):
        self._val, self._parent = value, parent


def save(path, content, **options):
    torch.save(content, path, **options)
    return path


@pytest.mark.parametrize(
    "args",
    [
        argparse.Namespace(model=MODEL_STRING),
        {"model": f"  {MODEL_STRING}\n", "lr": 1e-4},
        DictConfig(model=MODEL_STRING, resume=None, root=pathlib.Path("/data")),
    ],
    ids=["namespace", "dict", "omegaconf"],
)
def test_model_string_is_found(tmp_path, args):
    checkpoint = read_checkpoint(save(tmp_path / "a.pth", {"model": TENSORS, "args": args}))
    assert checkpoint.model_string == MODEL_STRING
    assert checkpoint.tensors["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert type(checkpoint.tensors["b"]) is torch.Tensor


def test_other_libraries_are_not_loaded_and_named(tmp_path):
    content = {"model": TENSORS, "best": np.float64(1), "args": DictConfig()}
    checkpoint = read_checkpoint(save(tmp_path / "a.pth", content))
    assert checkpoint.model_string is None
    assert "numpy.dtype" in checkpoint.placeholders
    assert any(name.endswith("DictConfig") for name in checkpoint.placeholders)


HOSTILE = {
    "os.system": lambda marker: Payload(os.system, f"touch {marker}"),
    "os.mkdir": lambda marker: Payload(os.mkdir, marker),
    "eval": lambda marker: Payload(builtins.eval, f"open({marker!r}, 'w')"),
    "exec": lambda marker: Payload(builtins.exec, f"open({marker!r}, 'w')"),
    "subprocess": lambda marker: Payload(subprocess.Popen, ["touch", marker]),
    "nested": lambda marker: Payload(tuple, [Payload(os.mkdir, marker)]),
    "inside a tensor builder": lambda marker: Payload(
        torch._utils._rebuild_parameter, Payload(os.mkdir, marker), False, None
    ),
    "torch's own loader": lambda marker: Payload(
        torch.storage._load_from_bytes, pickle.dumps(Payload(os.mkdir, marker))
    ),
}
PLACES = {
    "root": lambda payload: payload,
    "model": lambda payload: {"model": payload},
    "tensor": lambda payload: {"model": TENSORS | {"c": payload}},
    "args": lambda payload: {"model": TENSORS, "args": argparse.Namespace(model=payload)},
}


@pytest.mark.parametrize(
    ("kind", "place"),
    sorted(set(itertools.product(HOSTILE, PLACES)) - {("torch's own loader", "args")}),
)
def test_hostile_pickles_are_refused_and_run_nothing(tmp_path, kind, place):
    marker = tmp_path / "marker"
    path = save(tmp_path / "hostile.pth", PLACES[place](HOSTILE[kind](str(marker))))
    with pytest.raises(CheckpointError, match=r"hostile\.pth"):
        read_checkpoint(path)
    assert not marker.exists()


def test_what_is_no_weight_and_not_of_the_standard_library_is_left_aside(tmp_path):
    marker = tmp_path / "marker"
    payload = HOSTILE["torch's own loader"](str(marker))
    checkpoint = read_checkpoint(save(tmp_path / "a.pth", PLACES["args"](payload)))
    assert checkpoint.tensors.keys() == TENSORS.keys()
    assert "torch.storage._load_from_bytes" in checkpoint.placeholders
    assert not marker.exists()


def test_hostile_names_are_said(tmp_path):
    path = save(tmp_path / "a.pth", {"model": TENSORS, "args": Payload(builtins.eval, "1")})
    with pytest.raises(CheckpointError, match=r"asks for builtins\.eval, which no checkpoint"):
        read_checkpoint(path)


def test_old_formats_run_nothing(tmp_path):
    marker = tmp_path / "marker"
    payload = {"model": Payload(os.mkdir, str(marker))}
    legacy = save(tmp_path / "legacy.pth", payload, _use_new_zipfile_serialization=False)
    plain = tmp_path / "plain.pth"
    plain.write_bytes(pickle.dumps(payload))
    tar = tmp_path / "tar.pth"
    with tarfile.open(tar, "w") as archive:
        archive.add(plain, "pickle")
    for path in (legacy, plain, tar):
        with pytest.raises(CheckpointError, match="not a torch checkpoint in the zip format"):
            read_checkpoint(path)
    newer = save(tmp_path / "newer.pth", payload, pickle_protocol=4)
    with pytest.raises(CheckpointError, match="nothing in it was run"):
        read_checkpoint(newer)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "holds no `model` dictionary"),
        ({"state_dict": TENSORS}, "holds no `model` dictionary"),
        ({"model": {"a": 3}}, r"model\['a'\] is not a plain tensor"),
        ({"model": {3: torch.ones(1)}}, r"model\[3\] is not a plain tensor"),
        ({"model": {"a": torch.ones(2).to_sparse()}}, "not a plain tensor"),
        ({"model": {"a": torch.ones(2, device="meta")}}, "not a plain tensor"),
        ({"model": {"a": torch.ones(2, dtype=torch.int64)}}, "torch.int64, not floating point"),
        ({"model": {}, "args": [MODEL_STRING, MODEL_STRING + " "]}, None),
        ({"model": {}, "args": [MODEL_STRING, "ARCroco3DStereo(x)"]}, "describes 2 networks"),
    ],
)
def test_other_contents_are_named(tmp_path, content, words):
    path = save(tmp_path / "a.pth", content)
    if words is None:
        assert read_checkpoint(path).model_string == MODEL_STRING
        return
    with pytest.raises(CheckpointError, match=words):
        read_checkpoint(path)


def test_missing_and_cut_files_are_named(tmp_path):
    with pytest.raises(CheckpointError, match="No such file"):
        read_checkpoint(tmp_path / "missing.pth")
    path = save(tmp_path / "a.pth", {"model": TENSORS})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CheckpointError, match="cut short"):
        read_checkpoint(path)
