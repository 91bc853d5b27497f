"""RICH (Huang et al., CVPR 2022): bodies/SPLIT/SEQUENCE/FRAME/SUBJECT.pkl and calibrations.

Format, from the dataset's toolkit (github.com/paulchhuang/rich_toolkit, README.md,
smplx2images.py, utils.py): a sequence is named SCENE_SUBJECT[_SUBJECT]_ACTION. Each body is a
pickle of SMPL-X parameters with a leading 1: `transl` [1, 3], `global_orient` [1, 3], `body_pose`
[1, 63], `betas` [1, 10]; the hands are 12 PCA components each, which only SMPL-X's own file turns
into rotations, so they are left out. Bodies are in the multi-camera frame, here the world;
scan_calibration/SCENE/calibration/000.xml onwards hold `CameraMatrix` (3 x 4, world to camera) and
`Intrinsics` (3 x 3), as `data` of OpenCV's. Pictures are
images/SPLIT/SEQUENCE/cam_00/00150_00.EXT, of which one camera makes one sequence here; lens
distortion is not undone. Subjects' genders are resource/gender.json of the toolkit, which has to
be put beside `bodies`. The pictures are 30 a second, which the files do not say.
"""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from evaluation.loaders.errors import TruthError
from evaluation.loaders.fields import (
    ONLY_HELPS,
    contents,
    invert_extrinsics,
    picture_size,
    pinhole,
    take,
    to_array,
    to_gender,
    turn,
)
from evaluation.loaders.safe_pickle import read_pickle
from evaluation.loaders.sequence import Gender, IsWanted, TruePerson, TrueSequence

EXPECTED = "bodies/SPLIT/SEQUENCE/00150/SUBJECT.pkl, images/, scan_calibration/ and gender.json"
FRAMES_PER_S = 30
NUM_SEQUENCE_LEVELS = 3  # bodies/SPLIT/SEQUENCE
_FIELDS = {"transl": 3, "global_orient": 3, "body_pose": 63, "betas": 10}


def find(path: Path) -> list[Path]:
    """The sequences' folders of bodies under the dataset's root, one split, or one sequence."""
    bodies = path / "bodies"
    if bodies.is_dir():
        return sorted(folder for folder in bodies.glob("*/*") if folder.is_dir())
    if path.parent.name == "bodies" and path.is_dir():
        return sorted(folder for folder in path.iterdir() if folder.is_dir())
    return [path] if path.parent.parent.name == "bodies" and path.is_dir() else []


def read(path: Path, is_wanted: IsWanted) -> list[TrueSequence]:
    """Read one sequence as seen by each wanted camera of those that have pictures of it.

    Raises:
        TruthError: A file is missing, damaged or not as described above.
    """
    root = path.parents[NUM_SEQUENCE_LEVELS - 1]
    pictures = root / "images" / path.parent.name / path.name
    cameras = sorted(pictures.glob("cam_*"))
    if not cameras and is_wanted(path.name):
        raise TruthError(
            pictures, f"expected folders cam_00 and on; {contents(pictures)}. {ONLY_HELPS}"
        )
    cameras = [camera for camera in cameras if is_wanted(f"{path.name}_{camera.name}")]
    bodies = _read_bodies(path) if cameras else {}
    return [_read_camera(root, path, camera, bodies) for camera in cameras]


def _read_bodies(path: Path) -> dict[str, dict[int, dict[str, NDArray[np.float64]]]]:
    """Parameters by subject and number of the picture."""
    bodies: dict[str, dict[int, dict[str, NDArray[np.float64]]]] = {}
    for file in sorted(path.glob("*/*.pkl")):
        if not file.parent.name.isdecimal():
            raise TruthError(file, "lies in a folder that is not a frame's number, like 00150")
        fields = read_pickle(file)
        bodies.setdefault(file.stem, {})[int(file.parent.name)] = {
            key: to_array(file, key, take(file, fields, key), (1, size))[0]
            for key, size in _FIELDS.items()
        }
    if not bodies:
        raise TruthError(path, f"expected 00150/SUBJECT.pkl and others; {contents(path)}")
    return bodies


