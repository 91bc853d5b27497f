"""Rotations of six numbers, lengths of their logarithm, poses that are poses."""

import pytest
import torch

from human3r_model.heads import PoseHead, expand_norm, gram_schmidt


def test_six_numbers_are_two_columns_row_by_row():
    six = torch.tensor([0.0, -2.0, 3.0, 0.0, 0.0, 0.0]).view(3, 2)  # y axis and minus x axis
    expected = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    torch.testing.assert_close(gram_schmidt(six), expected)


def test_any_six_numbers_are_a_rotation():
    columns = torch.randn(50, 3, 2, generator=torch.Generator().manual_seed(0))
    rotations = gram_schmidt(columns)
    torch.testing.assert_close(rotations @ rotations.mT, torch.eye(3).expand(50, 3, 3))
    torch.testing.assert_close(torch.linalg.det(rotations), torch.ones(50))


def test_no_numbers_are_no_rotation_but_finite():
    assert torch.isfinite(gram_schmidt(torch.zeros(3, 2))).all()


@pytest.mark.parametrize(
    ("vector", "expected"),
    [
        ([0.0, 0, 0], [0.0, 0, 0]),
        ([0.0, 0, 1], [0.0, 0, 1.7182818]),
        ([-3.0, 0, 0], [-19.085537, 0, 0]),
    ],
)
def test_lengths_are_expm1(vector, expected):
    torch.testing.assert_close(expand_norm(torch.tensor(vector)), torch.tensor(expected))


def test_poses_are_unit_quaternions_of_the_upper_half():
    torch.manual_seed(0)
    pose = PoseHead(8, 4)(torch.randn(20, 8))
    torch.testing.assert_close(pose[:, 3:].norm(dim=-1), torch.ones(20))
    assert (pose[:, 3] >= 0).all()
