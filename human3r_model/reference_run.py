"""Reference files (.npz): what they hold, read and checked, and our own run of the same frames.

Letters: T frames, K steps (a frame is run again after a reset), H and W pixels.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from human3r_model.errors import InputError
from human3r_model.geometry import chain_poses, pose_to_matrix
from human3r_model.model import Human3R
from human3r_model.reference_fill import fill_tensor
from human3r_model.values import Features, HeadSelection, Prediction

PEOPLE_OUTPUTS = (
    "smpl_id",
    "smpl_loc",
    "smpl_shape",
    "smpl_expression",
    "smpl_transl",
    "smpl_rotmat",
)
POINTMAP_OUTPUTS = ("pts3d_in_self_view", "pts3d_in_other_view")
DENSE_OUTPUTS = (*POINTMAP_OUTPUTS, "conf_self", "conf", "msk")
OUTPUTS = ("camera_pose", "smpl_scores", *DENSE_OUTPUTS, *PEOPLE_OUTPUTS)
NOT_COMPARED = ("rgb",)
RUN_OUTPUTS = ("steps", "kept_steps", "camera_to_world")
CLASSIFIER_BIAS = "downstream_head.mlp_classif.2.bias"
SETTINGS = ("frames", "classifier_bias", "reset_interval", "ttt3r", "dense_stride")

Array = NDArray[np.generic]


@dataclass(frozen=True)
class Reference:
    """One reference file.

    Args:
        frames: `[T, H, W, 3]` uint8, fed as they are.
        classifier_bias: Bias of the person classifier; None leaves the deterministic fill.
        reset_interval: Frames between resets; None is never.
        ttt3r: Whether the state update is gated; None when the file does not say.
        dense_stride: Stride of the stored dense maps.
        steps: Outputs by step and name; a step or an output that is absent was not stored.
        run: Outputs of the run as a whole, by name (`RUN_OUTPUTS`).
        unknown_settings: Names in the file that mean nothing here.
    """

    frames: NDArray[np.uint8]
    classifier_bias: float | None
    reset_interval: int | None
    ttt3r: bool | None
    dense_stride: int
    steps: Mapping[int, Mapping[str, Array]]
    run: Mapping[str, Array]
    unknown_settings: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """Our outputs of one step, under the reference's names; people are always there, maybe none.

    Args:
        index: Place in the run, repeated frames counted.
        is_kept: False for the repeated frame after a reset.
        outputs: By name.
        world_from_camera: `[4, 4]` in the world of the step's own segment.
    """

    index: int
    is_kept: bool
    outputs: Mapping[str, Array]
    world_from_camera: NDArray[np.float32]


def read_reference(path: Path) -> Reference | None:
    """Read a reference file without unpickling anything.

    Args:
        path: The .npz file.

    Returns:
        What it holds, or None when it has no frames: it is no run of the network.

    Raises:
        InputError: It cannot be read, has no outputs, or some that are unknown here.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a readable .npz file: {error}") from error
    if "frames" not in data:
        return None
    steps: dict[int, dict[str, Array]] = {}
    for key in data:
        if match := re.fullmatch(r"(\d+)/(.+)", key):
            steps.setdefault(int(match[1]), {})[match[2]] = data[key]
    unknown = sorted({name for step in steps.values() for name in step} - {*OUTPUTS, *NOT_COMPARED})
    if unknown:
        raise InputError(f"{path}: unknown outputs {unknown}; known are {sorted(OUTPUTS)}")
    known = {*SETTINGS, *RUN_OUTPUTS}
    reference = Reference(
        frames=data["frames"],
        classifier_bias=float(data["classifier_bias"]) if "classifier_bias" in data else None,
        reset_interval=_positive(path, data, "reset_interval"),
        ttt3r=bool(data["ttt3r"]) if "ttt3r" in data else None,
        dense_stride=_positive(path, data, "dense_stride") or 1,
        steps=steps,
        run={name: data[name] for name in RUN_OUTPUTS if name in data},
        unknown_settings=tuple(name for name in data if "/" not in name and name not in known),
    )
    if not reference.run and not any(set(OUTPUTS) & set(step) for step in steps.values()):
        raise InputError(f"{path}: no outputs to compare")
    return reference


