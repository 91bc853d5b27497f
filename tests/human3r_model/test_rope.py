"""Rotary positions against the formula, positions that no table has included."""

import math

import pytest
import torch

from human3r_model.rope import grid_positions, rotation


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 5), (-1, -1), (1000, 7)])
def test_rotation_is_the_formula(row, column):
    x = torch.arange(1.0, 9.0)  # one token, one head, 8 channels: 4 for the row, 4 for the column
    turn = rotation(torch.tensor([[[row, column]]]), 8, 100.0, torch.float32)
    result = turn.apply(x[None, None, None])[0, 0, 0]
    expected = []
    for position, (u0, u1, v0, v1) in ((row, (1, 2, 3, 4)), (column, (5, 6, 7, 8))):
        a, b = position * 1.0, position * 0.1  # 100^0, 100^(-2/4)
        expected += [
            u0 * math.cos(a) - v0 * math.sin(a),
            u1 * math.cos(b) - v1 * math.sin(b),
            v0 * math.cos(a) + u0 * math.sin(a),
            v1 * math.cos(b) + u1 * math.sin(b),
        ]
    torch.testing.assert_close(result, torch.tensor(expected), atol=1e-4, rtol=1e-5)


def test_products_depend_on_relative_position_only():
    q, k = torch.randn(2, 1, 1, 1, 16, generator=torch.Generator().manual_seed(0))

    def product(at, other):
        turned = [
            rotation(torch.tensor([[place]]), 16, 100.0, torch.float32).apply(x)
            for place, x in ((at, q), (other, k))
        ]
        return (turned[0] * turned[1]).sum()

    torch.testing.assert_close(product([2, 3], [5, 1]), product([-1, 12], [2, 10]))


def test_grid_is_row_major():
    expected = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert grid_positions(2, 3, torch.device("cpu")).tolist() == expected
