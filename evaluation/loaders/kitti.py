"""KITTI depth (Uhrig et al., 3DV 2017): the selected validation pictures, or the annotated drives.

Format, from the benchmark's readme.txt (devkit of data_depth_annotated.zip and
data_depth_selection.zip): depth maps are 16-bit PNG of 256 codes a metre, 0 where there is none.
val_selection_cropped/ has groundtruth_depth/DRIVE_groundtruth_depth_NUMBER_image_02.png,
image/DRIVE_image_NUMBER_image_02.png and, named as the picture, intrinsics/….txt of 9 numbers (K
row by row), with DRIVE like 2011_09_26_drive_0002_sync; its pictures are single ones of a drive.
val/ (or train/) has DRIVE/proj_depth/groundtruth/image_02/NUMBER.png, without intrinsics; the
pictures are KITTI raw's, looked for in DRIVE/image_02/data beside proj_depth. Pictures are 10 a
second. One camera of a drive makes a sequence. There are no poses.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.loaders.errors import TruthError
from evaluation.loaders.fields import contents, picture_size, pinhole, read_depth_png, to_array
from evaluation.loaders.sequence import IsWanted, TrueSequence

EXPECTED = (
    "groundtruth_depth/ of val_selection_cropped, or DRIVE/proj_depth/groundtruth/image_02 of "
    "data_depth_annotated"
)
FRAMES_PER_S = 10
CODES_PER_M = 256
_SELECTED = re.compile(r"(.+_sync)_groundtruth_depth_(\d{10})_(image_0[23])\.png")


def find(path: Path) -> list[Path]:
    """A selection's folder of depth, or every annotated camera of every drive."""
    if (path / "groundtruth_depth").is_dir():
        return [path / "groundtruth_depth"]
    levels = ("groundtruth/image_0[23]", "proj_depth/groundtruth/image_0[23]")
    cameras = [
        camera for level in (*levels, f"*/{levels[1]}", f"*/*/{levels[1]}")
        for camera in path.glob(level)
    ]  # fmt: skip
    return sorted(cameras)


def read(path: Path, is_wanted: IsWanted) -> list[TrueSequence]:
    """Read those wanted of the sequences of a selection, or of one annotated camera.

    Raises:
        TruthError: A file is missing, damaged or not named as described above.
    """
    files = sorted(path.glob("*.png"))
    if not files:
        raise TruthError(path, f"expected depth maps (.png); {contents(path)}")
    if path.name != "groundtruth_depth":
        drive = path.parents[2]
        name = f"{drive.name}_{path.name}"
        if not is_wanted(name):
            return []
        pictures = drive / path.name / "data"
        images = [pictures / file.name for file in files] if pictures.is_dir() else None
        numbers = [_number(file, file.stem) for file in files]
        return [_sequence(name, numbers, files, images, None)]
    cameras: dict[str, list[tuple[int, Path]]] = {}
    for file in files:
        match = _SELECTED.fullmatch(file.name)
        if match is None:
            raise TruthError(file, "not named DRIVE_sync_groundtruth_depth_NUMBER_image_02.png")
        drive_name, number, camera = match.groups()
        cameras.setdefault(f"{drive_name}_{camera}", []).append((int(number), file))
    return [
        _selected(path, name, sorted(members))
        for name, members in sorted(cameras.items())
        if is_wanted(name)
    ]


def _selected(path: Path, name: str, members: list[tuple[int, Path]]) -> TrueSequence:
    files = [file for _, file in members]
    names = [file.name.replace("_groundtruth_depth_", "_image_") for file in files]
    matrices = [
        _read_intrinsics(path.parent / "intrinsics" / f"{Path(picture).stem}.txt")
        for picture in names
    ]
    images = [path.parent / "image" / picture for picture in names]
    return _sequence(name, [number for number, _ in members], files, images, matrices)


def _sequence(
    name: str,
    numbers: list[int],
    files: list[Path],
    images: list[Path] | None,
    matrices: list[NDArray[np.float64]] | None,
) -> TrueSequence:
    width, height = picture_size(files[0])
    return TrueSequence(
        dataset="kitti",
        name=name,
        frame_names=tuple(file.name for file in images or files),
        image_paths=tuple(images) if images else None,
        times_s=(np.array(numbers) - numbers[0]) / FRAMES_PER_S,
        width=width,
        height=height,
        world_from_camera=None,
        intrinsics=np.concatenate([pinhole(m, 1) for m in matrices]) if matrices else None,
        people=(),
        read_depth=_reader(files),
    )


def _reader(files: list[Path]) -> Callable[[int], NDArray[np.float32]]:
    return lambda index: read_depth_png(files[index], CODES_PER_M)


def _number(file: Path, text: str) -> int:
    if not text.isdecimal():
        raise TruthError(file, "not named after its frame, like 0000000005.png")
    return int(text)


def _read_intrinsics(path: Path) -> NDArray[np.float64]:
    try:
        numbers = path.read_text().split()
    except OSError as error:
        raise TruthError(path, f"cannot be read ({error.strerror})") from error
    return to_array(path, "intrinsics", numbers, (9,)).reshape(3, 3)
