"""What all loaders check and compute: fields of a file, pictures' sizes, rigid poses."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from evaluation.loaders.errors import TruthError
from evaluation.loaders.sequence import Gender
from human3r_model.geometry import axis_angle_to_matrix, matrix_to_axis_angle

ONLY_HELPS = "--only leaves out sequences without pictures"
MAX_SKEW = 1e-2
"""How far R R^T may be from the identity: 3DPW's cameras are optimised matrices, not exact."""


def take(path: Path, fields: Mapping[str, Any], key: str) -> Any:
    """`fields[key]`.

    Raises:
        TruthError: It is missing; says what is there.
    """
    if not isinstance(fields, Mapping) or key not in fields:
        there = sorted(map(str, fields)) if isinstance(fields, Mapping) else type(fields).__name__
        raise TruthError(path, f"no field {key!r}; found {there}")
    return fields[key]


def to_array(
    path: Path,
    name: str,
    value: object,
    shape: Sequence[int | None],
    *,
    may_have_nan: bool = False,
) -> NDArray[np.float64]:
    """A field as float64.

    Args:
        path: The file, for the error.
        name: The field, for the error.
        value: What the file holds.
        shape: Expected; None takes any length.
        may_have_nan: Whether numbers that are not finite are let through.

    Raises:
        TruthError: It is not that.
    """
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise TruthError(path, f"{name} is not an array of numbers ({error})") from error
    is_same = array.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(array.shape, shape, strict=True)
    )
    if not is_same:
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise TruthError(path, f"{name} has shape {array.shape}: expected ({wanted})")
    if not may_have_nan and not np.isfinite(array).all():
        raise TruthError(path, f"{name} has {(~np.isfinite(array)).sum()} numbers not finite")
    return array


def to_gender(path: Path, name: str, value: object) -> Gender:
    """A gender, which some files shorten to its first letter.

    Raises:
        TruthError: It is none.
    """
    genders: tuple[Gender, ...] = get_args(Gender)
    for gender in genders:
        if value in (gender, gender[0]):
            return gender
    raise TruthError(path, f"{name} is {value!r}: expected one of {', '.join(genders)}")


def invert_extrinsics(
    path: Path, name: str, camera_from_world: NDArray[np.float64]
) -> NDArray[np.float64]:
    """World-to-camera [T, 3 or 4, 4] to `world_from_camera` [T, 4, 4].

    Raises:
        TruthError: A rotation is none (scaled, skewed or mirrored).
    """
    rotation, shift = camera_from_world[:, :3, :3], camera_from_world[:, :3, 3]
    turned = rotation.swapaxes(1, 2)
    is_bad = np.abs(rotation @ turned - np.eye(3)).max(axis=(1, 2)) > MAX_SKEW
    is_bad |= np.linalg.det(rotation) < 0
    if is_bad.any():
        raise TruthError(path, f"{name}[{int(np.argmax(is_bad))}] is not a rigid pose")
    inverse = np.zeros((len(rotation), 4, 4))
    inverse[:, :3, :3] = turned
    inverse[:, :3, 3] = -(turned @ shift[:, :, None])[..., 0]
    inverse[:, 3, 3] = 1
    return inverse


def turn(
    camera_from_world: NDArray[np.float64], axis_angle: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Orientations [F, 3] in the world to the camera's frame, by rotations [F, 3, 3]."""
    matrix = torch.from_numpy(camera_from_world) @ axis_angle_to_matrix(
        torch.from_numpy(axis_angle)
    )
    return matrix_to_axis_angle(matrix).numpy()


def transform(
    camera_from_world: NDArray[np.float64], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Points [F, J, 3] in the world to the camera's frame, by poses [F, 3 or 4, 4]."""
    rotation, shift = camera_from_world[:, :3, :3], camera_from_world[:, :3, 3]
    return points @ rotation.swapaxes(1, 2) + shift[:, None]


def pinhole(matrix: NDArray[np.float64], num_frames: int) -> NDArray[np.float64]:
    """[3, 3] K to [T, 4] fx, fy, cx, cy, the same for every frame."""
    row = [matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]]
    return np.tile(np.array(row), (num_frames, 1))


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture file, from its header.

    Raises:
        TruthError: It is missing or not a picture.
    """
    try:
        with Image.open(path) as picture:
            return picture.size
    except (OSError, UnidentifiedImageError) as error:
        raise TruthError(path, f"not a picture that can be read ({error}). {ONLY_HELPS}") from error


def read_depth_png(path: Path, codes_per_m: float) -> NDArray[np.float32]:
    """A 16-bit grey PNG as depth [H, W] in metres; code 0 is none.

    Raises:
        TruthError: It is missing, damaged, or not 16-bit grey.
    """
    try:
        with Image.open(path) as picture:
            if picture.mode not in ("I;16", "I;16B", "I"):
                raise TruthError(path, f"a picture of mode {picture.mode}: expected 16-bit grey")
            codes = np.asarray(picture, np.float32)
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise TruthError(path, f"not a depth picture that can be read ({error})") from error
    return codes / np.float32(codes_per_m)


def contents(path: Path) -> str:
    """What a folder holds, for an error that says what was found."""
    if not path.exists():
        return "nothing is there"
    if path.is_file():
        return f"found a file of {path.stat().st_size} bytes"
    names = sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir())
    return f"found {', '.join(names[:8]) or 'an empty folder'}{' …' if len(names) > 8 else ''}"
