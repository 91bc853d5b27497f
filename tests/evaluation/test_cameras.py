"""ATE and RPE; the package evo says what they are."""

import numpy as np
import pytest
import torch
from evo.core import metrics, trajectory
from evo.core.units import Unit

from evaluation.cameras import (
    align_rigidly,
    camera_errors,
    join_cameras,
    rotation_angles,
    transform,
)
from human3r_model.geometry import axis_angle_to_matrix

TURN = axis_angle_to_matrix(torch.tensor([0.3, -0.8, 0.5], dtype=torch.float64)).numpy()


def path(seed, num_frames=30, spread_m=0.5):
    """[T, 4, 4] a camera that wanders and turns."""
    random = np.random.default_rng(seed)
    steps = random.normal(scale=0.05, size=(2, num_frames, 3)).cumsum(axis=1)
    poses = np.tile(np.eye(4), (num_frames, 1, 1))
    poses[:, :3, :3] = axis_angle_to_matrix(torch.from_numpy(steps[0])).numpy()
    poses[:, :3, 3] = spread_m / 0.5 * steps[1]
    return poses


def moved(poses, scale, shift):
    """The path in another world."""
    result = poses.copy()
    result[:, :3, :3] = TURN @ poses[:, :3, :3]
    result[:, :3, 3] = scale * poses[:, :3, 3] @ TURN.T + shift
    return result


def evo_errors(pred, true):
    """(ATE, RPE translation, RPE rotation in degrees) by evo, all root mean squares."""
    reference = trajectory.PosePath3D(poses_se3=list(true))
    estimate = trajectory.PosePath3D(poses_se3=list(pred))
    estimate.align(reference, correct_scale=True)
    found = []
    for metric in (
        metrics.APE(metrics.PoseRelation.translation_part),
        metrics.RPE(metrics.PoseRelation.translation_part, 1, Unit.frames, all_pairs=True),
        metrics.RPE(metrics.PoseRelation.rotation_angle_deg, 1, Unit.frames, all_pairs=True),
    ):
        metric.process_data((reference, estimate))
        found.append(metric.get_statistic(metrics.StatisticsType.rmse))
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_agreement_with_evo(seed):
    true = path(seed)
    pred = moved(path(seed + 10), 3.0, [1, 2, 3])
    found = camera_errors(pred, true)
    expected = evo_errors(pred, true)
    assert [found.ate_m, found.rpe_translation_m, found.rpe_rotation_deg] == pytest.approx(
        expected, abs=1e-6, rel=1e-6
    )


def test_another_world_and_scale_are_no_error():
    true = path(1)
    found = camera_errors(moved(true, 2.0, [1, 2, 3]), true)
    assert [found.ate_m, found.rpe_translation_m, found.rpe_rotation_deg] == pytest.approx(
        [0, 0, 0], abs=1e-6
    )
    assert found.scale == pytest.approx(0.5)
    assert not found.is_still


def test_known_errors_along_a_line():
    # Positions on a line, 1 m apart; the predicted ones in the middle are 0.3 m beside it, in
    # turns: after the best fit the root mean square is theirs about the common mean.
    true = np.tile(np.eye(4), (5, 1, 1))
    true[:, 0, 3] = range(5)
    pred = true.copy()
    pred[1, 1, 3], pred[3, 1, 3] = 0.3, -0.3
    found = camera_errors(true, true)
    assert found.ate_m == pytest.approx(0, abs=1e-12)
    assert found.still_ate_m == pytest.approx(np.sqrt(2))  # of 0 to 4 about 2
    assert 0.15 < camera_errors(pred, true).ate_m < 0.3 * np.sqrt(2 / 5)


def test_rotation_from_frame_to_frame():
    true = path(1, 3)
    pred = true.copy()
    pred[2, :3, :3] = pred[2, :3, :3] @ axis_angle_to_matrix(torch.tensor([0.0, 0, 0.1])).numpy()
    # One of two steps is 0.1 rad = 5.7296 degrees off.
    assert camera_errors(pred, true).rpe_rotation_deg == pytest.approx(
        5.7296 / np.sqrt(2), abs=1e-3
    )


def test_a_camera_that_stands_still_is_not_shrunk_into():
    true = np.tile(np.eye(4), (4, 1, 1))
    pred = true.copy()
    pred[:, 0, 3] = [0, 1, 0, 1]  # it jumps to and fro by a metre
    found = camera_errors(pred, true)
    assert found.is_still
    assert found.scale is None
    assert found.ate_m == pytest.approx(0.5)
    assert found.rpe_translation_m == pytest.approx(1)
    assert found.still_ate_m == 0


def test_the_answer_that_never_moves_has_the_spread_as_its_error():
    true = path(4)
    still = np.tile(np.eye(4), (30, 1, 1))
    found = camera_errors(still, true)
    assert found.ate_m == pytest.approx(found.still_ate_m)
    assert found.scale is None  # of a path that does not move


def test_pieces_of_a_path_count_by_their_frames():
    long, short = (
        camera_errors(moved(path(1), 1.0, [0, 0, 0]), path(2)),
        camera_errors(path(5, 3), path(6, 3)),
    )
    assert short.ate_m < long.ate_m / 2  # three frames are easily aligned
    both = join_cameras([long, short])
    squares = np.square(np.concatenate([long.position_error_m, short.position_error_m]))
    assert both.ate_m == pytest.approx(np.sqrt(squares.mean()))
    assert both.still_ate_m == pytest.approx(
        np.sqrt((30 * long.still_ate_m**2 + 3 * short.still_ate_m**2) / 33)
    )
    assert both.rpe_rotation_deg == pytest.approx(
        np.sqrt((29 * long.rpe_rotation_deg**2 + 2 * short.rpe_rotation_deg**2) / 31)
    )
    assert both.scale == pytest.approx((long.scale + short.scale) / 2)
    assert vars(join_cameras([long])).keys() == vars(long).keys()
    assert join_cameras([long]).ate_m == pytest.approx(long.ate_m)


@pytest.mark.parametrize("num_frames", [1, 2])
def test_too_few_frames_say_nothing(num_frames):
    assert camera_errors(path(1, num_frames), path(2, num_frames)) is None


def test_rigid_alignment_keeps_lengths_and_exists_for_one_frame():
    true = path(1)
    pred = moved(true, 2.0, [1, 2, 3])
    fit = align_rigidly(pred, true)
    np.testing.assert_allclose(fit.rotation, TURN.T, atol=1e-9)
    centres = transform(pred, fit)[:, :3, 3]
    np.testing.assert_allclose(centres.mean(axis=0), true[:, :3, 3].mean(axis=0), atol=1e-9)
    assert np.linalg.norm(np.ptp(centres, axis=0)) == pytest.approx(
        2 * np.linalg.norm(np.ptp(true[:, :3, 3], axis=0))
    )
    one = align_rigidly(pred[:1], true[:1])
    np.testing.assert_allclose(transform(pred[:1], one), true[:1], atol=1e-9)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1.0, np.pi - 1e-6, np.pi])
def test_angles_are_exact_at_both_ends(angle):
    turn = axis_angle_to_matrix(torch.tensor([0.0, angle, 0.0], dtype=torch.float64)).numpy()
    assert rotation_angles(turn) == pytest.approx(angle, abs=1e-12)
