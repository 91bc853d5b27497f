"""MPI Sintel (Butler et al., ECCV 2012): training/depth and training/camdata_left.

Format, from the dataset's own reader sintel_io.py in the depth download (as used by CUT3R,
github.com/CUT3R/CUT3R, eval/relpose/evo_utils.py and eval/video_depth/eval_depth.py), little
endian. SEQUENCE/frame_0001.dpt: float32 202021.25, int32 width, int32 height, then float32 depth
row by row. SEQUENCE/frame_0001.cam: the same float32, then float64 M [3, 3] and N [3, 4] with
x = M N X for X in the world: M is the intrinsics, N takes the world to the camera. Pictures are
final (or clean)/SEQUENCE/frame_0001.png; Sintel runs at 24 frames a second. Depths are in
the film's own unit. Beyond 70 of them there is none here, as MonST3R's and CUT3R's evaluations have
it: that is sky, and a mean over it would say nothing else.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.loaders.errors import TruthError
from evaluation.loaders.fields import contents, invert_extrinsics, pinhole, to_array
from evaluation.loaders.sequence import IsWanted, TrueSequence

EXPECTED = "training/depth/SEQUENCE/frame_0001.dpt beside camdata_left/SEQUENCE/frame_0001.cam"
FRAMES_PER_S = 24
TAG = np.float32(202021.25)
MAX_DEPTH = 70
_PASSES = ("final", "clean")
_NUM_CAMERA_NUMBERS = 21


def find(path: Path) -> list[Path]:
    """The folders of depth under the dataset's root or `training`."""
    for root in (path, path / "training"):
        if (root / "depth").is_dir() and (root / "camdata_left").is_dir():
            return sorted(folder for folder in (root / "depth").iterdir() if folder.is_dir())
    is_sequence = path.parent.name == "depth" and (path.parents[1] / "camdata_left").is_dir()
    return [path] if is_sequence and path.is_dir() else []


def read(path: Path, is_wanted: IsWanted) -> list[TrueSequence]:
    """Read one sequence, if it is wanted.

    Raises:
        TruthError: A file is missing, damaged or not as described above.
    """
    root, name = path.parents[1], path.name
    if not is_wanted(name):
        return []
    depth_files = sorted(path.glob("frame_*.dpt"))
    if not depth_files:
        raise TruthError(path, f"expected frame_0001.dpt and on; {contents(path)}")
    cameras = [
        _read_camera(root / "camdata_left" / name / f"{file.stem}.cam") for file in depth_files
    ]
    height, width = _read_depth(depth_files[0]).shape
    names = tuple(f"{file.stem}.png" for file in depth_files)
    pictures = next((root / kind / name for kind in _PASSES if (root / kind / name).is_dir()), None)
    extrinsics = np.stack([extrinsics for _, extrinsics in cameras])
    return [
        TrueSequence(
            dataset="sintel",
            name=name,
            frame_names=names,
            image_paths=tuple(pictures / file for file in names) if pictures else None,
            times_s=np.arange(len(names)) / FRAMES_PER_S,
            width=width,
            height=height,
            world_from_camera=invert_extrinsics(
                root / "camdata_left" / name, "extrinsics", extrinsics
            ),
            intrinsics=np.concatenate([pinhole(matrix, 1) for matrix, _ in cameras]),
            people=(),
            read_depth=_reader(depth_files),
        )
    ]


def _reader(files: list[Path]) -> Callable[[int], NDArray[np.float32]]:
    return lambda index: _read_depth(files[index])


def _read_tagged(path: Path) -> bytes:
    """What follows the tag."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TruthError(
            path, f"cannot be read ({error.strerror}); {contents(path.parent)}"
        ) from error
    if data[:4] != TAG.tobytes():
        raise TruthError(path, f"begins with {data[:4].hex()}: expected the float {TAG}")
    return data[4:]


def _read_camera(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[3, 3] intrinsics and [3, 4] world to camera."""
    data = _read_tagged(path)
    if len(data) != 8 * _NUM_CAMERA_NUMBERS:
        raise TruthError(path, f"has {len(data)} bytes after the tag: expected 9 + 12 float64")
    numbers = to_array(path, "camera", np.frombuffer(data, "<f8"), (_NUM_CAMERA_NUMBERS,))
    return numbers[:9].reshape(3, 3), numbers[9:].reshape(3, 4)


def _read_depth(path: Path) -> NDArray[np.float32]:
    """[H, W] with 0 where it is not positive or beyond `MAX_DEPTH`."""
    data = _read_tagged(path)
    width, height = (int(size) for size in np.frombuffer(data[:8], "<i4"))
    if width <= 0 or height <= 0 or len(data) != 8 + 4 * width * height:
        raise TruthError(path, f"says {width} x {height} and has {len(data) - 8} bytes of depth")
    depth = np.frombuffer(data, "<f4", offset=8).reshape(height, width)
    return np.where((depth > 0) & (depth <= MAX_DEPTH), depth, np.float32(0))
