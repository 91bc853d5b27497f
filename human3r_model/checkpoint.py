"""Reads a published checkpoint without running anything in it.

A checkpoint is a pickle in a zip. torch's restricted unpickler reads it: it imports nothing by
name and calls only torch's own tensor builders. The training arguments beside the weights hold
objects of other libraries (omegaconf's DictConfig, argparse's Namespace): each of their names is
mapped to a placeholder here that keeps the state it is given and does nothing. Names of the
standard library that a checkpoint has no reason to hold (builtins.eval, subprocess.Popen) are
refused by name instead.
"""

import hashlib
import pickle
import struct
import sys
import zipfile
from _compat_pickle import IMPORT_MAPPING
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from human3r_model.errors import CheckpointError

NETWORK_CLASS = "ARCroco3DStereo"  # how the model string in the training arguments begins

_PLAIN_MODULES = {
    "_operator", "argparse", "collections", "copyreg", "datetime", "enum", "operator", "pathlib",
    "typing",
}  # fmt: skip
_PLAIN_BUILTINS = {
    "bool", "bytes", "dict", "float", "frozenset", "getattr", "int", "list", "object", "range",
    "set", "slice", "str", "tuple", "type",
}  # fmt: skip
# A hostile or damaged pickle can make torch's reader fail in any of these ways.
_READ_ERRORS = (
    pickle.UnpicklingError, ArithmeticError, AssertionError, AttributeError, EOFError, LookupError,
    OSError, RuntimeError, TypeError, ValueError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint holds that we use.

    Attributes:
        path: The file.
        sha256: Hash of the file.
        tensors: Every tensor of its `model` dictionary, mapped from the file where it can be.
        model_string: The expression its authors build the network from, if it is there.
        placeholders: Names of the classes that were not loaded, sorted.
    """

    path: str
    sha256: str
    tensors: dict[str, Tensor]
    model_string: str | None
    placeholders: tuple[str, ...]


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint (.pth); nothing in the file is run.

    Raises:
        CheckpointError: The file is missing, damaged, not a torch checkpoint in the zip format,
            asks for something that a checkpoint has no business with, or holds no state dict.
    """
    name = str(path)
    try:
        with open(name, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(name, f"cannot be read ({error.strerror})") from error
    if not zipfile.is_zipfile(name):
        raise CheckpointError(
            name, "not a torch checkpoint in the zip format, or cut short; give the published .pth"
        )
    try:
        placeholders = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(name))
        _refuse_hostile(name, placeholders)
        with torch.serialization.safe_globals([(_placeholder(key), key) for key in placeholders]):
            content = torch.load(name, map_location="cpu", weights_only=True, mmap=True)
    except _READ_ERRORS as error:
        raise CheckpointError(
            name, f"not a plain checkpoint, and nothing in it was run: {str(error)[:300]}"
        ) from error
    return Checkpoint(
        path=name,
        sha256=sha256,
        tensors=_state_dict(name, content),
        model_string=_model_string(name, content.get("args")),
        placeholders=tuple(placeholders),
    )


class _Placeholder:
    """Stands for an object of a class that is not loaded; keeps its state, does nothing."""

    state: Any = None

    def __new__(cls, *_: object) -> "_Placeholder":
        return super().__new__(cls)

    def __init__(self, *_: object) -> None: ...

    def __setstate__(self, state: object) -> None:
        self.state = state


def _plain_dict(*_: object) -> dict[object, object]:
    """Stands for defaultdict, which the pickle fills after making it."""
    return {}


def _placeholder(global_name: str) -> Any:
    return _plain_dict if global_name == "collections.defaultdict" else _Placeholder


def _refuse_hostile(name: str, globals_: list[str]) -> None:
    for full_name in globals_:
        module, _, leaf = full_name.rpartition(".")
        module = IMPORT_MAPPING.get(module, module)  # Python 2's names, which torch still writes
        root = module.split(".")[0]
        is_plain = root in _PLAIN_MODULES or (module == "builtins" and leaf in _PLAIN_BUILTINS)
        if root in sys.stdlib_module_names and not is_plain:
            raise CheckpointError(
                name,
                f"asks for {full_name}, which no checkpoint needs: the file may be hostile. "
                "Nothing in it was run; get the published file again",
            )


def _state_dict(name: str, content: object) -> dict[str, Tensor]:
    """The `model` dictionary, every value a dense tensor of real numbers."""
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        raise CheckpointError(name, "holds no `model` dictionary; give the published .pth")
    tensors = {}
    for key, value in content["model"].items():
        is_tensor = type(value) in (Tensor, torch.nn.Parameter) and value.layout is torch.strided
        if not isinstance(key, str) or not is_tensor or value.device.type != "cpu":
            raise CheckpointError(name, f"model[{key!r:.80}] is not a plain tensor")
        if value.dtype not in (torch.float32, torch.float16, torch.bfloat16):
            raise CheckpointError(name, f"model[{key!r}] is {value.dtype}, not floating point")
        tensors[key] = value.detach()
    return tensors


def _model_string(name: str, args: object) -> str | None:
    found = {text.strip() for text in _strings(args) if text.strip().startswith(NETWORK_CLASS)}
    if len(found) > 1:
        raise CheckpointError(name, f"describes {len(found)} networks: {sorted(found)}")
    return found.pop() if found else None


def _strings(root: object) -> Iterator[str]:
    """Every string inside the training arguments, which may hold themselves."""
    waiting, seen = [root], set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        match value:
            case str():
                yield value
            case dict():
                waiting += value.values()
            case list() | tuple():
                waiting += value
            case _Placeholder():
                waiting.append(value.state)
