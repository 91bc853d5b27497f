"""A training clip and its file: frames as the network sees them, and what is true of them.

Letters: T frames, N people of the shot, H and W pixels of the network's picture.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

MOST_PEOPLE = 4
LEAST_VISIBLE = 0.1
"""People of whom less is seen are not labels: finding them is neither right nor wrong."""


@dataclass(frozen=True, eq=False)
class TrainingClip:
    """One clip and its truth; or views of one scene, frames that share its people and no more.

    Attributes:
        frames: [T, H, W, 3] uint8 RGB, the network's picture.
        depth_m: [T, H, W] float16 camera z, 0 where only sky is seen.
        person: [T, H, W] uint8, 0 where nobody is seen.
        surface: [T, H, W, 3] int8, which point of a body is seen: where it is on the body at rest,
            centimetres left, up and forward of the pelvis; 0 where nobody is seen.
        world_from_camera: [T, 4, 4]; the world is the camera of the first frame.
        focal_px: [T] in pixels of the network's picture.
        is_seen: [T, N] the head is in the picture.
        visible_fraction: [T, N].
        head_px: [T, N, 2] in the network's picture; may lie outside its crop.
        rotations: [T, N, 53, 3, 3] SMPL-X, camera.
        betas: [N, 10].
        head_position: [T, N, 3] camera, metres.
    """

    frames: NDArray[np.uint8]
    depth_m: NDArray[np.float16]
    person: NDArray[np.uint8]
    surface: NDArray[np.int8]
    world_from_camera: NDArray[np.float32]
    focal_px: NDArray[np.float32]
    is_seen: NDArray[np.bool_]
    visible_fraction: NDArray[np.float32]
    head_px: NDArray[np.float32]
    rotations: NDArray[np.float32]
    betas: NDArray[np.float32]
    head_position: NDArray[np.float32]


def write_clip(path: Path, clip: TrainingClip) -> None:
    """Write a clip's .safetensors whole or not at all."""
    draft = path.with_suffix(".part")
    arrays = {field.name: getattr(clip, field.name) for field in fields(clip)}
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, draft)
    draft.replace(path)


def read_clip(path: Path) -> TrainingClip:
    """Read what `write_clip` wrote."""
    return TrainingClip(**load_file(path))


def read_frame(path: Path, choose: Callable[[int], int]) -> TrainingClip:
    """Read one frame as a clip of its own, whose world is that frame's camera.

    Args:
        path: Of a clip.
        choose: Told how many frames there are, says which.
    """
    with safe_open(path, "np") as stored:
        place = choose(stored.get_slice("frames").get_shape()[0])
        parts = {
            field.name: stored.get_slice(field.name)[place : place + 1]
            for field in fields(TrainingClip)
            if field.name != "betas"
        }
        clip = TrainingClip(betas=stored.get_tensor("betas"), **parts)
    return replace(clip, world_from_camera=np.eye(4, dtype=np.float32)[None])
