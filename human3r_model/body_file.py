"""Reads an SMPL-X model file into plain arrays, and refuses anything else.

The published file may hold pickled extras beside its arrays; only the arrays named here are
opened, and never with pickles allowed. Letters: V vertices, F faces, S shape directions.
"""

import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from human3r_model.errors import BodyModelError

NUM_JOINTS = 55
NUM_SHAPES = 10
NUM_EXPRESSIONS = 10

# Parent of each joint in SMPL-X's order: pelvis and body, jaw, eyes, left hand, right hand.
# fmt: off
PARENTS = (
    -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19,
    15, 15, 15,
    20, 25, 26, 20, 28, 29, 20, 31, 32, 20, 34, 35, 20, 37, 38,
    21, 40, 41, 21, 43, 44, 21, 46, 47, 21, 49, 50, 21, 52, 53,
)
# fmt: on

_MIN_VERTICES = 9930  # smplx's own landmarks go up to vertex 9929
_FULL_FILE = 400  # shape directions of the full file: expressions start at 300, else at 10
_MAX_ARRAY_BYTES = 2**30  # unpacked; the published file's largest is 122 MB
_KINDS = {5: "FLAME", 16: "MANO", 24: "SMPL", 52: "SMPL-H"}
_ARRAYS = (
    "kintree_table", "v_template", "f", "weights", "J_regressor", "shapedirs", "posedirs"
)  # fmt: skip
# What numpy and zipfile raise of arrays that are damaged, hostile or said to be huge.
_ARRAY_ERRORS = (
    ValueError, AttributeError, OSError, MemoryError, zipfile.BadZipFile, zlib.error
)  # fmt: skip
_ADVICE = "give SMPL-X's neutral model as .npz (SMPLX_NEUTRAL.npz) or the bundled free body"


@dataclass(frozen=True, eq=False)
class BodyArrays:
    """What a body model file says, float64, metres.

    Attributes:
        sha256: Hash of the file.
        template: [V, 3] vertices of the mean body.
        faces: [F, 3] int64 vertex indices.
        skin_weights: [V, 55].
        joint_regressor: [55, V].
        shape_directions: [V, 3, 20]: 10 shapes, then 10 expressions.
        pose_directions: [V, 3, 486].
    """

    sha256: str
    template: NDArray[np.float64]
    faces: NDArray[np.int64]
    skin_weights: NDArray[np.float64]
    joint_regressor: NDArray[np.float64]
    shape_directions: NDArray[np.float64]
    pose_directions: NDArray[np.float64]


def read_body_file(path: str | Path) -> BodyArrays:
    """Read and check an SMPL-X model file (.npz); nothing in it is unpickled.

    Raises:
        BodyModelError: The file is missing, damaged, another kind of model, or has arrays that
            are missing, misshaped, pickled or not finite.
    """
    name = str(path)
    data = _read_bytes(name)
    arrays = _read_arrays(name, data)
    _check(name, arrays)
    shapes = arrays["shapedirs"]
    first_expression = 300 if shapes.shape[2] >= _FULL_FILE else NUM_SHAPES
    expressions = shapes[:, :, first_expression : first_expression + NUM_EXPRESSIONS]
    return BodyArrays(
        sha256=hashlib.sha256(data).hexdigest(),
        template=arrays["v_template"],
        faces=arrays["f"].astype(np.int64),
        skin_weights=arrays["weights"],
        joint_regressor=arrays["J_regressor"],
        shape_directions=np.concatenate([shapes[:, :, :NUM_SHAPES], expressions], 2),
        pose_directions=arrays["posedirs"],
    )


def _read_bytes(name: str) -> bytes:
    if not name.endswith(".npz"):
        raise BodyModelError(name, f"not an .npz file; pickles are never opened: {_ADVICE}")
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise BodyModelError(name, f"cannot be read ({error.strerror}): {_ADVICE}") from error
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise BodyModelError(name, f"not an .npz archive, or cut short: {_ADVICE}")
    return data


def _read_arrays(name: str, data: bytes) -> dict[str, NDArray[np.float64]]:
    arrays: dict[str, NDArray[np.float64]] = {}
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        missing = [key for key in _ARRAYS if key not in file]
        if missing:
            raise BodyModelError(name, f"lacks {', '.join(missing)}: {_ADVICE}")
        for key in _ARRAYS:
            size_bytes = file.zip.getinfo(f"{key}.npy").file_size
            if size_bytes > _MAX_ARRAY_BYTES:
                raise BodyModelError(name, f"{key} unpacks to {size_bytes} bytes: {_ADVICE}")
            try:
                arrays[key] = file[key].astype(np.float64)
            except _ARRAY_ERRORS as error:
                raise BodyModelError(
                    name, f"{key} is damaged or not a plain array of numbers ({error}): {_ADVICE}"
                ) from error
    return arrays


def _check(name: str, arrays: dict[str, NDArray[np.float64]]) -> None:
    """Refuse another kind of model, or one whose arrays do not fit each other."""
    shapes = {key: array.shape for key, array in arrays.items()}
    num_joints = shapes["kintree_table"][-1] if shapes["kintree_table"] else 0
    if num_joints != NUM_JOINTS:
        kind = f" ({_KINDS[num_joints]}?)" if num_joints in _KINDS else ""
        raise BodyModelError(name, f"has {num_joints} joints{kind}, not {NUM_JOINTS}: {_ADVICE}")
    num_vertices, num_faces = (shapes[key][0] if shapes[key] else 0 for key in ("v_template", "f"))
    num_shapes = shapes["shapedirs"][-1] if shapes["shapedirs"] else 0
    expected = {
        "kintree_table": (2, NUM_JOINTS),
        "v_template": (num_vertices, 3),
        "f": (num_faces, 3),
        "weights": (num_vertices, NUM_JOINTS),
        "J_regressor": (NUM_JOINTS, num_vertices),
        "shapedirs": (num_vertices, 3, num_shapes),
        "posedirs": (num_vertices, 3, (NUM_JOINTS - 1) * 9),
    }
    for key, shape in expected.items():
        if shapes[key] != shape:
            raise BodyModelError(name, f"{key} has shape {shapes[key]}, not {shape}: {_ADVICE}")
        if not np.isfinite(arrays[key]).all():
            raise BodyModelError(name, f"{key} has values that are not finite: {_ADVICE}")
    for number, least, what in (
        (num_vertices, _MIN_VERTICES, "vertices"),
        (num_shapes, NUM_SHAPES + NUM_EXPRESSIONS, "shape and expression directions"),
        (num_faces, 1, "faces"),
    ):
        if number < least:
            raise BodyModelError(name, f"has {number} {what}, not {least} or more: {_ADVICE}")
    if arrays["f"].min() < 0 or arrays["f"].max() >= num_vertices:
        raise BodyModelError(name, f"f names vertices beyond {num_vertices - 1}: {_ADVICE}")
    if tuple(arrays["kintree_table"][0, 1:].astype(int)) != PARENTS[1:]:
        raise BodyModelError(name, f"its joints are not in SMPL-X's order: {_ADVICE}")
