"""Weight files: writes a network's tensors to safetensors, and builds a network from such a file.

A weight file is self-contained: its metadata spells out the architecture, and its sha256 is the
identity that labels are stored with: the same checkpoint gives the same file, byte for byte.
Local files only.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from human3r_model.architecture import architecture
from human3r_model.config import PRESETS, ModelConfig
from human3r_model.errors import CheckpointError
from human3r_model.model import Human3R

METADATA_KEY = "h3r_weights"  # one entry: safetensors writes several in no fixed order
FORMAT_VERSION = 1
MAX_LISTED = 10  # names in a message

_PICKLED = {".pth", ".pt", ".ckpt", ".bin", ".pkl"}
_CONVERT = "convert the published checkpoint first: h3r convert-weights IN.pth OUT.safetensors"


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A network ready to run, and what its labels must say of it.

    Attributes:
        model: In evaluation mode, float32, without gradients.
        config: Its sizes.
        weights_sha256: Identity of the weights: of the file, or of random tensors.
        is_untrained: True for random weights, whose labels mean nothing.
        description: One line for people.
    """

    model: Human3R
    config: ModelConfig
    weights_sha256: str
    is_untrained: bool
    description: str


def load_model(source: str | Path, device: str | torch.device = "cpu") -> LoadedModel:
    """Build the network that a weight file describes; every tensor must be there and fit.

    Args:
        source: A .safetensors file made by `h3r convert-weights` or by training (half precision is
            widened), or a folder holding exactly one.
        device: Where the network is to run.

    Raises:
        CheckpointError: There is no such file, it is a pickle, damaged, made for another
            architecture, or lacks tensors (which ones).
    """
    path = _weight_file(Path(source))
    try:
        with safe_open(str(path), framework="pt") as file:
            config = _read_config(str(path), file.metadata() or {})
            names = list(file.keys())
            tensors = {name: file.get_tensor(name).float() for name in names}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(str(path), f"not a safetensors file ({error}): {_CONVERT}") from error
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return LoadedModel(
        model=build_model(str(path), config, tensors, device),
        config=config,
        weights_sha256=sha256,
        is_untrained=False,
        description=f"{config.name} from {path.name}",
    )


def build_model(
    name: str, config: ModelConfig, tensors: Mapping[str, Tensor], device: str | torch.device
) -> Human3R:
    """Build a network around its tensors, which it keeps (no copy on the same device).

    Raises:
        CheckpointError: Tensors are missing, unexpected or misshaped.
    """
    with torch.device("meta"):
        model = Human3R(config)
    check_tensors(name, model, tensors)
    model.load_state_dict(tensors, strict=True, assign=True)
    return model.requires_grad_(False).eval().to(device)


def check_tensors(name: str, model: Human3R, tensors: Mapping[str, Tensor]) -> None:
    """Compare a file's tensors with what the network needs.

    Args:
        name: The file, for messages.
        model: The network; its own values do not matter.
        tensors: By name.

    Raises:
        CheckpointError: Lists what is missing, unexpected and misshaped: how many, the first ten.
    """
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    misshaped = [
        f"{key} {tuple(tensors[key].shape)} instead of {shape}"
        for key, shape in expected.items()
        if key in tensors and tuple(tensors[key].shape) != shape
    ]
    problems = {
        "missing": [key for key in expected if key not in tensors],
        "unexpected": [key for key in tensors if key not in expected],
        "misshaped": misshaped,
    }
    said = [_listing(problem, keys) for problem, keys in problems.items() if keys]
    if said:
        raise CheckpointError(name, f"does not fit {model.config.name}: {'; '.join(said)}")


def write_weights(
    path: Path, config: ModelConfig, tensors: Mapping[str, Tensor], source_sha256: str
) -> None:
    """Write a weight file whole or not at all: a temporary file beside it, then a rename.

    Args:
        path: The file; an old one is replaced.
        config: The architecture, spelled out in the metadata.
        tensors: Exactly what the network needs.
        source_sha256: Hash of the checkpoint they come from.

    Raises:
        CheckpointError: The file cannot be written.
    """
    description = {
        "format_version": FORMAT_VERSION,
        "preset": config.name,
        "architecture": architecture(config),
        "source_sha256": source_sha256,
    }
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".h3r-") as folder:
            draft = Path(folder) / path.name
            metadata = {METADATA_KEY: json.dumps(description, sort_keys=True)}
            save_file(dict(tensors), draft, metadata)
            plain = Path(folder) / "plain"
            plain.touch()
            draft.chmod(plain.stat().st_mode)  # safetensors lets only the owner read
            draft.replace(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(str(path), f"cannot be written: {error}") from error


def _weight_file(source: Path) -> Path:
    if source.is_dir():
        found = sorted(source.glob("*.safetensors"))
        if len(found) != 1:
            raise CheckpointError(
                str(source), f"holds {len(found)} .safetensors files, not one: name the file"
            )
        return found[0]
    if source.suffix in _PICKLED:
        raise CheckpointError(str(source), f"is a pickle, which is never loaded: {_CONVERT}")
    if not source.is_file():
        raise CheckpointError(str(source), "no such file")
    return source


def _read_config(name: str, metadata: Mapping[str, str]) -> ModelConfig:
    if METADATA_KEY not in metadata:
        raise CheckpointError(name, f"not made by this project: {_CONVERT}")
    try:
        description = dict(json.loads(metadata[METADATA_KEY]))
        stated = dict(description.get("architecture", {}))
    except (ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(name, f"its metadata cannot be read: {_CONVERT}") from error
    version = description.get("format_version")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            name, f"of format version {version}, this code reads {FORMAT_VERSION}: {_CONVERT}"
        )
    preset = description.get("preset")
    if not isinstance(preset, str) or preset not in PRESETS:
        raise CheckpointError(name, f"of unknown preset {preset!r}: known are {', '.join(PRESETS)}")
    expected = architecture(PRESETS[preset])
    differing = [
        f"{field} is {stated.get(field)}, expected {expected.get(field)}"
        for field in sorted(stated.keys() | expected.keys())
        if stated.get(field) != expected.get(field)
    ]
    if differing:
        raise CheckpointError(
            name, f"of another architecture than {preset}: {'; '.join(differing)}: {_CONVERT}"
        )
    return PRESETS[preset]


def _listing(problem: str, keys: list[str]) -> str:
    more = f" and {len(keys) - MAX_LISTED} more" if len(keys) > MAX_LISTED else ""
    return f"{len(keys)} {problem} ({', '.join(keys[:MAX_LISTED])}{more})"
