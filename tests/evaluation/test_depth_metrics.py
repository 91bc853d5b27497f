import numpy as np
import pytest

from evaluation.depth_metrics import (
    BIN_SIZE,
    DepthGrid,
    DepthScore,
    RatioSums,
    pool_scores,
    ratio_sums,
    relative_errors,
    resample,
    scaled_score,
    score_depth,
)

SAME = DepthGrid(1, 1, 0, 0)
HALF = DepthGrid(0.5, 0.5, -0.25, -0.25)  # x_depth = (x_source + 0.5) / 2 - 0.5
CODES = np.arange(1, 13, dtype=np.float32).reshape(3, 4)


def depths(*values):
    return np.array(values, np.float32)


def scaled(pred, true):
    return scaled_score(RatioSums(ratio_sums(pred, true)))


def test_known_relative_errors():
    # 0.1 of 1 m, 0.5 of 2 m, and two pixels that do not count.
    pred, true = depths(1.1, 1.0, 5.0, np.nan), depths(1, 2, 0, 3)
    found = score_depth(pred, true)
    assert found.num_pixels == 2
    assert found.abs_rel == pytest.approx(0.3)
    assert found.delta_1 == 0.5  # 1.1 is within 1.25, 2 is not
    np.testing.assert_allclose(relative_errors(pred, true), [0.1, 0.5, np.nan, np.nan], rtol=1e-6)


def test_the_limit_of_delta1_is_not_within_it():
    assert score_depth(depths(1.25), depths(1.0)).delta_1 == 0
    assert score_depth(depths(1.0), depths(1.25)).delta_1 == 0
    assert score_depth(depths(1.249), depths(1.0)).delta_1 == 1


def test_noise_of_a_known_size():
    # The mean of |N(0, 0.1)| is 0.1 sqrt(2 / pi) = 0.07979.
    noise = np.random.default_rng(0).normal(scale=0.1, size=200_000).astype(np.float32)
    true = np.full(noise.shape, 4, np.float32)
    assert score_depth(true * (1 + noise), true).abs_rel == pytest.approx(0.07979, rel=0.01)


@pytest.mark.parametrize("scale", [1e-6, 0.1, 1.0, 7.0, 1e6])
def test_one_scale_takes_away_one_scale(scale):
    true = depths(*range(1, 10))
    found = scaled(true / np.float32(scale), true)
    assert (found.num_pixels, found.delta_1) == (9, 1)
    assert found.abs_rel == pytest.approx(0, abs=1e-6)


def test_the_scale_is_not_pulled_by_outliers():
    found = scaled(depths(1, 1, 1, 1, 1), depths(2, 2, 2, 2, 1000))
    assert found.abs_rel == pytest.approx(0.998 / 5)  # a scale of 2


def test_the_scale_weighs_a_pixel_by_its_depth():
    # Of t / p = 2, 2 and 1 the last has more than half of the predicted depth.
    found = scaled(depths(1, 1, 3), depths(2, 2, 3))
    assert found.abs_rel == pytest.approx((0.5 + 0.5 + 0) / 3)


def exact(pred, true):
    """(scale, AbsRel, delta1, part of the pixels at its limits), of all pixels at once."""
    ratio = true.astype(float) / pred
    order = np.argsort(ratio)
    total = np.cumsum(pred[order], dtype=float)
    scale = ratio[order[np.searchsorted(total, total[-1] / 2)]]
    factor = np.maximum(scale / ratio, ratio / scale)
    near_limit = abs(factor / 1.25 - 1) < 2.01 * BIN_SIZE
    return scale, abs(scale / ratio - 1).mean(), (factor < 1.25).mean(), near_limit.mean()


