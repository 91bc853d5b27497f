import numpy as np
import pytest

from evaluation.alignment import align
from evaluation.bodies import (
    NUM_FIRST_FRAMES,
    chunks,
    hip_aligned_errors_mm,
    mid_hip,
    procrustes_errors_mm,
    root_translation_errors_percent,
    world_errors_mm,
)

QUARTER_TURN = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # about y
BODY = np.random.default_rng(0).normal(size=(22, 3))


def walk(num_frames, step_m=0.1):
    """[M, 22, 3] one pose that travels along x, bending a little."""
    bend = 0.01 * np.sin(np.arange(num_frames))[:, None, None] * BODY[::-1]
    path = np.arange(num_frames)[:, None, None] * [step_m, 0, 0]
    return BODY + bend + path


def around_hips(pred, true):
    return hip_aligned_errors_mm(pred, true, mid_hip(pred), mid_hip(true))


def test_hip_alignment_takes_away_the_place_alone():
    true = np.stack([BODY, BODY])
    pred = true + np.array([1, 2, 3])
    assert around_hips(pred, true).max() < 1e-9
    pred[1, 5] += [0, 0.3, 0.4]  # one joint, half a metre off
    errors = around_hips(pred, true)
    assert errors.shape == (2, 22)
    assert errors[1, 5] == pytest.approx(500)
    assert errors.mean() == pytest.approx(500 / 44)


def test_a_wrong_hip_moves_everything_else_by_half_and_a_wrong_pelvis_nothing():
    pred = np.stack([BODY, BODY])
    pred[0, 1] += [0, 0, 0.022]  # joint 1 of SMPL and SMPL-X is the left hip
    pred[1, 0] += [0, 0, 0.022]  # and joint 0 the pelvis
    errors = around_hips(pred, np.stack([BODY, BODY]))
    np.testing.assert_allclose(errors[0], [11] * 22, atol=1e-9)
    np.testing.assert_allclose(errors[1], [22] + [0] * 21, atol=1e-9)


def test_noise_of_a_known_size():
    # The mean length of N(0, 10 mm) in three dimensions is 2 sqrt(2 / pi) 10 mm = 15.958 mm.
    noise = np.random.default_rng(1).normal(scale=0.01, size=(2000, 22, 3))
    true = np.broadcast_to(BODY, noise.shape)
    origin = np.zeros((2000, 3))
    errors = hip_aligned_errors_mm(true + noise, true, origin, origin)
    assert errors.mean() == pytest.approx(15.958, rel=0.005)
    # Procrustes takes 7 of the 66 degrees of freedom: sqrt(59 / 66) of it is left.
    assert procrustes_errors_mm(true + noise, true).mean() == pytest.approx(
        15.958 * np.sqrt(59 / 66), rel=0.01
    )


def test_procrustes_takes_away_any_similarity_of_each_row():
    true = np.stack([BODY, 2 * BODY])
    pred = np.stack([0.5 * BODY @ QUARTER_TURN.T + 7, BODY - 3])
    assert procrustes_errors_mm(pred, true).max() < 1e-9


@pytest.mark.parametrize(
    ("num_frames", "expected"),
    [
        (0, []),
        (1, [(0, 1)]),
        (100, [(0, 100)]),
        (101, [(0, 100), (100, 101)]),
        (199, [(0, 100), (100, 199)]),
        (250, [(0, 100), (100, 200), (200, 250)]),
    ],
)
def test_chunks_of_100_frames_and_then_the_rest(num_frames, expected):
    assert [(chunk.start, chunk.stop) for chunk in chunks(num_frames)] == expected


@pytest.mark.parametrize("num_aligned", [NUM_FIRST_FRAMES, None])
def test_another_world_is_no_error_in_the_world(num_aligned):
    true = walk(230)
    pred = 0.7 * true @ QUARTER_TURN.T + [4, 5, 6]
    errors = world_errors_mm(pred, true, num_aligned)
    assert errors.shape == (230,)
    assert errors.max() < 1e-8


def test_drift_shows_from_the_first_frames_and_is_spread_over_all():
    true = walk(100)
    pred = true + np.arange(100)[:, None, None] * [0, 0, 0.01]  # 1 cm a frame sideways
    first = world_errors_mm(pred, true, NUM_FIRST_FRAMES)
    every = world_errors_mm(pred, true, None)
    # The first two frames meet half way, 5 mm; from there 10 mm a frame: 985 mm in the last.
    assert first[0] == pytest.approx(5, rel=0.01)
    assert first[99] == pytest.approx(985, rel=0.01)
    assert every.mean() < first.mean() / 4


def test_each_chunk_is_aligned_anew():
    true = walk(199)
    pred = true.copy()
    pred[100:] += [0, 3, 0]  # a jump between the chunks, of which the second is not full
    assert world_errors_mm(pred, true, NUM_FIRST_FRAMES).max() < 1e-8
    assert world_errors_mm(pred[50:150], true[50:150], NUM_FIRST_FRAMES)[-1] > 2000


@pytest.mark.parametrize("num_aligned", [NUM_FIRST_FRAMES, None])
def test_a_rest_of_one_frame_is_aligned_by_itself(num_aligned):
    true = walk(101)
    pred = true + np.random.default_rng(6).normal(scale=0.01, size=true.shape)
    errors = world_errors_mm(pred, true, num_aligned)
    assert errors[100] == pytest.approx(procrustes_errors_mm(pred[100:], true[100:]).mean())


def test_root_error_is_a_part_of_the_way():
    true = np.arange(11)[:, None] * [1.0, 0, 0]  # 10 m
    moved = true @ QUARTER_TURN.T + [1, 2, 3]
    assert root_translation_errors_percent(moved, true).max() < 1e-9
    # No scale: a path of half the length is right in the middle and 2.5 m short at both ends.
    half = root_translation_errors_percent(0.5 * true, true)
    np.testing.assert_allclose(half[[0, 5, 10]], [25, 0, 25], atol=1e-9)


def test_a_root_that_does_not_travel_has_no_such_error():
    assert root_translation_errors_percent(np.zeros((5, 3)), np.zeros((5, 3))) is None
    assert root_translation_errors_percent(np.zeros((1, 3)), np.zeros((1, 3))) is None


def test_the_world_errors_are_those_of_the_alignment_by_hand():
    random = np.random.default_rng(5)
    true, pred = random.normal(size=(2, 3, 22, 3))
    fit = align(pred[:2].reshape(-1, 3), true[:2].reshape(-1, 3), with_scale=True)
    by_hand = [
        np.mean(
            [
                1000 * np.linalg.norm(fit.scale * fit.rotation @ p + fit.translation - t)
                for p, t in zip(pred[m], true[m], strict=True)
            ]
        )
        for m in range(3)
    ]
    np.testing.assert_allclose(world_errors_mm(pred, true, 2), by_hand)
