"""Whether people keep their identity: MOTA, IDF1 and switches, as py-motmetrics counts them.

MOTA and switches: Bernardin and Stiefelhagen, "Evaluating multiple object tracking performance: the
CLEAR MOT metrics", 2008. IDF1: Ristani et al., "Performance measures and a data set for
multi-target, multi-camera tracking", ECCV workshops 2016.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from evaluation.detection import assign


@dataclass(frozen=True, eq=False)
class TrackedFrame:
    """One frame: who is there and who is said to be.

    Attributes:
        pred_ids: [P] tracks of the detections.
        true_ids: [Q] people of the truth.
        distances: [P, Q]; NaN where a pair is out of the question.
        is_excused: [P] detections within reach of somebody the truth leaves unlabelled: left over
            when the frame's pairs are made, they count neither way.
    """

    pred_ids: NDArray[np.integer]
    true_ids: NDArray[np.integer]
    distances: NDArray[np.float64]
    is_excused: NDArray[np.bool_]


@dataclass(frozen=True)
class TrackingCounts:
    """What the ratios are made of; sequences add up.

    Attributes:
        num_true: People of the truth, one a frame.
        num_pred: Detections.
        num_missed: People without a detection.
        num_false: Detections of nobody.
        num_switches: Times a person goes on under another id.
        num_same_identity: Frames in which person and track agree under the one assignment of tracks
            to people, over the whole sequence, that makes this largest (IDTP).
    """

    num_true: int = 0
    num_pred: int = 0
    num_missed: int = 0
    num_false: int = 0
    num_switches: int = 0
    num_same_identity: int = 0

    def __add__(self, other: "TrackingCounts") -> "TrackingCounts":
        """Count both together."""
        return TrackingCounts(
            self.num_true + other.num_true,
            self.num_pred + other.num_pred,
            self.num_missed + other.num_missed,
            self.num_false + other.num_false,
            self.num_switches + other.num_switches,
            self.num_same_identity + other.num_same_identity,
        )

    @property
    def mota(self) -> float | None:
        """1 - (missed + false + switches) / people: at most 1, may be negative; None for nobody."""
        if self.num_true == 0:
            return None
        return 1 - (self.num_missed + self.num_false + self.num_switches) / self.num_true

    @property
    def idf1(self) -> float | None:
        """2 IDTP / (people + detections); None where both are empty."""
        total = self.num_true + self.num_pred
        return 2 * self.num_same_identity / total if total else None


def count_tracks(frames: Sequence[TrackedFrame]) -> TrackingCounts:
    """Follow the people of one sequence, frame after frame."""
    last_track: dict[int, int] = {}  # of each person
    counts, counted = TrackingCounts(), []
    for frame in frames:
        rows, columns = _keep_and_assign(frame, last_track)
        does_count = ~frame.is_excused
        does_count[rows] = True
        counted.append(_select(frame, does_count))
        pairs = dict(
            zip(frame.true_ids[columns].tolist(), frame.pred_ids[rows].tolist(), strict=True)
        )
        counts += TrackingCounts(
            num_true=len(frame.true_ids),
            num_pred=int(does_count.sum()),
            num_missed=len(frame.true_ids) - len(rows),
            num_false=int(does_count.sum()) - len(rows),
            num_switches=sum(
                last_track.get(person, track) != track for person, track in pairs.items()
            ),
        )
        last_track |= pairs
    return counts + TrackingCounts(num_same_identity=_same_identity(counted))


def _keep_and_assign(
    frame: TrackedFrame, last_track: dict[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of a frame: those that go on first (CLEAR MOT), then the best of the rest."""
    distances = frame.distances.copy()
    row_of_track = {track: row for row, track in enumerate(frame.pred_ids.tolist())}
    kept: list[tuple[int, int]] = []
    for column, person in enumerate(frame.true_ids.tolist()):
        row = row_of_track.get(last_track.get(person, -1), -1)
        if row >= 0 and np.isfinite(distances[row, column]):
            kept.append((row, column))
            distances[row] = distances[:, column] = np.nan
    rows, columns = assign(distances)
    kept_rows, kept_columns = np.array(kept, np.int64).reshape(-1, 2).T
    return np.concatenate([kept_rows, rows]), np.concatenate([kept_columns, columns])


def _select(frame: TrackedFrame, which: NDArray[np.bool_]) -> TrackedFrame:
    """The frame with some of its detections alone."""
    return TrackedFrame(
        frame.pred_ids[which], frame.true_ids, frame.distances[which], frame.is_excused[which]
    )


def _same_identity(frames: Sequence[TrackedFrame]) -> int:
    """IDTP: frames within reach of each other, summed over the best assignment of whole tracks."""
    no_ids = np.zeros(0, np.int64)
    tracks = np.unique(np.concatenate([no_ids, *(frame.pred_ids for frame in frames)]))
    people = np.unique(np.concatenate([no_ids, *(frame.true_ids for frame in frames)]))
    together = np.zeros((len(tracks), len(people)), np.int64)
    for frame in frames:
        rows, columns = np.nonzero(np.isfinite(frame.distances))
        places = (
            np.searchsorted(tracks, frame.pred_ids[rows]),
            np.searchsorted(people, frame.true_ids[columns]),
        )
        np.add.at(together, places, 1)
    return int(together[linear_sum_assignment(together, maximize=True)].sum())
