import numpy as np
import pytest

from evaluation.depth_errors import compare_depth
from evaluation.depth_metrics import DepthGrid, scaled_score

SAME = DepthGrid(1, 1, 0, 0)


def wall(depth_m, shape=(36, 64)):
    return np.full(shape, depth_m, np.float32), SAME


def test_one_scale_for_the_sequence_not_one_a_frame():
    pred = [wall(0.5), wall(0.5), wall(0.5), wall(1)]
    found = compare_depth(pred, [wall(1)] * 4)
    np.testing.assert_allclose(found.abs_rel, [0.5, 0.5, 0.5, 0])
    scaled = scaled_score(found.ratios)  # by 2
    assert scaled.abs_rel == pytest.approx(1 / 4)
    assert scaled.delta_1 == pytest.approx(3 / 4)
    assert found.samples.metric.num_pixels == 4 * 36 * 64


def test_the_map_says_where():
    pred = wall(2)
    pred[0][:18, :32] = 3  # the upper left quarter is half again too far
    found = compare_depth([pred], [wall(2)]).samples
    shares = found.map_sum / found.map_count
    np.testing.assert_allclose(shares[:9, :16], np.full((9, 16), 0.5))
    assert shares[9:].max() == shares[:, 16:].max() == 0
    assert found.map_count.sum() == 36 * 64


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (100, 33)])
def test_pictures_that_do_not_divide_into_the_map(shape):
    found = compare_depth([wall(2, shape)], [wall(1, shape)]).samples
    assert found.map_count.sum() == found.map_sum.sum() == shape[0] * shape[1]


def test_frames_without_depth_on_either_side():
    found = compare_depth([None, wall(1), wall(1), wall(0)], [wall(1), None, wall(1), wall(1)])
    np.testing.assert_allclose(found.abs_rel, [np.nan, np.nan, 0, np.nan])
    # Three frames of the truth have depth, one of them is compared.
    assert found.samples.num_true_pixels == 3 * found.samples.metric.num_pixels
    nothing = compare_depth([None], [wall(1)])
    assert (nothing.samples.metric, scaled_score(nothing.ratios)) == (None, None)
    assert compare_depth([], []).abs_rel.shape == (0,)
