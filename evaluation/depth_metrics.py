"""How far predicted depth is from the true one: AbsRel and delta1, metric and up to a scale.

Definitions: Eigen et al., "Depth map prediction from a single image", NeurIPS 2014; one scale a
video as CUT3R (arXiv 2501.12387) and Human3R report it. Depth is z, metres; H, W, P pixels.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

DELTA_1 = 1.25
FLOAT32_BITS, FLOAT32_BIAS = 23, 127  # of its fraction; of its exponent
BIN_BITS = 14
BIN_SIZE = 2.0**-BIN_BITS
"""Greatest width of a bin of ratios, of the ratios in it: a bin is the upper bits of a float32."""
DOUBLINGS = 32
FIRST_BIN = (FLOAT32_BIAS - DOUBLINGS // 2) << BIN_BITS
RATIO_SHAPE = (3, DOUBLINGS << BIN_BITS)
"""Sums over bins of ratios from 2^-16 to 2^16; what is beyond is in the first and last bin."""

Depth = NDArray[np.float32]
RatioSums: TypeAlias = scipy.sparse.csr_array
"""`RATIO_SHAPE` of `ratio_sums`, of any number of pictures; most are 0."""


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


def score_depth(pred: Depth, true: Depth) -> DepthScore | None:
    """AbsRel and delta1 over pixels that have depth on both sides; no cap on depth.

    Args:
        pred: [P] metres.
        true: [P] metres.

    Returns:
        The score, or None without a common pixel.
    """
    ratio = _ratios(pred, true)[1]
    if not len(ratio):
        return None
    return DepthScore(
        num_pixels=len(ratio),
        abs_rel=float(np.abs(ratio - 1).mean()),
        delta_1=float(_is_near(ratio).mean()),
    )


def pool_scores(scores: Iterable[DepthScore | None]) -> DepthScore | None:
    """The score of all their pixels together; None without one."""
    measured = [score for score in scores if score is not None]
    if not measured:
        return None
    num_pixels = [score.num_pixels for score in measured]
    return DepthScore(
        num_pixels=sum(num_pixels),
        abs_rel=float(np.average([score.abs_rel for score in measured], weights=num_pixels)),
        delta_1=float(np.average([score.delta_1 for score in measured], weights=num_pixels)),
    )


def ratio_sums(pred: Depth, true: Depth) -> NDArray[np.float64]:
    """What `scaled_score` has to know of pixels that have depth on both sides; pixels add up.

    Args:
        pred: [P] metres.
        true: [P] metres.

    Returns:
        `RATIO_SHAPE`: how many pixels are in each bin of pred / true, the sum of their predicted
        depths and that of their ratios.
    """
    weight, ratio = _ratios(pred, true)
    bits = ratio.astype(np.float32).view(np.int32) >> (FLOAT32_BITS - BIN_BITS)
    bins = (bits - FIRST_BIN).clip(0, RATIO_SHAPE[1] - 1)
    return np.stack([np.bincount(bins, of, RATIO_SHAPE[1]) for of in (None, weight, ratio)])


def scaled_score(sums: RatioSums) -> DepthScore | None:
    """AbsRel and delta1 after the one scale that makes the sum of |scale pred - true| least.

    CUT3R and Human3R approach that scale by ten steps of Weiszfeld's algorithm. Since
    |s p - t| = p |s - t / p|, it is the median of t / p weighted by p. Pixels of a bin are taken to
    have its mean ratio, so the scale is right within `BIN_SIZE` of itself, AbsRel within `BIN_SIZE`
    (2 + AbsRel), and in delta1 only pixels within 2 `BIN_SIZE` of its two limits can be on the
    wrong side.

    Args:
        sums: Of a video's pixels, see `ratio_sums`.

    Returns:
        The score, or None without a pixel.
    """
    per_bin = sums.toarray()
    count, weight, total = per_bin[:, per_bin[0] > 0]
    if not len(count):
        return None
    ratio = total / count  # rising
    so_far = np.cumsum(weight[::-1])  # from the least true / pred
    median = ratio[::-1][np.searchsorted(so_far, 0.5 * so_far[-1])]
    scaled = ratio / median
    return DepthScore(
        num_pixels=int(count.sum()),
        abs_rel=float(np.average(np.abs(scaled - 1), weights=count)),
        delta_1=float(np.average(_is_near(scaled), weights=count)),
    )


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


def _ratios(pred: Depth, true: Depth) -> tuple[Depth, NDArray[np.float64]]:
    """Predicted depth, and pred / true, of the pixels [P] that have depth on both sides."""
    is_valid = has_depth(pred) & has_depth(true)
    return pred[is_valid], pred[is_valid].astype(np.float64) / true[is_valid]


def _is_near(ratio: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.maximum(ratio, 1 / ratio) < DELTA_1
