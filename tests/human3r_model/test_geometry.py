"""Focal length, poses and rotations against closed forms, SciPy and reference values."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from human3r_model.geometry import (
    axis_angle_to_matrix,
    chain_poses,
    estimate_focal_px,
    matrix_to_axis_angle,
    matrix_to_quaternion,
    pose_to_matrix,
    quaternion_to_matrix,
)

GOLDEN = Path(__file__).parents[1] / "golden"
AXES = torch.nn.functional.normalize(
    torch.tensor(
        [[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 2, 3], [-1, 0.5, 0], [-1, -1, -1]],
        dtype=torch.float64,
    ),
    dim=-1,
)
ANGLES = [0.0, 1e-9, 1e-7, 1e-4, 0.5, np.pi / 2, 3.0, np.pi - 1e-4, np.pi - 1e-8]


def pinhole(focal_px, height, width):
    """A tilted plane seen by a camera whose principal point is (width//2, height//2)."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    z = 3.0 + 0.01 * rows
    x, y = (columns - width // 2) * z / focal_px, (rows - height // 2) * z / focal_px
    return torch.stack([x, y, z], dim=-1)


def test_focal_of_reference_pointmap():
    with np.load(GOLDEN / "focal.npz") as file:
        pointmap, focal = torch.from_numpy(file["pointmap"]), torch.from_numpy(file["focal"])
    torch.testing.assert_close(estimate_focal_px(pointmap[None]), focal, rtol=1e-5, atol=0)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (64, 48), (33, 47)])
def test_focal_of_pinhole(height, width):
    pointmap = torch.stack([pinhole(80.0, height, width), pinhole(120.0, height, width)])
    focal = estimate_focal_px(pointmap)
    torch.testing.assert_close(focal, torch.tensor([80.0, 120.0]), rtol=1e-5, atol=0)


def test_focal_outlives_outliers_and_a_point_in_the_camera():
    pointmap = pinhole(80.0, 48, 64)
    pointmap[:6] = torch.tensor([1.0, -2.0, 3.0])
    pointmap[10, 10] = 0
    assert abs(estimate_focal_px(pointmap[None]).item() - 80) < 0.5  # least squares says 52


def test_pose_of_a_quarter_turn_about_z():
    half = 0.5**0.5
    matrix = pose_to_matrix(torch.tensor([1.0, 2.0, 3.0, half, 0.0, 0.0, half]))
    expected = torch.tensor([[0.0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])
    torch.testing.assert_close(matrix, expected, atol=1e-6, rtol=0)


def test_chain_goes_on_from_each_segments_last_pose():
    def along_x(*steps):
        return torch.stack([pose_to_matrix(torch.tensor([x, 0, 0, 1, 0, 0, 0])) for x in steps])

    first, second, third = chain_poses([along_x(0.0, 1.0, 2.0), along_x(0.5, 1.5), along_x(0.25)])
    assert first[:, 0, 3].tolist() == [0, 1, 2]
    assert second[:, 0, 3].tolist() == [2.5, 3.5]
    assert third[:, 0, 3].tolist() == [3.75]


def test_chain_turns_with_the_camera():
    quarter = torch.tensor([0.0, 0, 0, 0.5**0.5, 0, 0, 0.5**0.5])
    ahead = torch.tensor([1.0, 0, 0, 1, 0, 0, 0])
    _, second = chain_poses([pose_to_matrix(quarter)[None], pose_to_matrix(ahead)[None]])
    torch.testing.assert_close(second[0, :3, 3], torch.tensor([0.0, 1.0, 0.0]))


@pytest.mark.parametrize("angle", ANGLES)
def test_axis_angle_there_and_back_as_scipy(angle):
    vectors = AXES * angle
    matrices = axis_angle_to_matrix(vectors)
    expected = Rotation.from_rotvec(vectors.numpy()).as_matrix()
    np.testing.assert_allclose(matrices.numpy(), expected, atol=1e-12)
    back = matrix_to_axis_angle(matrices)
    np.testing.assert_allclose(back.numpy(), vectors.numpy(), atol=1e-7)


def test_axis_angle_at_half_a_turn_is_one_of_the_two():
    vectors = AXES * np.pi
    back = matrix_to_axis_angle(axis_angle_to_matrix(vectors))
    nearest = torch.minimum((back - vectors).norm(dim=-1), (back + vectors).norm(dim=-1))
    assert nearest.max() < 1e-7


def test_axis_angle_of_random_float32_rotations():
    matrices = Rotation.random(500, rng=0).as_matrix()
    vectors = matrix_to_axis_angle(torch.from_numpy(matrices).float())
    assert vectors.norm(dim=-1).max() <= np.pi + 1e-6
    back = axis_angle_to_matrix(vectors)
    np.testing.assert_allclose(back.numpy(), matrices, atol=2e-6)


def test_quaternion_there_and_back_with_w_not_negative():
    matrices = torch.from_numpy(Rotation.random(100, rng=1).as_matrix())
    quaternions = matrix_to_quaternion(matrices)
    assert (quaternions[:, 0] >= 0).all()
    torch.testing.assert_close(quaternion_to_matrix(quaternions), matrices)
