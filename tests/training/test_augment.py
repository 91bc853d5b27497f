"""What a picture shows is true of it however it was turned, zoomed and coloured."""

import numpy as np
import pytest
import torch

from tests.training.fake_clips import make_clip
from training.augment import MOST_FOCAL, draw_zoom, mirror, recolour, zoom

THIRDS = (slice(0, 64), slice(64, 128), slice(128, 192))


def test_a_zoomed_clip_shows_the_same_people_through_a_longer_lens():
    clip = make_clip([(60, 20), (10, 50)])
    zoomed = zoom(clip, 1.25, 1.25)
    assert zoomed.focal_px.tolist() == [200.0] * 4
    for place, is_seen in enumerate(zoomed.is_seen[0]):
        x, y, z = zoomed.head_position[0, place]
        projected = [200 * x / z + 95.5, 200 * y / z + 47.5]
        np.testing.assert_allclose(zoomed.head_px[0, place], projected, atol=1e-3)
        assert is_seen == (0 <= projected[0] < 192)
    assert zoomed.is_seen[0].tolist() == [True, False]  # the second is out of the picture now
    assert zoomed.head_position is clip.head_position


@pytest.mark.parametrize("softness", [1.5, 2.0])
def test_what_is_seen_lies_where_the_longer_lens_puts_it(softness):
    clip = make_clip([])
    clip.frames[:], clip.depth_m[:], clip.person[:] = 0, 4, 0
    clip.frames[:, 40:50, 120:132] = 255
    clip.depth_m[:, 40:50, 120:132] = 2
    clip.person[:, 40:50, 120:132] = 1
    clip.surface[:, 40:50, 120:132] = 7
    zoomed = zoom(clip, 1.5, softness)
    middle = np.array([125.5, 44.5])
    expected = (middle - [95.5, 47.5]) * 1.5 + [95.5, 47.5]
    for picture in (zoomed.frames[0, ..., 0] > 127, zoomed.person[0] > 0, zoomed.depth_m[0] < 3):
        y, x = np.nonzero(picture)
        np.testing.assert_allclose([x.mean(), y.mean()], expected, atol=0.6)
        assert len(x) == pytest.approx(120 * 1.5**2, rel=0.1)
    assert ((zoomed.surface[0, ..., 0] == 7) == (zoomed.person[0] > 0)).all()


def test_a_soft_picture_is_only_soft():
    clip = make_clip([(10, 20)])
    soft = zoom(clip, 1.0, 1.4)
    assert np.std(soft.frames.astype(float)) < 0.9 * np.std(clip.frames.astype(float))
    for name in ("depth_m", "person", "head_px", "focal_px", "is_seen"):
        np.testing.assert_array_equal(getattr(soft, name), getattr(clip, name))
    assert zoom(clip, 1.0, 1.0) is clip


def test_zooms_end_at_the_longest_lens():
    rng = np.random.default_rng(0)
    drawn = np.array([draw_zoom(160, 200, rng) for _ in range(400)])  # 0.8 of the longer side
    factor, softness = drawn.T
    assert 1 == factor.min() < factor.max() <= MOST_FOCAL / 0.8
    assert 0.3 < (factor == 1).mean() < 0.5
    assert (softness >= factor).all()
    assert 0.3 < (softness[factor == 1] > 1).mean() < 0.7
    assert {draw_zoom(300, 200, rng)[0] for _ in range(50)} == {1.0}  # it is as long already


def test_people_change_their_colours_apart_from_the_scene_now_and_then():
    frames = np.full((1, 96, 192, 3), 100, np.uint8)
    person = np.zeros((1, 96, 192), np.uint8)
    person[:, :, :64], person[:, :, 128:] = 1, 2
    num_coloured = 0
    for seed in range(60):
        changed = recolour(frames, person, np.random.default_rng(seed))[0].astype(int)
        thirds = [np.median(changed[:, part], axis=(0, 1)) for part in THIRDS]
        num_coloured += all(abs(a - thirds[1]).max() > 2 for a in (thirds[0], thirds[2]))
    assert 15 < num_coloured < 45


def test_an_edge_of_colour_tells_nobody():
    """Casts lie on the scene as well, and fade out over a pixel or two."""
    frames = np.full((1, 96, 192, 3), 100, np.uint8)
    nobody = np.zeros((1, 96, 192), np.uint8)
    with_edges = 0
    for seed in range(60):
        changed = recolour(frames, nobody, np.random.default_rng(seed))[0].astype(int)
        row = changed[:, 96]
        with_edges += len(np.unique(row, axis=0)) > 1
    assert 10 < with_edges < 50


def test_a_mirrored_clip_is_the_mirrored_world(free_body):
    clip = make_clip([(60, 20)], num_frames=1)
    bent = clip.rotations.copy()
    quarter = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32)
    bent[0, 0, 1] = quarter  # the left hip
    clip.rotations[:] = bent
    clip.surface[0, :, 10] = 30, 40, 5
    mirrored = mirror(clip)
    assert mirrored.surface[0, 0, 192 - 1 - 10].tolist() == [-30, 40, 5]
    there, back = (_joints(free_body, c) for c in (clip, mirrored))
    there[:, 0] *= -1
    hips, knees, feet = (1, 2), (4, 5), (10, 11)
    for left, right in (hips, knees, feet):  # the free body itself is 3 mm lopsided
        np.testing.assert_allclose(back[[right, left]], there[[left, right]], atol=4e-3)
    x, y, z = mirrored.head_position[0, 0]
    projected = [160 * x / z + 95.5, 160 * y / z + 47.5]
    np.testing.assert_allclose(mirrored.head_px[0, 0], projected, atol=1e-4)
    np.testing.assert_array_equal(mirror(mirrored).rotations, clip.rotations)


def _joints(body, clip):
    rotations = torch.from_numpy(np.ascontiguousarray(clip.rotations[0]))
    shapes = torch.zeros(len(rotations), 10)
    head = torch.from_numpy(np.ascontiguousarray(clip.head_position[0]))
    return body.place_skeletons(rotations, shapes, shapes, head).joints[0].numpy()


@pytest.mark.parametrize("column", ["frames", "depth_m", "person"])
def test_a_mirrored_picture_is_flipped(column):
    clip = make_clip([(60, 20)])
    np.testing.assert_array_equal(getattr(mirror(clip), column), getattr(clip, column)[:, :, ::-1])
