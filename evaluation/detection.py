"""Who was found: detections matched one to one with the people who are there.

Letters: P detections, Q people of the truth, K pairs. Pixels of the source picture.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

PATCH_MODEL_PX = 16
"""Side of one patch of the network's encoder, in pixels of the picture it sees."""
MIN_IOU = 0.5

Distances = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class DetectionCounts:
    """Detections that are right, wrong and missing.

    Attributes:
        num_found: People of the truth that a detection was matched to.
        num_false: Detections of nobody.
        num_missed: People of the truth without a detection.
    """

    num_found: int = 0
    num_false: int = 0
    num_missed: int = 0

    def __add__(self, other: "DetectionCounts") -> "DetectionCounts":
        """Count both together."""
        return DetectionCounts(
            self.num_found + other.num_found,
            self.num_false + other.num_false,
            self.num_missed + other.num_missed,
        )

    @property
    def precision(self) -> float | None:
        """Right detections over detections; None without one."""
        return _ratio(self.num_found, self.num_found + self.num_false)

    @property
    def recall(self) -> float | None:
        """People found over people; None where there is nobody."""
        return _ratio(self.num_found, self.num_found + self.num_missed)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None where both sides are empty."""
        return _ratio(2 * self.num_found, 2 * self.num_found + self.num_false + self.num_missed)


@dataclass(frozen=True, eq=False)
class FrameMatch:
    """The detections of one frame and the people in it.

    Attributes:
        pred: [K] matched detections.
        true: [K] the person each was matched to.
        counts: Of this frame.
    """

    pred: Indices
    true: Indices
    counts: DetectionCounts


def head_distances(pred_px: NDArray, true_px: NDArray, radius_px: float) -> Distances:
    """Distances of heads [P, 2] and [Q, 2] as [P, Q] pixels; NaN beyond `radius_px`."""
    offset = pred_px[:, None].astype(np.float64) - true_px[None]
    distance: Distances = np.linalg.norm(offset, axis=-1)
    distance[~(distance <= radius_px)] = np.nan
    return distance


def box_distances(pred_box: NDArray, true_box: NDArray) -> Distances:
    """1 - IoU of boxes [P, 4] and [Q, 4] (x0, y0, x1, y1) as [P, Q]; NaN where IoU < 0.5."""
    pred, true = pred_box[:, None].astype(np.float64), true_box[None].astype(np.float64)
    sides = np.minimum(pred[..., 2:], true[..., 2:]) - np.maximum(pred[..., :2], true[..., :2])
    common = sides.clip(min=0).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (pred, true)]
    union = areas[0] + areas[1] - common
    iou = np.divide(common, union, out=np.zeros_like(union), where=union > 0)
    return np.where(iou >= MIN_IOU, 1 - iou, np.nan)


def assign(distances: Distances) -> tuple[Indices, Indices]:
    """Pair rows and columns one to one: as many pairs as can be, of these the least distance.

    Args:
        distances: [P, Q]; NaN where a pair is out of the question.

    Returns:
        [K] rows, rising, and [K] their columns (Kuhn's Hungarian algorithm).
    """
    is_possible = np.isfinite(distances)
    if not is_possible.any():
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # Dearer than any set of possible pairs, so that one is never given up to shorten others.
    impossible = 2 * (min(distances.shape) * np.nanmax(distances) + 1)
    rows, columns = linear_sum_assignment(np.where(is_possible, distances, impossible))
    is_pair = is_possible[rows, columns]
    return rows[is_pair].astype(np.int64), columns[is_pair].astype(np.int64)


def match_frame(distances: Distances, is_excused: NDArray[np.bool_]) -> FrameMatch:
    """Match the detections of a frame.

    Args:
        distances: [P, Q] to the people who count; NaN beyond reach.
        is_excused: [P] detections within reach of somebody the truth leaves unlabelled (too
            hidden): left over, they count neither way.
    """
    pred, true = assign(distances)
    is_left = np.ones(len(distances), np.bool_)
    is_left[pred] = False
    counts = DetectionCounts(
        num_found=len(pred),
        num_false=int((is_left & ~is_excused).sum()),
        num_missed=distances.shape[1] - len(pred),
    )
    return FrameMatch(pred, true, counts)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
