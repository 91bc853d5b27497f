import numpy as np
import pytest

from evaluation.physics import Plane, foot_sliding_mm_per_s, ground_penetration_mm, jitter

TIMES_S = np.arange(6) / 30


def test_jitter_of_a_cubic_is_its_third_derivative():
    # x = 2 t^3 has the third derivative 12 m/s^3, whatever the times.
    for times_s in (TIMES_S, np.array([0, 0.1, 0.15, 0.4, 0.5])):
        joints = np.zeros((len(times_s), 2, 3))
        joints[:, :, 0] = 2 * times_s[:, None] ** 3
        np.testing.assert_allclose(
            jitter(joints, times_s), np.full(len(times_s) - 3, 12), rtol=1e-8
        )


def test_jitter_is_whams_at_an_even_rate():
    joints = np.random.default_rng(0).normal(size=(6, 22, 3))
    third = (joints[3:] - 3 * joints[2:-1] + 3 * joints[1:-2] - joints[:-3]) * 30**3
    expected = np.linalg.norm(third, axis=2).mean(axis=1)
    np.testing.assert_allclose(jitter(joints, TIMES_S), expected)


def test_jitter_of_steady_motion_is_0():
    joints = TIMES_S[:, None, None] * np.ones((6, 2, 3)) + TIMES_S[:, None, None] ** 2
    np.testing.assert_allclose(jitter(joints, TIMES_S), np.zeros(3), atol=1e-9)


@pytest.mark.parametrize("num_frames", [0, 1, 3])
def test_too_few_frames_have_no_jitter(num_frames):
    assert jitter(np.zeros((num_frames, 2, 3)), TIMES_S[:num_frames]).shape == (0,)


def test_feet_slide_only_while_the_true_foot_stands():
    true = np.zeros((4, 2, 3))
    true[:, 1, 0] = [0, 0.1, 0.2, 0.2]  # walks for two steps at 3 m/s, then stands for one
    pred = np.zeros((4, 2, 3))
    pred[:, 0, 2] = [0, 0.005, 0.005, 0.015]
    pred[:, 1, 1] = [0, 0.5, 1.0, 1.002]
    np.testing.assert_allclose(
        np.sort(foot_sliding_mm_per_s(pred, true, TIMES_S[:4])), [0, 60, 150, 300], atol=1e-9
    )


def test_the_speed_decides_not_the_frame():
    true = np.arange(3)[:, None, None] * np.array([0.008, 0, 0])  # 8 mm a frame
    assert len(foot_sliding_mm_per_s(true, true, np.arange(3) / 30)) == 2  # 0.24 m/s
    assert len(foot_sliding_mm_per_s(true, true, np.arange(3) / 60)) == 0  # 0.48 m/s


@pytest.mark.parametrize("fps", [10, 30, 60])
def test_a_foot_that_slides_is_as_fast_at_any_frame_rate(fps):
    times_s = np.arange(5) / fps
    pred = 0.15 * times_s[:, None, None] * np.array([1.0, 0, 0])
    np.testing.assert_allclose(
        foot_sliding_mm_per_s(pred, np.zeros_like(pred), times_s), np.full(4, 150)
    )


def test_foot_sliding_is_30_times_whams_at_its_rate():
    random = np.random.default_rng(0)
    pred, true = np.cumsum(random.normal(scale=0.004, size=(2, 90, 4, 3)), axis=1)
    steps_m = np.linalg.norm(np.diff([pred, true], axis=1), axis=-1)
    whams_mm = 1000 * steps_m[0][steps_m[1] < 0.01]  # a contact moves less than 1 cm a frame
    found = foot_sliding_mm_per_s(pred, true, np.arange(90) / 30)
    np.testing.assert_allclose(found, 30 * whams_mm)
    assert 0 < len(found) < steps_m[1].size


def test_depth_below_the_ground():
    # y is down and the ground at y = 1.5.
    ground = Plane(np.array([0.0, -1, 0]), -1.5)
    points = np.array([[[0, 1.4, 0], [0, 1.52, 3]], [[0, 1.4, 0], [0, 0, 0]]])
    np.testing.assert_allclose(ground_penetration_mm(points, ground), [20, 0], atol=1e-9)
