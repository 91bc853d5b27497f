"""One sequence of a public ground truth, in this project's conventions, whatever it came from.

Letters: T frames of the sequence, F frames in which one person is labelled, S shape coefficients,
H and W pixels. Metres, radians, seconds, source pixels; OpenCV camera axes; poses are
camera-to-world (`world_from_camera`). Rotations of bodies are axis-angle, as SMPL takes them.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Gender = Literal["male", "female", "neutral"]
BodyKind = Literal["smpl", "smplx"]
IsWanted = Callable[[str], bool]
"""Says of a sequence's name whether to read it."""


@dataclass(frozen=True, eq=False)
class TruePerson:
    """One person through a sequence.

    `transl` of SMPL and SMPL-X turns with the rest pelvis J0 of the body (v = R (v0 - J0) + J0 +
    transl), so moving it between frames needs the body model: it is here in the frame in which
    the files give it. Orientation and joints need none and are always the camera's.

    Attributes:
        name: Who, unique in the sequence.
        body: Which model the parameters are for.
        gender: Of that model.
        frame: [F] indices into the sequence's frames, increasing.
        is_valid: [F] whether the dataset says that the frame's label may be trusted.
        global_orient: [F, 3] camera.
        global_orient_world: [F, 3]; None where no world is known.
        body_pose: [F, 69] (SMPL) or [F, 63] (SMPL-X).
        hand_pose: [F, 90] left, then right hand, around the flat hand; None where not given so.
        betas: [F, S].
        transl: [F, 3] the model's own, camera; None where the files speak of the world.
        transl_world: [F, 3] likewise, world; None where the files speak of the camera.
        joints: [F, 24, 3] SMPL's joints, camera; None where the files have none.
        joints_px: [F, 24, 2] the same in the picture, where the files have only that.
    """

    name: str
    body: BodyKind
    gender: Gender
    frame: NDArray[np.int64]
    is_valid: NDArray[np.bool_]
    global_orient: NDArray[np.float64]
    global_orient_world: NDArray[np.float64] | None
    body_pose: NDArray[np.float64]
    hand_pose: NDArray[np.float64] | None
    betas: NDArray[np.float64]
    transl: NDArray[np.float64] | None
    transl_world: NDArray[np.float64] | None
    joints: NDArray[np.float64] | None
    joints_px: NDArray[np.float64] | None

    def take(self, frames: NDArray[np.int64]) -> "TruePerson":
        """The same person in those frames of the sequence [T] only, which become 0 to T - 1."""
        rows = np.isin(self.frame, frames)
        per_frame: dict[str, Any] = {
            field.name: values[rows]
            for field in fields(self)
            if isinstance(values := getattr(self, field.name), np.ndarray)
        }
        return replace(self, **per_frame | {"frame": np.searchsorted(frames, self.frame[rows])})


@dataclass(frozen=True, eq=False)
class TrueSequence:
    """What a ground truth says of one sequence of pictures.

    Attributes:
        dataset: Where it is from, as `evaluation.loaders.load` names it.
        name: Unique in the dataset; no slashes.
        frame_names: [T] of the pictures, in order.
        image_paths: [T] the pictures; None where they are not beside the truth.
        times_s: [T] increasing, from the first frame.
        width: W, pixels.
        height: H, pixels.
        world_from_camera: [T, 4, 4] rigid; None where the files know no world.
        intrinsics: [T, 4] fx, fy, cx, cy, pixels, as the files give them; None where they do not.
        people: Everybody who is labelled.
        read_depth: From the index of a frame to [H, W] float32 metres, 0 where there is none;
            None where there is no depth. It raises TruthError.
    """

    dataset: str
    name: str
    frame_names: tuple[str, ...]
    image_paths: tuple[Path, ...] | None
    times_s: NDArray[np.float64]
    width: int
    height: int
    world_from_camera: NDArray[np.float64] | None
    intrinsics: NDArray[np.float64] | None
    people: tuple[TruePerson, ...]
    read_depth: Callable[[int], NDArray[np.float32]] | None

    def take(self, span: slice) -> "TrueSequence":
        """Some of the frames, in their order; times are counted from the first that is left.

        Somebody who is labelled in none of them stays: they may be anywhere in them.

        Args:
            span: Over the frames, with a step above 0; leaves at least one.
        """
        frames = np.arange(len(self.frame_names))[span]
        paths, read_depth = self.image_paths, self.read_depth
        return replace(
            self,
            frame_names=self.frame_names[span],
            image_paths=None if paths is None else paths[span],
            times_s=self.times_s[span] - self.times_s[frames[0]],
            world_from_camera=_rows(self.world_from_camera, span),
            intrinsics=_rows(self.intrinsics, span),
            people=tuple(person.take(frames) for person in self.people),
            read_depth=None if read_depth is None else lambda i: read_depth(int(frames[i])),
        )


def _rows(values: NDArray[np.float64] | None, span: slice) -> NDArray[np.float64] | None:
    return None if values is None else values[span]
