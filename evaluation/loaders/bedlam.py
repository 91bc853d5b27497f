"""BEDLAM (Black et al., CVPR 2023): SCENE.npz, the processed labels of one scene.

Format, from the dataset's own tools (github.com/pixelite1201/BEDLAM, data_processing/ReadMe.md and
df_full_body.py): a row is one person in one picture. `imgname` is SEQUENCE/SEQUENCE_0000.png,
`sub` the person, `pose_cam` [N, 165] SMPL-X axis-angle (global in the camera, 21 body, jaw, two
eyes, hands around the flat hand), `shape` [N, 10 or more], `trans_cam` [N, 3], `cam_int` [N, 3, 3],
`cam_ext` [N, 4, 4], `gender`. The body's translation in the camera is trans_cam + cam_ext[:3, 3]:
that shift is of the person, and the camera's yaw is folded into the person's world, so there is no
world that rows share, and none is given here. The principal point is the middle of the picture, so
it tells the size. `gender` is the subject's; shapes of more than 10 numbers belong to the neutral
model. Pictures are 30 a second; the labels take each of them or every fifth. Who has fewer than 12
of 22 body joints in a picture has no row of it, and a picture may be without rows between others:
it belongs to the sequence all the same. Pictures are looked for in SCENE/png beside SCENE.npz;
those of "closeup" scenes lie on their side and have to be turned by 90 degrees clockwise first.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.loaders.errors import TruthError
from evaluation.loaders.fields import pinhole, to_array, to_gender
from evaluation.loaders.sequence import IsWanted, TruePerson, TrueSequence

EXPECTED = "SCENE.npz with imgname, sub, gender, shape, pose_cam, trans_cam, cam_int, cam_ext"
FRAMES_PER_S = 30
NUM_POSE = 165
FIRST_HAND = 75
NEUTRAL_FROM = 10  # shapes of more numbers are the neutral model's
_TEXTS = ("imgname", "sub", "gender")
_NUMBERS: dict[str, tuple[int | None, ...]] = {
    "shape": (None,),
    "pose_cam": (NUM_POSE,),
    "trans_cam": (3,),
    "cam_int": (3, 3),
    "cam_ext": (4, 4),
}


def find(path: Path) -> list[Path]:
    """The .npz files of a folder, or one."""
    files = [path] if path.is_file() else sorted(path.glob("*.npz"))
    return [file for file in files if file.suffix == ".npz"]


def read(path: Path, is_wanted: IsWanted) -> list[TrueSequence]:
    """Read the sequences of one scene that are wanted.

    Raises:
        TruthError: The file is missing, damaged or not as described above.
    """
    rows = _read_arrays(path)
    names = [str(name) for name in rows["imgname"]]
    numbers = np.array([_frame_number(path, name) for name in names])
    sequences = np.array([name.rpartition("/")[0] for name in names])
    of_sequence = {str(name): np.flatnonzero(sequences == name) for name in np.unique(sequences)}
    # Labels take every picture or every fifth: of which step all numbers of the scene are.
    steps = [np.diff(np.unique(numbers[places])) for places in of_sequence.values()]
    step = int(np.gcd.reduce(np.concatenate([np.zeros(1, np.int64), *steps]))) or 1
    return [
        _sequence(path, name, step, numbers[places], {key: rows[key][places] for key in rows})
        for name, places in of_sequence.items()
        if is_wanted(_full_name(path, name))
    ]


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in (*_TEXTS, *_NUMBERS) if key not in file]
            if missing:
                raise TruthError(path, f"lacks {', '.join(missing)}; found {sorted(file.files)}")
            for key in _TEXTS:
                arrays[key] = file[key].astype(str)
            num_rows = len(arrays["imgname"])
            for key, shape in _NUMBERS.items():
                arrays[key] = to_array(path, key, file[key], (num_rows, *shape))
    except (OSError, ValueError, EOFError, AttributeError) as error:
        raise TruthError(path, f"not an .npz of plain arrays ({error})") from error
    lengths = {key: len(arrays[key]) for key in _TEXTS}
    if len(set(lengths.values())) > 1:
        raise TruthError(path, f"rows do not pair: {lengths}")
    return arrays


def _sequence(
    path: Path, name: str, step: int, numbers: NDArray[np.int64], rows: dict[str, NDArray[Any]]
) -> TrueSequence:
    """One sequence, of rows whose pictures have those numbers."""
    labelled, first = np.unique(numbers, return_index=True)  # and a row of each picture
    frames = np.arange(labelled[0], labelled[-1] + 1, step)
    stem, digits = Path(rows["imgname"][first[0]]).stem.rpartition("_")[::2]
    known = dict(zip(labelled.tolist(), rows["imgname"][first].tolist(), strict=True))
    names = [known.get(n, f"{name}/{stem}_{n:0{len(digits)}d}.png") for n in frames.tolist()]
    last_labelled = np.searchsorted(labelled, frames, side="right") - 1
    matrices = rows["cam_int"][first][last_labelled]
    centre = matrices[0, :2, 2]
    pictures = path.with_suffix("") / "png"
    frame = (numbers - labelled[0]) // step
    people = tuple(
        _person(path, str(who), frame[mask], {key: value[mask] for key, value in rows.items()})
        for who in np.unique(rows["sub"])
        for mask in [rows["sub"] == who]
    )
    return TrueSequence(
        dataset="bedlam",
        name=_full_name(path, name),
        frame_names=tuple(names),
        image_paths=tuple(pictures / picture for picture in names) if pictures.is_dir() else None,
        times_s=(frames - frames[0]) / FRAMES_PER_S,
        width=round(2 * float(centre[0])),
        height=round(2 * float(centre[1])),
        world_from_camera=None,
        intrinsics=np.concatenate([pinhole(matrix, 1) for matrix in matrices]),
        people=people,
        read_depth=None,
    )


def _full_name(path: Path, name: str) -> str:
    return f"{path.stem}_{name.replace('/', '_')}"


def _frame_number(path: Path, picture: str) -> int:
    number = Path(picture).stem.rpartition("_")[2]
    if not number.isdecimal():
        raise TruthError(path, f"imgname {picture!r} does not end in a frame's number")
    return int(number)


def _person(
    path: Path, name: str, frame: NDArray[np.int64], rows: dict[str, NDArray[Any]]
) -> TruePerson:
    order = np.argsort(frame, kind="stable")
    frame = frame[order]
    if (np.diff(frame) == 0).any():
        twice = rows["imgname"][order][int(np.argmin(np.diff(frame)))]
        raise TruthError(path, f"{name} is in {twice} twice, so people cannot be told apart")
    pose, betas = rows["pose_cam"][order], rows["shape"][order]
    stated = to_gender(path, f"gender of {name}", str(rows["gender"][0]))
    return TruePerson(
        name=name,
        body="smplx",
        gender="neutral" if betas.shape[1] > NEUTRAL_FROM else stated,
        frame=frame,
        is_valid=np.ones(len(frame), np.bool_),
        global_orient=pose[:, :3],
        global_orient_world=None,
        body_pose=pose[:, 3:66],
        hand_pose=pose[:, FIRST_HAND:],
        betas=betas,
        transl=rows["trans_cam"][order] + rows["cam_ext"][order][:, :3, 3],
        transl_world=None,
        joints=None,
        joints_px=None,
    )
