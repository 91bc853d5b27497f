"""The teacher's aid: points of the body, asked of the samples of each patch where a person is."""

import numpy as np
import pytest
import torch

from training.corpus import CorpusSpec, render_clip
from training.joint_maps import Grid
from training.surface_maps import SPREAD_M, SurfaceMap

HEAD_HEIGHT_M = 0.5


def test_samples_are_the_pixels_in_the_middle_of_their_parts():
    grid = Grid(rows=2, columns=3, patch_px=8, margin_px=(0, 3))
    rows, columns = grid.sample_px(2, torch.device("cpu"))
    assert rows.tolist() == [-1, 3, 7, 11]  # 2, 6, 10, 14, less the margin above
    assert columns.tolist() == [2, 6, 10, 14, 18, 22]
    assert grid.from_px(torch.tensor([15.5, 12.5])).tolist() == [2.0, 2.0]


def test_a_point_is_asked_of_its_sample_where_a_person_is():
    # 2x3 patches of 4 pixels whose tokens are one-hot: the weights are then the answers themselves
    surface_map, grid = SurfaceMap(6, samples=2), Grid(rows=2, columns=3, patch_px=4)
    person, surface = torch.zeros(1, 8, 12), torch.zeros(1, 8, 12, 3, dtype=torch.int8)
    person[0, 7, 9] = 1.0  # patch 5, lower left sample
    surface[0, 7, 9] = torch.tensor([40, -70, 8])
    with torch.no_grad():
        surface_map.point.weight.zero_()
        surface_map.point.bias.zero_()
        surface_map.point.weight[2 * 3 : 3 * 3, 5] = torch.tensor([2.0, -2.0, 1.0])
    tokens = torch.eye(6)[None]
    assert surface_map.loss(tokens, grid, person, surface).item() == pytest.approx(0, abs=1e-6)
    surface[0, 7, 9, 2] += 24
    assert surface_map.loss(tokens, grid, person, surface).item() == pytest.approx(1.0)


def test_nobody_is_nothing_to_ask():
    surface_map, grid = SurfaceMap(6, samples=2), Grid(rows=2, columns=3, patch_px=4)
    loss = surface_map.loss(
        torch.eye(6)[None], grid, torch.zeros(1, 8, 12), torch.ones(1, 8, 12, 3)
    )
    assert loss.item() == 0.0


def test_a_padded_patch_beyond_the_picture_is_not_asked():
    surface_map = SurfaceMap(1, samples=1)
    grid = Grid(rows=3, columns=1, patch_px=4, margin_px=(0, 4))
    person, surface = torch.ones(1, 4, 4), torch.full((1, 4, 4, 3), 100)
    with torch.no_grad():
        surface_map.point.weight.fill_(1.0)
        surface_map.point.bias.zero_()
    tokens = torch.tensor([[[9.0], [1.0], [9.0]]])  # only the middle patch shows the picture
    expected = np.mean([1 / spread - 1 for spread in SPREAD_M])
    loss = surface_map.loss(tokens, grid, person, surface)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_rendered_surfaces_are_those_of_the_people_seen(free_body):
    clip = render_clip(CorpusSpec(0, 128, 72, 64, (2,)), 3, free_body)
    is_person = clip.person > 0
    assert is_person.any()
    assert not clip.surface[~is_person].any()
    for frame, who in np.argwhere(clip.visible_fraction > 0.9):
        x, y = clip.head_px[frame, who].round().astype(int)
        assert clip.surface[frame, y, x, 1] > 100 * HEAD_HEIGHT_M
    ankles = clip.surface[..., 1][is_person].min()
    assert -100 <= ankles < 0
