"""The teacher's aid: joints at their patches, and positions that tell patches apart."""

import math

import pytest
import torch

from training.joint_maps import NUM_JOINTS, Grid, JointMap, sine_positions

SURE = 30.0
GRID = Grid(rows=2, columns=3, patch_px=10)


def test_a_joint_is_asked_of_its_patch_and_nowhere_else():
    # 2x3 patches whose tokens are one-hot: the layers' weights are then the answers themselves
    jmap = JointMap(6)
    xy = torch.full((1, NUM_JOINTS, 2), -1.0)  # outside, all but joint 4: row 1, column 2
    xy[0, 4] = torch.tensor([27.0, 14.5])
    tokens = torch.eye(6)[None]
    with torch.no_grad():
        jmap.presence.weight.fill_(-SURE)
        jmap.presence.weight[4, 5] = SURE
        jmap.presence.bias.zero_()
        jmap.offset.weight.zero_()
        jmap.offset.bias.zero_()
        jmap.offset.weight[2 * 4, 5] = 0.25  # x of joint 4 at patch 5
    frame = torch.tensor([0])
    assert jmap.loss(tokens, GRID, frame, xy).item() == pytest.approx(0, abs=1e-5)
    with torch.no_grad():
        jmap.offset.weight[2 * 4, 5] = -0.25
    assert jmap.loss(tokens, GRID, frame, xy).item() == pytest.approx(0.5)
    with torch.no_grad():
        jmap.presence.weight[4, 5] = 0.0
    assert jmap.loss(tokens, GRID, frame, xy).item() == pytest.approx(0.5 + math.log(2))


def test_nobody_is_nothing_to_learn_offsets_from():
    jmap = JointMap(6)
    nobody = torch.zeros(0, NUM_JOINTS, 2)
    loss = jmap.loss(torch.zeros(1, 6, 6), GRID, torch.zeros(0, dtype=torch.int64), nobody)
    expected = 6 * NUM_JOINTS * math.log1p(math.exp(-4))  # every patch says no, at its first bias
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_sine_positions_turn_with_row_and_column():
    waves = sine_positions(12, 128)
    assert waves.shape == (144, 128)
    torch.testing.assert_close(waves[0, :32], torch.zeros(32))  # sines of row 0
    torch.testing.assert_close(waves[25, 64], torch.tensor(1.0).sin())  # row 2, column 1
    distance = torch.cdist(waves, waves) + torch.eye(144) * 9
    assert distance.min() > 0.5
