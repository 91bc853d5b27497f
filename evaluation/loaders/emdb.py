"""EMDB (Kaufmann et al., ICCV 2023): P0..P9/SEQUENCE/PX_SEQUENCE_data.pkl.

Format, from the dataset's own description (github.com/eth-ait/emdb, dataset.md, visualize.py): a
pickle of `gender`, `emdb1`, `emdb2` (which benchmark the sequence belongs to), `n_frames`,
`good_frames_mask` [T] (False where the person is out of view or hidden), `kp2d` [T, 24, 2] (SMPL's
joints in the picture), `camera` (`intrinsics` [3, 3], `extrinsics` [T, 4, 4], world to camera: its
centre is -R^T t; `width`, `height`) and `smpl` (`poses_root` [T, 3], `poses_body` [T, 69], `trans`
[T, 3], `betas` [10], in the world).
Pictures are images/00000.jpg onwards. They are 30 a second, which the files do not say.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from evaluation.loaders.fields import invert_extrinsics, pinhole, take, to_array, to_gender, turn
from evaluation.loaders.safe_pickle import read_pickle
from evaluation.loaders.sequence import IsWanted, TruePerson, TrueSequence

EXPECTED = "P*/SEQUENCE/PX_SEQUENCE_data.pkl beside images/00000.jpg"
SUFFIX = "_data.pkl"
FRAMES_PER_S = 30
NUM_BETAS = 10


def find(path: Path) -> list[Path]:
    """The pickles under the dataset's root, one participant, or one sequence."""
    if path.is_file():
        return [path] if path.name.endswith(SUFFIX) else []
    levels = (f"*{SUFFIX}", f"*/*{SUFFIX}", f"*/*/*{SUFFIX}")
    return sorted(file for level in levels for file in path.glob(level))


def of_benchmark(number: int) -> Callable[[Path, IsWanted], list[TrueSequence]]:
    """A reader like `read` that leaves out sequences not of EMDB 1 or EMDB 2."""

    def read_if_part(path: Path, is_wanted: IsWanted) -> list[TrueSequence]:
        return [
            sequence
            for sequence in read(path, is_wanted)
            if take(path, read_pickle(path), f"emdb{number}")
        ]

    return read_if_part


def read(path: Path, is_wanted: IsWanted) -> list[TrueSequence]:
    """Read one sequence, if it is wanted.

    Raises:
        TruthError: The pickle is missing, damaged or not as described above.
    """
    name = path.name.removesuffix(SUFFIX)
    if not is_wanted(name):
        return []
    fields = read_pickle(path)
    camera, smpl = take(path, fields, "camera"), take(path, fields, "smpl")
    num_frames = int(take(path, fields, "n_frames"))
    cameras = to_array(path, "extrinsics", take(path, camera, "extrinsics"), (num_frames, 4, 4))
    matrix = to_array(path, "intrinsics", take(path, camera, "intrinsics"), (3, 3))
    root = to_array(path, "poses_root", take(path, smpl, "poses_root"), (num_frames, 3))
    betas = to_array(path, "betas", take(path, smpl, "betas"), (NUM_BETAS,))
    is_good = to_array(
        path, "good_frames_mask", take(path, fields, "good_frames_mask"), (num_frames,)
    )
    person = TruePerson(
        name="0",
        body="smpl",
        gender=to_gender(path, "gender", take(path, fields, "gender")),
        frame=np.arange(num_frames),
        is_valid=is_good > 0,
        global_orient=turn(cameras[:, :3, :3], root),
        global_orient_world=root,
        body_pose=to_array(path, "poses_body", take(path, smpl, "poses_body"), (num_frames, 69)),
        hand_pose=None,
        betas=np.tile(betas, (num_frames, 1)),
        transl=None,
        transl_world=to_array(path, "trans", take(path, smpl, "trans"), (num_frames, 3)),
        joints=None,
        joints_px=to_array(
            path, "kp2d", take(path, fields, "kp2d"), (num_frames, 24, 2), may_have_nan=True
        ),
    )
    names = tuple(f"{index:05d}.jpg" for index in range(num_frames))
    return [
        TrueSequence(
            dataset="emdb",
            name=name,
            frame_names=names,
            image_paths=tuple(path.parent / "images" / name for name in names),
            times_s=np.arange(num_frames) / FRAMES_PER_S,
            width=int(take(path, camera, "width")),
            height=int(take(path, camera, "height")),
            world_from_camera=invert_extrinsics(path, "extrinsics", cameras),
            intrinsics=pinhole(matrix, num_frames),
            people=(person,),
            read_depth=None,
        )
    ]
