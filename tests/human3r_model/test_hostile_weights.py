"""Weight and body files with wrong or huge headers: refused, and what they claim is not had."""

import io
import json
import resource
import struct
import zipfile

import numpy as np
import pytest
import torch

from human3r_model.architecture import architecture
from human3r_model.body_file import read_body_file
from human3r_model.config import PRESETS
from human3r_model.conversion import convert_checkpoint
from human3r_model.errors import BodyModelError, CheckpointError
from human3r_model.weights import load_model
from tests.human3r_model.checkpoints import save_checkpoint, tiny_state_dict
from tests.human3r_model.test_body_file import small_arrays

DESCRIPTION = {
    "format_version": 1,
    "preset": "tiny",
    "architecture": architecture(PRESETS["tiny"]),
    "source_sha256": "0" * 64,
}
TENSOR = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
MOST_KIB = 200_000


def safetensors(header: bytes, size: int | None = None) -> bytes:
    """A file with 16 bytes of data and a header that says it is `size` bytes long."""
    return struct.pack("<Q", len(header) if size is None else size) + header + bytes(16)


def described(**tensors) -> bytes:
    """A file of ours, by its own account, with these tensors."""
    metadata = {"h3r_weights": json.dumps(DESCRIPTION)}
    return safetensors(json.dumps({"__metadata__": metadata, **tensors}).encode())


def saying(text: str) -> bytes:
    """A file that describes itself by `text`."""
    return safetensors(json.dumps({"__metadata__": {"h3r_weights": text}, "a": TENSOR}).encode())


WRONG_HEADERS = {
    "longer than any file": safetensors(b"{}", size=2**63),
    "longer than this file": safetensors(b"{}", size=90_000_000),
    "no text": safetensors(b"\xff\xfe{}"),
    "no object": safetensors(b"[1]"),
    "a thousand lists deep": safetensors(b"[" * 1000),
    "a hundred thousand objects deep": safetensors(b'{"a":' * 100_000),
    "a tensor beyond the end": described(
        a={**TENSOR, "shape": [2**38], "data_offsets": [0, 2**40]}
    ),
    "two tensors in one place": described(a=TENSOR, b=TENSOR),
    "a shape below zero": described(a={**TENSOR, "shape": [-4]}),
    "a shape that overflows": described(a={**TENSOR, "shape": [2**40, 2**40]}),
    "an unknown type": described(a={**TENSOR, "dtype": "OBJECT"}),
}


@pytest.fixture
def memory_kib():
    """How much more the process holds at most than before the test."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


@pytest.mark.parametrize("kind", WRONG_HEADERS)
def test_a_wrong_header_is_refused(tmp_path, kind, memory_kib):
    path = tmp_path / "a.safetensors"
    path.write_bytes(WRONG_HEADERS[kind])
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_model(path)
    assert memory_kib() < MOST_KIB


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "its metadata cannot be read"),
        ("5", "its metadata cannot be read"),
        ('{"format_version": 1, "preset": ["tiny"]}', r"of unknown preset \['tiny'\]"),
    ],
)
def test_a_description_that_is_none_is_refused(tmp_path, text, words):
    path = tmp_path / "a.safetensors"
    path.write_bytes(saying(text))
    with pytest.raises(CheckpointError, match=words):
        load_model(path)


def test_a_checkpoint_whose_tensor_claims_four_terabytes_is_refused(tmp_path, memory_kib):
    name = next(iter(tiny_state_dict()))
    state = tiny_state_dict() | {name: torch.zeros(1).expand(2**40)}
    with pytest.raises(CheckpointError, match=f"1 misshaped.*{name}"):
        convert_checkpoint(
            save_checkpoint(tmp_path / "a.pth", model=state), tmp_path / "a.safetensors"
        )
    assert memory_kib() < MOST_KIB


def body_with(member: bytes) -> bytes:
    """A body file whose `v_template` is these bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in small_arrays().items():
            data = io.BytesIO()
            np.save(data, array)
            file.writestr(f"{name}.npy", member if name == "v_template" else data.getvalue())
    return archive.getvalue()


def array_header(shape: str, kind: str = "'<f8'") -> bytes:
    """The start of an .npy file (NEP 1)."""
    text = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    "member",
    [
        array_header("(1099511627776,)"),
        array_header("(1152921504606846976,)"),
        array_header("(-5,)"),
        array_header("(4, 3)", "__import__('os').getcwd()"),
        array_header("(1,)", "'|O'") + b"cposix\nsystem\n(S'exit 1'\ntR.",
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"{" * 20_000,
    ],
    ids=["8 TiB", "8 EiB", "below zero", "code", "objects", "a long header"],
)
def test_an_array_with_a_wrong_header_is_refused(tmp_path, member, memory_kib):
    path = tmp_path / "body.npz"
    path.write_bytes(body_with(member))
    with pytest.raises(BodyModelError, match="v_template is damaged or not a plain array"):
        read_body_file(path)
    assert memory_kib() < MOST_KIB


def test_an_array_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("human3r_model.body_file._MAX_ARRAY_BYTES", 40_000)
    path = tmp_path / "body.npz"
    np.savez_compressed(path, **small_arrays())
    with pytest.raises(BodyModelError, match="posedirs unpacks to 46784 bytes"):
        read_body_file(path)