@pytest.mark.parametrize("spread", [0, 1e-4, 0.01, 0.3, 2])
@pytest.mark.parametrize("seed", range(4))
def test_bins_say_what_all_pixels_do(spread, seed):
    random = np.random.default_rng(seed)
    true = random.uniform(0.5, 40, 20_000).astype(np.float32)
    pred = (true * random.uniform(0.1, 9) * np.exp(random.normal(0, spread, 20_000))).astype("f4")
    _, abs_rel, delta_1, near_limit = exact(pred, true)
    found = scaled(pred, true)
    assert found.abs_rel == pytest.approx(abs_rel, abs=BIN_SIZE * (2 + abs_rel))
    assert found.delta_1 == pytest.approx(delta_1, abs=near_limit + 1e-9)


def test_the_scale_has_the_least_absolute_error():
    random = np.random.default_rng(2)
    true = random.uniform(1, 9, 1001).astype(np.float32)
    pred = (true / 2 * np.exp(random.normal(scale=0.2, size=1001))).astype(np.float32)
    found = exact(pred, true)[0]

    def error(scale):
        return np.abs(scale * pred.astype(float) - true).sum()

    assert error(found) <= min(error(found * factor) for factor in (0.999, 1.001))
    # Ten steps of Weiszfeld's algorithm, which is how CUT3R looks for it, end beside it.
    scale = true.mean(dtype=float) / pred.mean(dtype=float)
    for _ in range(10):
        weight = 1 / (np.abs(scale * pred - true) + 1e-8)
        scale = (weight * pred * true).sum() / (weight * pred**2).sum()
    assert error(found) <= error(scale) <= 1.005 * error(found)


def test_sums_of_pictures_are_those_of_all_their_pixels():
    random = np.random.default_rng(3)
    pred, true = random.uniform(1, 9, (2, 600)).astype(np.float32)
    parts = sum(ratio_sums(pred[part], true[part]) for part in (slice(200), slice(200, 600)))
    np.testing.assert_allclose(parts, ratio_sums(pred, true))
    halves = [score_depth(pred[part], true[part]) for part in (slice(200), slice(200, 600))]
    whole = score_depth(pred, true)
    assert pool_scores([None, *halves]) == DepthScore(
        600, pytest.approx(whole.abs_rel), pytest.approx(whole.delta_1)
    )


@pytest.mark.parametrize("pred", [depths(), depths(np.nan), depths(0), depths(-1)])
def test_nothing_to_compare_is_none(pred):
    true = np.ones(len(pred), np.float32)
    assert score_depth(pred, true) is None
    assert scaled(pred, true) is None
    assert pool_scores([None]) is None


def test_the_score_is_a_plain_value():
    assert score_depth(depths(2), depths(2)) == DepthScore(1, 0.0, 1.0)


def test_the_same_grid_is_the_same_picture():
    np.testing.assert_array_equal(resample(CODES, SAME, CODES, SAME), CODES)


def test_a_coarser_prediction_is_read_at_the_nearest_pixel():
    # Source pixels 0 and 1 lie in the half-size picture's pixel 0, 2 and 3 in its pixel 1.
    found = resample(CODES, HALF, np.ones((4, 4), np.float32), SAME)
    np.testing.assert_array_equal(found, [[1, 1, 2, 2], [1, 1, 2, 2], [5, 5, 6, 6], [5, 5, 6, 6]])


def test_a_coarser_truth_keeps_its_own_pixels():
    # Centres of the half-size truth are at source 0.5 and 2.5: halves go up, to 1 and 3.
    true = np.ones((1, 2), np.float32)
    np.testing.assert_array_equal(resample(CODES, SAME, true, HALF), [[6, 8]])


def test_pixels_outside_the_prediction_have_no_depth():
    cropped = DepthGrid(1, 1, -1, 0)  # its first column is the source's second
    found = resample(CODES, cropped, np.ones((2, 6), np.float32), SAME)
    np.testing.assert_array_equal(
        found, [[np.nan, 1, 2, 3, 4, np.nan], [np.nan, 5, 6, 7, 8, np.nan]]
    )
