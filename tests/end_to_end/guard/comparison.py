"""Compares the tables of an OUT with the world, column by column; one list of differences.

Letters: N rows of a clip, K values of a column.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from human3r_model.body import BodyModel
from pipeline.ledger import read_ledger
from pipeline.storage import Store
from tests.end_to_end.guard.expected import ClipColumns, Columns
from tests.end_to_end.guard.found import POSES, read_clip
from tests.end_to_end.guard.world import TrueVideo

ClipKey = tuple[str, int, int]
"""(video, first frame, one after the last)."""


@dataclass(frozen=True)
class Difference:
    """A column that is not what the world says.

    Attributes:
        column: "table.column".
        text: How far off it is at its worst, and where.
    """

    column: str
    text: str


@dataclass(frozen=True)
class Check:
    """How far a column may be off.

    Attributes:
        distance: Of found and true values [N, K]: [N].
        tolerance: Greatest distance.
    """

    distance: Callable[[NDArray, NDArray], NDArray]
    tolerance: float


def _greatest(found: NDArray, true: NDArray) -> NDArray:
    return np.abs(found - true).max(axis=1)


def _greatest_ratio(found: NDArray, true: NDArray) -> NDArray:
    return np.abs(found / true - 1).max(axis=1)


def _farthest_px(found: NDArray, true: NDArray) -> NDArray:
    apart = (found - true).reshape(len(found), -1, 2)
    return np.linalg.norm(apart, axis=2).max(axis=1)


def _greatest_angle(found: NDArray, true: NDArray) -> NDArray:
    """Of rotations as axis-angle."""
    a, b = (Rotation.from_rotvec(values.reshape(-1, 3)) for values in (found, true))
    return (a.inv() * b).magnitude().reshape(len(found), -1).max(axis=1)


def _quaternion_angle(found: NDArray, true: NDArray) -> NDArray:
    a, b = (Rotation.from_quat(values, scalar_first=True) for values in (found, true))
    return (a.inv() * b).magnitude()


SAME = Check(_greatest, 0.0)
TIME_S = Check(_greatest, 1e-6)  # a time base of 1/16384 s is a float64 away
# float32 of some metres is 5e-7 off; the bodies' own sums are measured at 1e-6.
METRES = Check(_greatest, 1e-5)
# Axis-angle of float32 matrices; measured at 4e-7.
RADIANS = Check(_greatest_angle, 1e-5)
# The network takes its principal point for the pixel W // 2, half a model pixel from the middle,
# and has one focal length where the picture was shrunk by 1.302 across and 1.296 down. These are
# the model's own; measured at 1.2 px, 0.7 px and 0.4 %.
PIXELS = Check(_farthest_px, 3.0)
PRINCIPAL_PX = Check(_greatest, 1.0)
FOCAL = Check(_greatest_ratio, 0.01)

FRAME_KEY = ("frame_index",)
PERSON_KEY = ("frame_index", "track_id")
FRAME_CHECKS = {
    **dict.fromkeys(("clip_frame", "is_seam", "num_people", "is_corrupt"), SAME),
    "time_s": TIME_S,
    "camera_position": METRES,
    "camera_rotation": Check(_quaternion_angle, 1e-5),
    **dict.fromkeys(("fx", "fy", "clip_fx", "clip_fy"), FOCAL),
    **dict.fromkeys(("cx", "cy"), PRINCIPAL_PX),
    # A pixel whose centre falls between two of the source may take either.
    "wrong_depth": Check(_greatest, 0.01),
    "pixel_aspect": Check(_greatest_ratio, 1e-5),
}
PEOPLE_CHECKS = {
    **dict.fromkeys(("clip_frame", "is_seam", "is_finite"), SAME),
    **dict.fromkeys(("betas", "expression"), SAME),
    "time_s": TIME_S,
    "head_px": Check(_farthest_px, 1e-3),  # float32 of some hundred pixels, to and fro
    **dict.fromkeys(("global_orient", *POSES, "global_orient_world"), RADIANS),
    **dict.fromkeys(("head_position", "transl", "joints_3d", "posed"), METRES),
    **dict.fromkeys(("head_position_world", "transl_world", "posed_world"), METRES),
    **dict.fromkeys(("joints_2d", "box_px"), PIXELS),
    "joint_gap_px": Check(_farthest_px, 0.01),
}
"""What is compared; the other columns are references, judgements of quality or always null."""

EXACT_FRAME_CHECKS = FRAME_CHECKS | {
    **dict.fromkeys(("fx", "fy", "clip_fx", "clip_fy"), Check(_greatest_ratio, 1e-6)),
    **dict.fromkeys(("cx", "cy"), Check(_greatest, 1e-4)),
}
EXACT_PEOPLE_CHECKS = PEOPLE_CHECKS | dict.fromkeys(
    ("joints_2d", "box_px"), Check(_farthest_px, 0.01)
)
"""Of a truth, which no network's picture lies between."""


