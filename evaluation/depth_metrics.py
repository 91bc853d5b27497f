"""How far predicted depth is from the true one: AbsRel and delta1, metric and up to a scale.

Definitions: Eigen et al., "Depth map prediction from a single image", NeurIPS 2014; per-sequence
scale as CUT3R (arXiv 2501.12387) and Human3R report it. Depth is z, metres; H, W pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DELTA_1 = 1.25
Depth = NDArray[np.float32]


@dataclass(frozen=True)
class DepthGrid:
    """Where a depth picture lies over the source's: x_depth = scale_x x_source + shift_x.

    Pixel centres are integers in both pictures; y likewise.
    """

    scale_x: float
    scale_y: float
    shift_x: float
    shift_y: float


@dataclass(frozen=True)
class DepthScore:
    """Depth of some pixels against the truth.

    Attributes:
        num_pixels: Pixels with depth on both sides.
        abs_rel: Mean of |pred - true| / true.
        delta_1: Part of the pixels with max(pred / true, true / pred) < 1.25.
    """

    num_pixels: int
    abs_rel: float
    delta_1: float


def resample(pred: Depth, pred_grid: DepthGrid, true: Depth, true_grid: DepthGrid) -> Depth:
    """The predicted depth at the truth's pixels: the nearest pixel, no interpolation.

    Nearest, since a mean over an edge is a depth that neither side of it has.

    Args:
        pred: [H', W'] metres.
        pred_grid: Where it lies over the source picture.
        true: [H, W].
        true_grid: Likewise.

    Returns:
        [H, W]; NaN where a pixel of the truth is outside the predicted picture.
    """
    rows = _nearest(true.shape[0], true_grid.scale_y, true_grid.shift_y, pred_grid, is_row=True)
    columns = _nearest(true.shape[1], true_grid.scale_x, true_grid.shift_x, pred_grid, is_row=False)
    is_in_row = (rows >= 0) & (rows < pred.shape[0])
    is_in_column = (columns >= 0) & (columns < pred.shape[1])
    picked = pred[np.ix_(rows.clip(0, pred.shape[0] - 1), columns.clip(0, pred.shape[1] - 1))]
    return np.where(is_in_row[:, None] & is_in_column, picked, np.float32(np.nan))


def relative_errors(pred: Depth, true: Depth) -> NDArray[np.float64]:
    """|pred - true| / true, any shape; NaN where either has no positive, finite depth."""
    is_valid = has_depth(pred) & has_depth(true)
    safe = np.where(is_valid, true, 1).astype(np.float64)
    return np.where(is_valid, np.abs(pred - safe) / safe, np.nan)


def score_depth(pred: Depth, true: Depth, scale: float = 1.0) -> DepthScore | None:
    """AbsRel and delta1 over pixels that have depth on both sides; no cap on depth.

    Args:
        pred: [P] metres.
        true: [P] metres.
        scale: What the prediction is multiplied by.

    Returns:
        The score, or None without a common pixel.
    """
    is_valid = has_depth(pred) & has_depth(true)
    num_pixels = int(is_valid.sum())
    if num_pixels == 0:
        return None
    ratio = scale * pred[is_valid].astype(np.float64) / true[is_valid]
    return DepthScore(
        num_pixels=num_pixels,
        abs_rel=float(np.abs(ratio - 1).mean()),
        delta_1=float((np.maximum(ratio, 1 / ratio) < DELTA_1).mean()),
    )


def sequence_scale(pred: Depth, true: Depth) -> float | None:
    """The one scale of a sequence: the s with the least sum of |s pred - true|.

    CUT3R and Human3R approach this minimum by ten steps of Weiszfeld's algorithm. Since
    |s p - t| = p |s - t / p|, it is the median of t / p weighted by p, found here exactly.

    Args:
        pred: [P] metres, over all frames of the sequence.
        true: [P] metres.

    Returns:
        The scale, or None without a pixel that has depth on both sides.
    """
    is_valid = has_depth(pred) & has_depth(true)
    if not is_valid.any():
        return None
    weight = pred[is_valid]
    ratio = true[is_valid] / weight
    order = np.argsort(ratio)
    total = np.cumsum(weight[order], dtype=np.float64)
    return float(ratio[order[np.searchsorted(total, 0.5 * total[-1])]])


def has_depth(depth: Depth) -> NDArray[np.bool_]:
    """Where there is a depth: finite and positive."""
    return np.isfinite(depth) & (depth > 0)


def _nearest(
    length: int, scale: float, shift: float, pred_grid: DepthGrid, *, is_row: bool
) -> NDArray[np.int64]:
    """For each row (or column) of the truth the nearest one of the prediction, maybe outside."""
    source = (np.arange(length) - shift) / scale
    pred_scale, pred_shift = (
        (pred_grid.scale_y, pred_grid.shift_y) if is_row else (pred_grid.scale_x, pred_grid.shift_x)
    )
    return np.floor(pred_scale * source + pred_shift + 0.5).astype(np.int64)
