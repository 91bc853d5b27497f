"""Quality values that cost nothing: read off the labels themselves, no ground truth needed.

Letters: N people rows, J joints, T frames. Source of each formula beside it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OCCLUSION_MARGIN_M = 0.3
"""A joint lies inside the body: the surface before it may be this much nearer."""


@dataclass(frozen=True)
class TrackSummary:
    """One track of a clip.

    Attributes:
        track_id: The person.
        rows: Indices of its people rows, in frame order.
        num_gaps: Annotated frames inside its span where it is missing.
        longest_gap: The longest run of such frames.
    """

    track_id: int
    rows: NDArray[np.int64]
    num_gaps: int
    longest_gap: int


def summarise_tracks(track_id: NDArray[np.int32], frame: NDArray[np.int64]) -> list[TrackSummary]:
    """Find every track's rows and gaps.

    Args:
        track_id: [N] person of each row.
        frame: [N] index of its frame among the annotated ones.

    Returns:
        Tracks by rising id.
    """
    tracks = []
    for identity in np.unique(track_id):
        rows = np.flatnonzero(track_id == identity)
        rows = rows[np.argsort(frame[rows], kind="stable")]
        missing = np.diff(frame[rows]) - 1
        tracks.append(
            TrackSummary(int(identity), rows, int(missing.sum()), int(missing.max(initial=0)))
        )
    return tracks


def root_jerk(
    tracks: list[TrackSummary],
    frame: NDArray[np.int64],
    time_s: NDArray[np.float64],
    position: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Length of the third time derivative of a path, at rows with two neighbours on each side.

    The mean of the two third divided differences around a row (times 3!); for even times that is
    the central difference (f(2) - 2 f(1) + 2 f(-1) - f(-2)) / (2 h^3).

    Args:
        tracks: Rows of each person.
        frame: [N] frame of each row; neighbours are rows of neighbouring frames.
        time_s: [N] seconds.
        position: [N, 3] metres, in the world.

    Returns:
        [N] m/s^3, NaN where a neighbour is missing.
    """
    jerk = np.full(len(frame), np.nan)
    for track in tracks:
        rows = track.rows
        if len(rows) < 5:
            continue
        times, path = time_s[rows], position[rows].astype(np.float64)
        third = path
        for order in (1, 2, 3):  # divided differences, [M - order, 3]
            third = np.diff(third, axis=0) / (times[order:] - times[:-order])[:, None]
        central = 6 * 0.5 * (third[:-1] + third[1:])  # at rows 2 .. M - 3
        is_contiguous = frame[rows][4:] - frame[rows][:-4] == 4
        length = np.linalg.norm(central, axis=1)
        jerk[rows[2:-2]] = np.where(is_contiguous, length, np.nan)
    return jerk


def outside_picture(xy_px: NDArray[np.float64], width: int, height: int) -> NDArray[np.bool_]:
    """Whether points [..., 2] lie outside a picture whose pixel centres are integers."""
    x, y = xy_px[..., 0], xy_px[..., 1]
    return ~((x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5))


def occluded(
    joints_px: NDArray[np.float64],
    joints_z_m: NDArray[np.floating],
    frame: NDArray[np.int64],
    depth_m: NDArray[np.float32],
    stride: int,
) -> NDArray[np.bool_]:
    """Whether the depth shows something nearer than a joint, by more than a body's thickness.

    Args:
        joints_px: [N, J, 2] in the network's picture.
        joints_z_m: [N, J] depth of the joints, metres.
        frame: [N] frame of each row.
        depth_m: [T, h, w] every `stride`-th pixel of the frames' depth; NaN where there is none.
        stride: Pixels of the network's picture a pixel of `depth_m`.

    Returns:
        [N, J]; False outside the picture and where there is no depth.
    """
    height, width = depth_m.shape[1:]
    last = [width - 1, height - 1]
    nearest = np.clip(np.rint(joints_px / stride), 0, last).astype(np.int64)  # [N, J, 2]
    seen = depth_m[frame[:, None], nearest[..., 1], nearest[..., 0]]
    is_inside = ~outside_picture(joints_px, width * stride, height * stride)
    return is_inside & (seen < joints_z_m - OCCLUSION_MARGIN_M)