def run_reference(model: Human3R, reference: Reference, *, ttt3r: bool) -> Iterator[Step]:
    """Run the frames of a reference file one after another, with its resets.

    After frame i with (i+1) % reset_interval == 0 the state is reset and the same frame is run
    again, as the first of the next segment.

    Args:
        model: A network with the deterministic fill; its classifier bias is set to the file's.
        reference: The file.
        ttt3r: Whether the state update is gated.

    Yields:
        Every step.
    """
    values = fill_tensor(CLASSIFIER_BIAS, (1,))
    if reference.classifier_bias is not None:
        values[:] = reference.classifier_bias
    model.get_parameter(CLASSIFIER_BIAS).copy_(torch.from_numpy(values))
    stored = {name for step in reference.steps.values() for name in step}
    heads = HeadSelection(
        pointmap=bool(stored & {"pts3d_in_self_view", "conf_self"}),
        world_pointmap=bool(stored & {"pts3d_in_other_view", "conf"}),
        masks="msk" in stored,
    )
    interval = reference.reset_interval
    state, index = model.initial_state(1), 0
    for place, frame in enumerate(torch.from_numpy(reference.frames)):
        features = model.encode(frame[None], heads)
        prediction, state = model.step(features, state, ttt3r=ttt3r, heads=heads)
        yield _step(index, True, features, prediction, reference.dense_stride)
        index += 1
        if interval is not None and (place + 1) % interval == 0:
            state = state.reset(torch.ones(1, dtype=torch.bool))
            prediction, state = model.step(features, state, ttt3r=ttt3r, heads=heads)
            yield _step(index, False, features, prediction, reference.dense_stride)
            index += 1


def summarise_run(steps: list[Step]) -> dict[str, Array]:
    """Make the outputs of a run as a whole: step count, kept steps, chained camera path.

    Args:
        steps: Every step of the run, in order.

    Returns:
        Arrays by name (`RUN_OUTPUTS`); `camera_to_world` is `[T, 4, 4]`.
    """
    segments: list[list[torch.Tensor]] = [[]]
    for step in steps:
        if not step.is_kept:
            segments.append([])
        segments[-1].append(torch.from_numpy(step.world_from_camera))
    chained = torch.cat(chain_poses([torch.stack(poses) for poses in segments])).numpy()
    kept = np.array([step.index for step in steps if step.is_kept])
    return {
        "steps": np.array(len(steps)),
        "kept_steps": kept,
        "camera_to_world": chained[kept],
    }


def _step(
    index: int, is_kept: bool, features: Features, prediction: Prediction, stride: int
) -> Step:
    people = prediction.people
    dense = {
        "pts3d_in_self_view": prediction.pointmap,
        "conf_self": prediction.confidence,
        "pts3d_in_other_view": prediction.world_pointmap,
        "conf": prediction.world_confidence,
        "msk": None if prediction.masks is None else prediction.masks[..., None],
    }
    tensors = {
        "camera_pose": prediction.camera_pose[0],
        "smpl_scores": features.score_map[0, :, :, None],
        "smpl_id": people.track_id,
        "smpl_loc": people.padded_head_px,
        "smpl_shape": people.betas,
        "smpl_expression": people.expression,
        "smpl_transl": people.head_position,
        "smpl_rotmat": people.rotations,
    } | {name: map_[0, ::stride, ::stride] for name, map_ in dense.items() if map_ is not None}
    return Step(
        index=index,
        is_kept=is_kept,
        outputs={name: tensor.numpy() for name, tensor in tensors.items()},
        world_from_camera=pose_to_matrix(prediction.camera_pose[0]).numpy(),
    )


def _positive(path: Path, data: Mapping[str, Array], name: str) -> int | None:
    if name not in data:
        return None
    value = int(data[name])
    if value < 1:
        raise InputError(f"{path}: {name} is {value}; it must be at least 1")
    return value
