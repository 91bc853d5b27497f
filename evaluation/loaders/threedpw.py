"""3DPW (von Marcard et al., ECCV 2018): sequenceFiles/{train,validation,test}/NAME.pkl.

Format, from the dataset's own readme.txt and demo.py and from the uses of it in WHAM
(github.com/yohanshin/WHAM, lib/data_utils/threedpw_eval_utils.py) and Multi-HMR: a pickle of
Python 2 with one list entry a person in `poses` [T, 72] (axis-angle, SMPL, world), `trans` [T, 3]
(world), `betas` [10 or more], `genders` ("m" or "f"), `jointPositions` [T, 72] (24 joints, world)
and `campose_valid` [T] (whether the camera was aligned to the picture with this person); for all,
`cam_poses` [T, 4, 4], which take the world to the camera, and `cam_intrinsics` [3, 3]. Pictures
are imageFiles/NAME/image_00000.jpg onwards, 30 a second; the files do not tell their size.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.loaders.errors import TruthError
from evaluation.loaders.fields import (
    invert_extrinsics,
    picture_size,
    pinhole,
    take,
    to_array,
    to_gender,
    transform,
    turn,
)
from evaluation.loaders.safe_pickle import read_pickle
from evaluation.loaders.sequence import IsWanted, TruePerson, TrueSequence

EXPECTED = "sequenceFiles/{train,validation,test}/NAME.pkl beside imageFiles/NAME/image_00000.jpg"
FRAMES_PER_S = 30
NUM_SMPL_JOINTS = 24
NUM_BETAS = 10


def find(path: Path) -> list[Path]:
    """The sequences' pickles under the dataset's root, `sequenceFiles`, or one split of it."""
    if path.suffix == ".pkl":
        return [path] if "sequenceFiles" in path.parts and path.is_file() else []
    if (path / "sequenceFiles").is_dir():
        path = path / "sequenceFiles"
    return sorted(path.rglob("*.pkl")) if "sequenceFiles" in path.parts else []


def read(path: Path, is_wanted: IsWanted) -> list[TrueSequence]:
    """Read one sequence, if it is wanted.

    Raises:
        TruthError: The pickle or a picture is missing, damaged or not as described above.
    """
    if not is_wanted(path.stem):
        return []
    fields = read_pickle(path)
    cameras = to_array(path, "cam_poses", take(path, fields, "cam_poses"), (None, 4, 4))
    num_frames = len(cameras)
    if num_frames == 0:
        raise TruthError(path, "cam_poses is empty: expected a pose for each picture")
    matrix = to_array(path, "cam_intrinsics", take(path, fields, "cam_intrinsics"), (3, 3))
    pictures = path.parents[path.parts[::-1].index("sequenceFiles")] / "imageFiles" / path.stem
    names = tuple(f"image_{index:05d}.jpg" for index in range(num_frames))
    width, height = picture_size(pictures / names[0])
    num_people = len(take(path, fields, "poses"))
    return [
        TrueSequence(
            dataset="3dpw",
            name=path.stem,
            frame_names=names,
            image_paths=tuple(pictures / name for name in names),
            times_s=np.arange(num_frames) / FRAMES_PER_S,
            width=width,
            height=height,
            world_from_camera=invert_extrinsics(path, "cam_poses", cameras),
            intrinsics=pinhole(matrix, num_frames),
            people=tuple(_person(path, fields, index, cameras) for index in range(num_people)),
            read_depth=None,
        )
    ]


def _person(path: Path, fields: Any, index: int, cameras: Any) -> TruePerson:
    num_frames = len(cameras)

    def of_person(key: str) -> Any:
        values = take(path, fields, key)
        if len(values) <= index:
            raise TruthError(path, f"{key} has {len(values)} people: expected {index + 1} or more")
        return values[index]

    def numbers(key: str, *shape: int | None) -> NDArray[np.float64]:
        return to_array(path, f"{key}[{index}]", of_person(key), shape)

    poses = numbers("poses", num_frames, 3 * NUM_SMPL_JOINTS)
    joints = numbers("jointPositions", num_frames, 3 * NUM_SMPL_JOINTS)
    betas = numbers("betas", None)[:NUM_BETAS]
    return TruePerson(
        name=str(index),
        body="smpl",
        gender=to_gender(path, f"genders[{index}]", of_person("genders")),
        frame=np.arange(num_frames),
        is_valid=numbers("campose_valid", num_frames) > 0,
        global_orient=turn(cameras[:, :3, :3], poses[:, :3]),
        global_orient_world=poses[:, :3],
        body_pose=poses[:, 3:],
        hand_pose=None,
        betas=np.tile(betas, (num_frames, 1)),
        transl=None,
        transl_world=numbers("trans", num_frames, 3),
        joints=transform(cameras, joints.reshape(num_frames, NUM_SMPL_JOINTS, 3)),
        joints_px=None,
    )