def _read_camera(
    root: Path,
    path: Path,
    camera: Path,
    bodies: dict[str, dict[int, dict[str, NDArray[np.float64]]]],
) -> TrueSequence:
    files = sorted(file for file in camera.iterdir() if file.is_file())
    numbers = [_frame_number(file) for file in files]
    if not files:
        raise TruthError(camera, "expected pictures like 00150_00.bmp; found an empty folder")
    scene = path.name.split("_")[0]
    calibration = root / "scan_calibration" / scene / "calibration"
    xml = calibration / f"{int(camera.name.removeprefix('cam_')):03d}.xml"
    pose, matrix = _read_calibration(xml)
    width, height = picture_size(files[0])
    people = tuple(
        _person(root, subject, labels, numbers, pose) for subject, labels in sorted(bodies.items())
    )
    num_frames = len(files)
    return TrueSequence(
        dataset="rich",
        name=f"{path.name}_{camera.name}",
        frame_names=tuple(file.name for file in files),
        image_paths=tuple(files),
        times_s=(np.array(numbers) - numbers[0]) / FRAMES_PER_S,
        width=width,
        height=height,
        world_from_camera=np.tile(
            invert_extrinsics(xml, "CameraMatrix", pose[None]), (num_frames, 1, 1)
        ),
        intrinsics=pinhole(matrix, num_frames),
        people=people,
        read_depth=None,
    )


def _frame_number(file: Path) -> int:
    number = file.stem.split("_")[0]
    if not number.isdecimal():
        raise TruthError(file, "not named after its frame and camera, like 00150_00.bmp")
    return int(number)


def _read_calibration(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[3, 4] world to camera and [3, 3] K."""
    try:
        tree = ElementTree.parse(path)
    except FileNotFoundError as error:
        raise TruthError(path, f"no calibration; {contents(path.parent)}") from error
    except (OSError, ElementTree.ParseError) as error:
        raise TruthError(path, f"not a calibration in XML ({error})") from error
    arrays = []
    for tag, shape in (("CameraMatrix", (3, 4)), ("Intrinsics", (3, 3))):
        text = tree.findtext(f"./{tag}/data")
        numbers = (text or "").split()
        if len(numbers) != shape[0] * shape[1]:
            raise TruthError(
                path, f"{tag}/data has {len(numbers)} numbers: expected {shape[0] * shape[1]}"
            )
        arrays.append(to_array(path, tag, numbers, (len(numbers),)).reshape(shape))
    return arrays[0], arrays[1]


def _person(
    root: Path,
    subject: str,
    labels: dict[int, dict[str, NDArray[np.float64]]],
    numbers: list[int],
    pose: NDArray[np.float64],
) -> TruePerson:
    frame = np.array([place for place, number in enumerate(numbers) if number in labels], np.int64)
    values = {
        key: np.array([labels[numbers[place]][key] for place in frame]).reshape(-1, size)
        for key, size in _FIELDS.items()
    }
    rotations = np.tile(pose[:, :3], (len(frame), 1, 1))
    return TruePerson(
        name=subject,
        body="smplx",
        gender=_read_gender(root / "gender.json", subject),
        frame=frame,
        is_valid=np.ones(len(frame), np.bool_),
        global_orient=turn(rotations, values["global_orient"]),
        global_orient_world=values["global_orient"],
        body_pose=values["body_pose"],
        hand_pose=None,
        betas=values["betas"],
        transl=None,
        transl_world=values["transl"],
        joints=None,
        joints_px=None,
    )


def _read_gender(path: Path, subject: str) -> Gender:
    try:
        genders = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise TruthError(
            path, f"not readable ({error}): put resource/gender.json of the toolkit here"
        ) from error
    key = str(int(subject)) if subject.isdecimal() else subject
    return to_gender(path, f"the gender of {key}", take(path, genders, key))