def compare(
    store: Store,
    expected: Mapping[ClipKey, ClipColumns],
    videos: Mapping[str, TrueVideo],
    body: BodyModel,
    *,
    is_exact: bool = False,
) -> list[Difference]:
    """What the committed tables of an OUT say that is not true.

    Args:
        store: OUT.
        expected: The rows of every clip there should be.
        videos: The scenes, for their depth.
        body: What people are made of, to pose them by their labels.
        is_exact: They are a truth, not what a network saw.

    Returns:
        One difference a column, its worst; [] where everything is true.
    """
    worst: dict[str, tuple[float, str]] = {}
    for column, distance, where in _distances(store, expected, videos, body, is_exact):
        if column not in worst or distance > worst[column][0]:
            worst[column] = distance, where
    return [
        Difference(column, f"{off:.3g} off in {where}") for column, (off, where) in worst.items()
    ]


def _distances(
    store: Store,
    expected: Mapping[ClipKey, ClipColumns],
    videos: Mapping[str, TrueVideo],
    body: BodyModel,
    is_exact: bool,
) -> Iterator[tuple[str, float, str]]:
    """(column, distance, where) of everything beyond its tolerance."""
    frame_checks = EXACT_FRAME_CHECKS if is_exact else FRAME_CHECKS
    people_checks = EXACT_PEOPLE_CHECKS if is_exact else PEOPLE_CHECKS
    ledger = {
        (row["uri"], row["start_frame"], row["end_frame"]): row
        for row in read_ledger(store).to_pylist()
    }
    for key in sorted(ledger.keys() ^ expected.keys()):
        yield "clips.start_frame", np.inf, str(key)
    for key in sorted(ledger.keys() & expected.keys()):
        if ledger[key]["status"] != "done":
            yield "clips.status", np.inf, f"{key}: {ledger[key]['error_message']}"
            continue
        found, true = read_clip(store, ledger[key], videos[key[0]], body), expected[key]
        frames = _column_distances(found.frames, true.frames, FRAME_KEY, frame_checks)
        people = _column_distances(found.people, true.people, PERSON_KEY, people_checks)
        yield from ((f"frames.{name}", distance, str(key)) for name, distance in frames)
        yield from ((f"people.{name}", distance, str(key)) for name, distance in people)


def _column_distances(
    found: Columns, true: Columns, key_columns: tuple[str, ...], checks: Mapping[str, Check]
) -> Iterator[tuple[str, float]]:
    """(column, greatest distance) of what is beyond its tolerance, in the rows both sides have."""
    sides = [
        {
            key: row
            for row, key in enumerate(zip(*(side[name] for name in key_columns), strict=True))
        }
        for side in (found, true)
    ]
    common = sorted(sides[0].keys() & sides[1].keys())
    if len(common) < len(sides[0].keys() | sides[1].keys()):
        yield key_columns[-1], np.inf
    if not common:
        return
    found_rows, true_rows = ([side[key] for key in common] for side in sides)
    for name, check in checks.items():
        values = found[name][found_rows].reshape(len(common), -1)
        true_values = true[name][true_rows].reshape(len(common), -1).astype(float)
        if np.isnan(values).any():
            yield name, np.inf
        elif (distance := check.distance(values, true_values).max()) > check.tolerance:
            yield name, float(distance)
