"""From a published checkpoint to a weight file: keep, drop with a reason, or refuse.

Every tensor of the checkpoint is accounted for, and keeps its authors' name.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from human3r_model.architecture import identify
from human3r_model.checkpoint import Checkpoint, read_checkpoint
from human3r_model.errors import CheckpointError
from human3r_model.keys import ALIASES, unused_reason
from human3r_model.model import Human3R
from human3r_model.weights import check_tensors, write_weights

ALIAS_REASON = "second name of a tensor that is kept"


@dataclass(frozen=True)
class Conversion:
    """What a conversion did.

    Attributes:
        source_sha256: Hash of the checkpoint.
        weights_sha256: Hash of the file written: the identity labels are stored with.
        preset: Name of the architecture.
        num_kept: Tensors written.
        num_parameters: Numbers in them.
        dropped: Reason -> how many tensors were left out for it.
        placeholders: Classes in the checkpoint that were not loaded.
    """

    source_sha256: str
    weights_sha256: str
    preset: str
    num_kept: int
    num_parameters: int
    dropped: dict[str, int]
    placeholders: tuple[str, ...]


def convert_checkpoint(
    source: str | Path, target: str | Path, *, preset: str | None = None, force: bool = False
) -> Conversion:
    """Convert a published checkpoint (.pth) into a weight file (.safetensors).

    Nothing in the checkpoint is run. Half precision is widened to float32.

    Args:
        source: The checkpoint.
        target: The file to write.
        preset: Name of the architecture, for a checkpoint without a model string.
        force: Replace `target` if it exists.

    Raises:
        CheckpointError: The checkpoint is damaged, hostile, of no known architecture, or its
            tensors do not fit it; or `target` exists, has another suffix or cannot be written.
    """
    target = Path(target)
    if target.suffix != ".safetensors":
        raise CheckpointError(str(target), "name the result .safetensors")
    if target.exists() and not force:
        raise CheckpointError(str(target), "exists already: pass --force to replace it")
    checkpoint = read_checkpoint(source)
    shapes = {name: tuple(tensor.shape) for name, tensor in checkpoint.tensors.items()}
    config = identify(checkpoint.path, shapes, checkpoint.model_string, preset)
    kept, dropped = _sort(checkpoint)
    with torch.device("meta"):
        model = Human3R(config)
    check_tensors(checkpoint.path, model, kept)
    _check_finite(checkpoint.path, kept)
    kept = {name: tensor.float().contiguous() for name, tensor in kept.items()}
    write_weights(target, config, kept, checkpoint.sha256)
    with target.open("rb") as file:
        weights_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Conversion(
        source_sha256=checkpoint.sha256,
        weights_sha256=weights_sha256,
        preset=config.name,
        num_kept=len(kept),
        num_parameters=sum(tensor.numel() for tensor in kept.values()),
        dropped=dropped,
        placeholders=checkpoint.placeholders,
    )


def _sort(checkpoint: Checkpoint) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Tensors to keep by name, and how many were dropped for each reason."""
    kept: dict[str, Tensor] = {}
    dropped: Counter[str] = Counter()
    for name, tensor in checkpoint.tensors.items():
        reason = unused_reason(name)
        if reason is not None:
            dropped[reason] += 1
        elif name in ALIASES:
            twin = checkpoint.tensors.get(ALIASES[name])
            if twin is None or not torch.equal(tensor, twin):
                raise CheckpointError(
                    checkpoint.path, f"{name} and {ALIASES[name]} should be the same tensor"
                )
            dropped[ALIAS_REASON] += 1
        else:
            kept[name] = tensor
    return kept, dict(dropped)


def _check_finite(name: str, tensors: dict[str, Tensor]) -> None:
    bad = [key for key, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if bad:
        raise CheckpointError(name, f"{len(bad)} tensors are not finite, the first is {bad[0]}")
