"""Compares the depth of a sequence, picture by picture.

Letters: T frames, H and W pixels of the truth's depth picture.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.depth_metrics import (
    Depth,
    DepthGrid,
    has_depth,
    relative_errors,
    resample,
    score_depth,
    sequence_scale,
)
from evaluation.samples import MAP_SHAPE, DepthSamples

DepthPicture = tuple[Depth, DepthGrid]


@dataclass(frozen=True, eq=False)
class SequenceDepth:
    """Depth of one sequence against the truth.

    Attributes:
        samples: What metrics are taken from.
        abs_rel: [T] of each frame, metric; NaN without a common pixel.
    """

    samples: DepthSamples
    abs_rel: NDArray[np.float64]


def compare_depth(
    pred: Iterable[DepthPicture | None], true: Iterable[DepthPicture | None]
) -> SequenceDepth:
    """Compare depth at the truth's pixels; holds those of the whole sequence for its one scale.

    Args:
        pred: Depth of the prediction, frame by frame; None where a frame has none.
        true: Likewise of the truth.
    """
    pred_pixels, true_pixels = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    abs_rel: list[float] = []
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
        pred_pixels.append(resampled[is_known])
        true_pixels.append(depth[is_known])
    all_pred, all_true = np.concatenate(pred_pixels), np.concatenate(true_pixels)
    scale = sequence_scale(all_pred, all_true)
    samples = DepthSamples(
        metric=score_depth(all_pred, all_true),
        scaled=None if scale is None else score_depth(all_pred, all_true, scale),
        scale=scale,
        num_true_pixels=num_true_pixels,
        map_sum=map_sum,
        map_count=map_count,
    )
    return SequenceDepth(samples, np.array(abs_rel))


def _cells(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """[H, W] the cell of the map that each pixel is in, row by row."""
    rows, columns = (
        np.arange(length) * parts // length for length, parts in zip(shape, MAP_SHAPE, strict=True)
    )
    cells: NDArray[np.int64] = rows[:, None] * MAP_SHAPE[1] + columns
    return cells
