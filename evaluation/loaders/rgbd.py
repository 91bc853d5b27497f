"""TUM RGB-D (Sturm et al., IROS 2012) and Bonn RGB-D Dynamic (Palazzolo et al., IROS 2019).

Format, from TUM's page "File Formats" (cvg.cit.tum.de/data/datasets/rgbd-dataset/file_formats),
which Bonn's data follows too: rgb.txt and depth.txt name a picture a line, after its time stamp in
seconds; groundtruth.txt has `timestamp tx ty tz qx qy qz qw`, the pose of the colour camera in the
motion capture's world (camera to world), quaternion with the scalar last; lines that begin with #
are comments. Depth is a 16-bit PNG of 5000 codes a metre, 0 where there is none, registered to the
colour picture. Lists are joined on the nearest time stamp within 20 ms (TUM's associate.py); a
picture without a depth map or a pose is left out. Intrinsics are not in the folders: they are
TUM's and Bonn's published ones, lens distortion not undone (TUM's pages, and
www.ipb.uni-bonn.de/data/rgbd-dynamic-dataset).

Bonn's poses are those of the markers on the sensor, in other axes. Its page gives two matrices,
T_ROS and T_m, that take a model in the sensor's frame at the first pose T_0 to the laser scan:
T_ROS^-1 T_0 T_ROS T_m. So the camera is at T_ROS^-1 T T_ROS T_m, with OpenCV's axes: the sensor's
points lie on the scan then. T_m has a scale of 1.0593 in it, which is for a model's points; a pose
has none, so its rotation is taken.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.loaders.errors import TruthError
from evaluation.loaders.fields import contents, picture_size, read_depth_png
from evaluation.loaders.sequence import IsWanted, TrueSequence
from human3r_model.geometry import pose_to_matrix

EXPECTED = "SEQUENCE/ with rgb.txt, depth.txt and groundtruth.txt"
CODES_PER_M = 5000
MAX_TIME_GAP_S = 0.02
MAX_NORM_ERROR = 1e-2
INTRINSICS: dict[str, tuple[float, float, float, float]] = {
    "freiburg1": (517.3, 516.5, 318.6, 255.3),
    "freiburg2": (520.9, 521.0, 325.1, 249.7),
    "freiburg3": (535.4, 539.2, 320.1, 247.6),
    "bonn": (542.822841, 542.576870, 315.593520, 237.756098),
}
"""fx, fy, cx, cy of each camera, 640 x 480."""
BONN_T_ROS = np.array(
    [[-1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
)
"""From Bonn's motion capture axes to those of the scan (z up), and back: its own inverse."""
BONN_T_M = np.array(
    [
        [1.0157, 0.1828, -0.2389, 0.0113],
        [0.0009, -0.8431, -0.6413, -0.0098],
        [-0.3009, 0.6147, -0.8085, 0.0111],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
"""From Bonn's colour camera to the markers, as published: times a scale of 1.0593."""
_LISTS = ("rgb.txt", "depth.txt", "groundtruth.txt")


def find(path: Path) -> list[Path]:
    """The sequences in a folder, or the folder itself."""
    folders = [path, *sorted(path.iterdir())] if path.is_dir() else []
    return [folder for folder in folders if all((folder / name).is_file() for name in _LISTS)]


def find_bonn(path: Path) -> list[Path]:
    """Those that are named as Bonn names them."""
    return [folder for folder in find(path) if folder.name.startswith("rgbd_bonn")]


def find_tum(path: Path) -> list[Path]:
    """Those that are not Bonn's."""
    return [folder for folder in find(path) if not folder.name.startswith("rgbd_bonn")]


def read(path: Path, is_wanted: IsWanted) -> list[TrueSequence]:
    """Read one sequence, if it is wanted.

    Raises:
        TruthError: A list is damaged, or no picture has both a depth map and a pose.
    """
    if not is_wanted(path.name):
        return []
    pictures, depths, poses = (_read_list(path / name) for name in _LISTS)
    times_s = np.array(list(pictures))
    of_depth = _nearest(times_s, np.array(list(depths)))
    of_pose = _nearest(times_s, np.array(list(poses)))
    kept = np.flatnonzero((of_depth >= 0) & (of_pose >= 0))
    if not len(kept):
        raise TruthError(
            path,
            f"none of {len(times_s)} pictures has a depth map and a pose within {MAX_TIME_GAP_S} s",
        )
    names = [list(pictures.values())[place][0] for place in kept]
    depth_files = [path / list(depths.values())[place][0] for place in of_depth[kept]]
    pose_rows = [list(poses.values())[place] for place in of_pose[kept]]
    width, height = picture_size(depth_files[0])
    camera = next((name for name in INTRINSICS if name in path.name), None)
    world_from_camera = _to_matrices(path / "groundtruth.txt", pose_rows)
    if camera == "bonn":
        world_from_camera = _bonn_cameras(world_from_camera)
    return [
        TrueSequence(
            dataset="bonn" if camera == "bonn" else "tum",
            name=path.name,
            frame_names=tuple(names),
            image_paths=tuple(path / name for name in names),
            times_s=times_s[kept] - times_s[kept[0]],
            width=width,
            height=height,
            world_from_camera=world_from_camera,
            intrinsics=np.tile(INTRINSICS[camera], (len(kept), 1)) if camera else None,
            people=(),
            read_depth=_reader(depth_files),
        )
    ]


def _reader(files: list[Path]) -> Callable[[int], NDArray[np.float32]]:
    return lambda index: read_depth_png(files[index], CODES_PER_M)


def _read_list(path: Path) -> dict[float, list[str]]:
    """Fields of each line by its time stamp, in order of time."""
    num_fields = 7 if path.name == "groundtruth.txt" else 1
    rows: dict[float, list[str]] = {}
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TruthError(path, f"cannot be read ({error}); {contents(path.parent)}") from error
    for number, line in enumerate(lines, start=1):
        fields = line.replace(",", " ").split()
        if not fields or fields[0].startswith("#"):
            continue
        try:
            time_s = float(fields[0])
        except ValueError as error:
            raise TruthError(path, f"line {number}: {fields[0]!r} is no time stamp") from error
        if len(fields) != 1 + num_fields:
            raise TruthError(
                path, f"line {number} has {len(fields)} fields: expected {1 + num_fields}"
            )
        rows[time_s] = fields[1:]
    if not rows:
        raise TruthError(path, "has no line but comments")
    return dict(sorted(rows.items()))


def _nearest(times_s: NDArray[np.float64], others_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Place of the nearest of `others_s` (rising) to each time; -1 where it is too far."""
    right = np.searchsorted(others_s, times_s).clip(1, max(len(others_s) - 1, 1))
    left = right - 1
    right = right.clip(max=len(others_s) - 1)
    is_left = abs(times_s - others_s[left]) <= abs(others_s[right] - times_s)
    place = np.where(is_left, left, right)
    return np.where(abs(others_s[place] - times_s) <= MAX_TIME_GAP_S, place, -1)


def _to_matrices(path: Path, rows: list[list[str]]) -> NDArray[np.float64]:
    """[T, 4, 4] of rows tx ty tz qx qy qz qw."""
    try:
        poses = np.array(rows, np.float64)
    except ValueError as error:
        raise TruthError(path, f"a pose is not of numbers ({error})") from error
    norms = np.linalg.norm(poses[:, 3:], axis=1, keepdims=True)
    if not (abs(norms - 1) < MAX_NORM_ERROR).all():
        raise TruthError(path, "a quaternion is not of length 1: expected tx ty tz qx qy qz qw")
    scalar_first = np.concatenate([poses[:, :3], (poses[:, 3:] / norms)[:, [3, 0, 1, 2]]], axis=1)
    return pose_to_matrix(torch.from_numpy(scalar_first)).numpy()


def _bonn_cameras(markers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Poses of the camera from those of the markers, both [T, 4, 4]."""
    left, _, right = np.linalg.svd(BONN_T_M[:3, :3])
    markers_from_camera = BONN_T_M.copy()
    markers_from_camera[:3, :3] = left @ right  # the scale is in the singular values
    cameras: NDArray[np.float64] = BONN_T_ROS @ markers @ BONN_T_ROS @ markers_from_camera
    return cameras
