"""Compares the depth of a sequence, picture by picture.

Letters: T frames, H and W pixels of the truth's depth picture.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from evaluation.depth_metrics import (
    RATIO_SHAPE,
    Depth,
    DepthGrid,
    RatioSums,
    has_depth,
    pool_scores,
    ratio_sums,
    relative_errors,
    resample,
    score_depth,
)
from evaluation.samples import MAP_SHAPE, DepthSamples

DepthPicture = tuple[Depth, DepthGrid]


@dataclass(frozen=True, eq=False)
class SequenceDepth:
    """Depth of one sequence against the truth.

    Attributes:
        samples: What metrics are taken from.
        ratios: From which a video, or the sequence alone, has its one scale.
        abs_rel: [T] of each frame, metric; NaN without a common pixel.
    """

    samples: DepthSamples
    ratios: RatioSums
    abs_rel: NDArray[np.float64]


def compare_depth(
    pred: Iterable[DepthPicture | None], true: Iterable[DepthPicture | None]
) -> SequenceDepth:
    """Compare depth at the truth's pixels; holds one picture of a side at a time.

    Args:
        pred: Depth of the prediction, frame by frame; None where a frame has none.
        true: Likewise of the truth.
    """
    abs_rel: list[float] = []
    scores, ratios = [], np.zeros(RATIO_SHAPE)
    num_true_pixels = 0
    map_sum, map_count = np.zeros(MAP_SHAPE), np.zeros(MAP_SHAPE)
    for found, there in zip(pred, true, strict=True):
        num_true_pixels += 0 if there is None else int(has_depth(there[0]).sum())
        if found is None or there is None:
            abs_rel.append(np.nan)
            continue
        depth = there[0]
        resampled = resample(*found, *there)
        errors = relative_errors(resampled, depth)
        is_known = np.isfinite(errors)
        known = errors[is_known]
        abs_rel.append(float(known.mean()) if len(known) else np.nan)
        cells = _cells(depth.shape)[is_known]
        map_sum += np.bincount(cells, known, map_sum.size).reshape(MAP_SHAPE)
        map_count += np.bincount(cells, minlength=map_count.size).reshape(MAP_SHAPE)
        scores.append(score_depth(resampled, depth))
        ratios += ratio_sums(resampled, depth)
    samples = DepthSamples(pool_scores(scores), num_true_pixels, map_sum, map_count)
    return SequenceDepth(samples, scipy.sparse.csr_array(ratios), np.array(abs_rel))


def _cells(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """[H, W] the cell of the map that each pixel is in, row by row."""
    rows, columns = (
        np.arange(length) * parts // length for length, parts in zip(shape, MAP_SHAPE, strict=True)
    )
    cells: NDArray[np.int64] = rows[:, None] * MAP_SHAPE[1] + columns
    return cells
