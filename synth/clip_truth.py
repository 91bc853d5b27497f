"""The truth of one clip in the shape of a network's answer, so that the job's own code makes rows.

Letters: T frames of the clip, N people rows that are labelled, M that are too hidden, H and W
pixels of the source picture.
"""

import io
from dataclasses import dataclass, fields, replace
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray

from human3r_model.geometry import matrix_to_quaternion
from human3r_model.preprocess import ImageGeometry
from pipeline.av_io.gray import GrayEncoder
from pipeline.depth import depth_object
from pipeline.labels import ClipLabels, FrameLabels, ModelFrame, PeopleLabels
from pipeline.recorder import ClipRecorder
from synth.values import RenderedFrame

MIN_VISIBLE_FRACTION = 0.1
"""Who is seen less than this, or just this, has no row: no label could be asked for."""
MASK_TAGS = {"title": "who is seen", "comment": "0: nobody; otherwise 1 + track_id"}


@dataclass(frozen=True, eq=False)
class ClipTruth:
    """Everything true of a clip.

    Attributes:
        times_s: [T] presentation times, seconds from the video's first frame.
        labels: The truth as labels; the network's picture is the source picture.
        visible_fraction: [N] `PeopleTruth.visible_fraction` of the people of `labels`.
        masks: Grey FFV1 video in Matroska, a frame of 8 bits [H, W] for each frame.
    """

    times_s: NDArray[np.float64]
    labels: ClipLabels
    visible_fraction: NDArray[np.float32]
    masks: bytes


class TruthRecorder:
    """Takes the rendered frames of a clip in order; `finish` gives their truth."""

    def __init__(self, width: int, height: int, focal_px: float) -> None:
        """Start a clip of pictures of `width` x `height` pixels."""
        self._focal_px = focal_px
        self._recorder = ClipRecorder(
            same_picture(width, height), principal_point(width, height), has_depth=True
        )
        self._masks = GrayEncoder(width, height, "gray")
        self._times_s: list[float] = []
        self._camera_from_world: NDArray[np.floating] = np.eye(4)
        self._visible_fraction: list[NDArray[np.float32]] = []

    def add(self, frame: RenderedFrame, time_s: float) -> None:
        """Take one frame, shown at `time_s` of the video."""
        pose = np.eye(4)
        if self._times_s:
            pose = self._camera_from_world @ frame.world_from_camera
        else:
            self._camera_from_world = np.linalg.inv(frame.world_from_camera)
        people, num_people = frame.people, len(frame.people.actor)
        self._recorder.add(
            ModelFrame(len(self._times_s), frame.rgb, is_corrupt=False, decode_s=0.0),
            time_s,
            _pose(pose),
            self._focal_px,
            confidence=float("nan"),
            depth_m=frame.depth_m,
            people={
                "track_id": people.actor,
                "score": np.ones(num_people, np.float32),
                "head_px": people.head_px,
                "rotations": people.rotations,
                "betas": people.betas,
                "expression": np.zeros((num_people, 10), np.float32),
                "head_position": people.head_position,
            },
        )
        self._times_s.append(time_s)
        self._masks.add(frame.person, round(1000 * (time_s - self._times_s[0])))
        self._visible_fraction.append(people.visible_fraction)

    def finish(self) -> tuple[ClipTruth, PeopleLabels]:
        """The clip's truth, and the M people who are too hidden to be in it; call once."""
        labels = self._recorder.finish(num_lost=0)
        visible_fraction = np.concatenate(self._visible_fraction)
        is_labelled = visible_fraction > MIN_VISIBLE_FRACTION
        truth = ClipTruth(
            times_s=np.array(self._times_s),
            labels=replace(labels, people=_select(labels.people, is_labelled)),
            visible_fraction=visible_fraction[is_labelled],
            masks=self._masks.finish(self._mean_fps(), MASK_TAGS),
        )
        return truth, _select(labels.people, ~is_labelled)

    def _mean_fps(self) -> Fraction:
        span_ms = round(1000 * (self._times_s[-1] - self._times_s[0]))
        # A single frame has no rate; any will do.
        return Fraction(1000 * (len(self._times_s) - 1), span_ms or 1) or Fraction(1)


def same_picture(width: int, height: int) -> ImageGeometry:
    """The geometry of a network that would see the source picture as it is."""
    return ImageGeometry(width, height, width, height, 0, 0, width, height)


def principal_point(width: int, height: int) -> tuple[float, float]:
    """The renderer's: the middle of the picture, pixel centres at integers."""
    return (width - 1) / 2, (height - 1) / 2


def to_bytes(truth: ClipTruth) -> bytes:
    """An .npz file of plain arrays."""
    labels = truth.labels
    assert labels.depth is not None
    arrays: dict[str, NDArray] = {
        "times_s": truth.times_s,
        "visible_fraction": truth.visible_fraction,
        "masks": np.frombuffer(truth.masks, np.uint8),
        "depth": np.frombuffer(labels.depth.data, np.uint8),
        "coarse_depth_m": labels.coarse_depth_m,
        "depth_s": np.array(labels.depth_s),
    }
    for prefix, group in (("frames", labels.frames), ("people", labels.people)):
        arrays |= {f"{prefix}.{field.name}": getattr(group, field.name) for field in fields(group)}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def from_bytes(data: bytes) -> ClipTruth:
    """Back from `to_bytes`."""
    with np.load(io.BytesIO(data)) as file:
        arrays = dict(file)
    depth = depth_object(arrays["depth"].tobytes())
    labels = ClipLabels(
        geometry=same_picture(depth.width, depth.height),
        principal_px=principal_point(depth.width, depth.height),
        frames=FrameLabels(
            **{field.name: arrays[f"frames.{field.name}"] for field in fields(FrameLabels)}
        ),
        people=PeopleLabels(
            **{field.name: arrays[f"people.{field.name}"] for field in fields(PeopleLabels)}
        ),
        depth=depth,
        coarse_depth_m=arrays["coarse_depth_m"],
        num_lost=0,
        decode_s=0.0,
        network_s=0.0,
        depth_s=float(arrays["depth_s"]),
    )
    return ClipTruth(
        arrays["times_s"], labels, arrays["visible_fraction"], arrays["masks"].tobytes()
    )


def _pose(matrix: NDArray[np.floating]) -> NDArray[np.float32]:
    """[4, 4] rigid to [7]: translation and quaternion."""
    quaternion = matrix_to_quaternion(torch.from_numpy(matrix[:3, :3])).numpy()
    return np.concatenate([matrix[:3, 3], quaternion]).astype(np.float32)


def _select(people: PeopleLabels, rows: NDArray[np.bool_]) -> PeopleLabels:
    return PeopleLabels(
        **{field.name: getattr(people, field.name)[rows] for field in fields(people)}
    )
