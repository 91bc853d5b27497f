"""Get the network and the body model a job names onto a device."""

from dataclasses import dataclass
from pathlib import Path

import torch

from human3r_model.body import BodyModel
from human3r_model.config import Precision
from human3r_model.precision import set_precision
from human3r_model.random_weights import random_model
from human3r_model.weights import LoadedModel, load_model
from pipeline.errors import ConfigError
from pipeline.storage import fetch_to_local


@dataclass(frozen=True)
class ModelSource:
    """Where the network and the body model come from.

    Attributes:
        weights: Path or uri of converted weights; None for seeded random ones.
        preset: Architecture of random weights; only without `weights`.
        seed: Of random weights.
        body_model: Path or uri of an SMPL-X .npz; None for no bodies.
    """

    weights: str | None
    preset: str | None
    seed: int
    body_model: str | None


@dataclass(frozen=True, eq=False)
class Models:
    """What a worker annotates with, ready to run.

    Attributes:
        network: The network and the identity of its weights.
        body: The body model, or None.
        device: Where the network runs, "cpu" or "cuda".
    """

    network: LoadedModel
    body: BodyModel | None
    device: str


def load_models(
    source: ModelSource,
    wanted_device: str,
    precision: Precision = "float32",
    *,
    is_compiled: bool = False,
) -> Models:
    """The network, set to a precision, and the body model.

    Args:
        source: Where they come from.
        wanted_device: As in `choose_device`.
        precision: In which the network's trunk computes.
        is_compiled: Have torch.compile fuse the trunk's small operations.
    """
    device = choose_device(wanted_device)
    network = load_network(source, device)
    set_precision(network.model, precision)
    if is_compiled:
        from human3r_model.compiled import compile_trunk  # loads torch's compiler, seconds

        compile_trunk(network.model)
    return Models(network, load_body(source), device)


def load_network(source: ModelSource, device: str) -> LoadedModel:
    """The network on `device`.

    Raises:
        InputError: No preset has that name.
        CheckpointError: The weights cannot be read or do not fit.
        StorageError: There is nothing at the uri.
    """
    if source.weights is not None:
        return load_model(fetch_to_local(source.weights), device)
    assert source.preset is not None
    return random_model(source.preset, source.seed, device)


def load_body(source: ModelSource) -> BodyModel | None:
    """The body model, on the CPU, or None.

    Raises:
        BodyModelError: The file is not an SMPL-X model.
        StorageError: There is nothing at the uri.
    """
    if source.body_model is None:
        return None
    path: Path = fetch_to_local(source.body_model)
    return BodyModel.from_file(path)


def choose_device(wanted: str) -> str:
    """CUDA where there is one for "auto"; anything else as it is.

    Raises:
        ConfigError: torch cannot use it here.
    """
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:  # the latter of a torch without CUDA
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"device {wanted}: torch cannot use it here: {reason}") from error
    return wanted


def device_name(device: str) -> str:
    """What the ledger calls a device: the GPU's name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device
