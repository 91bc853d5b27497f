"""What a picture shows is true of it however it was turned, zoomed and coloured."""

import numpy as np
import pytest
import torch

from tests.training.fake_clips import make_clip
from training.augment import MOST_SOFT, draw_softness, mirror, recolour, zoom
from training.corpus import CorpusSpec, render_clip

THIRDS = (slice(0, 64), slice(64, 128), slice(128, 192))


def test_a_zoomed_clip_shows_the_same_people_through_a_longer_lens():
    clip = make_clip([(60, 20), (10, 50), (96, 5)])
    zoomed = zoom(clip, 150.0, (144, 64))  # 72 rows, of which 64 are kept
    assert zoomed.focal_px.tolist() == [150.0] * 4
    assert zoomed.frames.shape == (4, 64, 144, 3)
    assert zoomed.depth_m.shape == zoomed.person.shape == (4, 64, 144)
    for place in range(3):
        x, y, z = zoomed.head_position[0, place]
        projected = [150 * x / z + 71.5, 150 * y / z + 31.5]
        np.testing.assert_allclose(zoomed.head_px[0, place], projected, atol=1e-3)
    # The second is beside the picture now; the third is 40 pixels above its middle.
    assert zoomed.is_seen[0].tolist() == [True, False, False]
    assert zoom(clip, 120.0, (144, 64)).is_seen[0].tolist() == [True, True, True]
    assert zoomed.head_position is clip.head_position


@pytest.mark.parametrize("softness", [1.0, 1.6])
@pytest.mark.parametrize(("focal_px", "size"), [(240.0, (192, 96)), (150.0, (144, 64))])
def test_what_is_seen_lies_where_the_longer_lens_puts_it(focal_px, size, softness):
    clip = make_clip([])
    clip.frames[:], clip.depth_m[:], clip.person[:] = 0, 4, 0
    clip.frames[:, 40:50, 110:122] = 255
    clip.depth_m[:, 40:50, 110:122] = 2
    clip.person[:, 40:50, 110:122] = 1
    clip.surface[:, 40:50, 110:122] = 7
    zoomed = zoom(clip, focal_px, size, softness)
    factor = focal_px / 160
    middle = (np.array(size) - 1) / 2
    expected = (np.array([115.5, 44.5]) - [95.5, 47.5]) * factor + middle
    for picture in (zoomed.frames[0, ..., 0] > 127, zoomed.person[0] > 0, zoomed.depth_m[0] < 3):
        y, x = np.nonzero(picture)
        np.testing.assert_allclose([x.mean(), y.mean()], expected, atol=0.6)
        assert len(x) == pytest.approx(120 * factor**2, rel=0.15)
    assert ((zoomed.surface[0, ..., 0] == 7) == (zoomed.person[0] > 0)).all()


def test_a_soft_picture_is_only_soft():
    clip = make_clip([(10, 20)])
    soft, same = (zoom(clip, 160.0, (192, 96), softness) for softness in (1.4, 1.0))
    np.testing.assert_array_equal(same.frames, clip.frames)
    assert np.std(soft.frames.astype(float)) < 0.9 * np.std(clip.frames.astype(float))
    for name in ("depth_m", "person", "head_px", "focal_px", "is_seen"):
        np.testing.assert_allclose(getattr(soft, name), getattr(clip, name), atol=1e-5)


def test_half_of_the_pictures_are_made_softer():
    rng = np.random.default_rng(0)
    drawn = np.array([draw_softness(rng) for _ in range(400)])
    assert drawn.min() == 1 < drawn.max() <= MOST_SOFT
    assert 0.4 < (drawn > 1).mean() < 0.6


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


def test_the_middle_of_a_picture_with_a_margin_is_the_picture_without(free_body):
    narrow = render_clip(CorpusSpec(0, 128, 72, 64, (2,)), 3, free_body)
    wide = render_clip(CorpusSpec(0, 128, 72, 128, (2,), margin=2.0), 3, free_body)
    assert wide.focal_px == pytest.approx(narrow.focal_px)  # half as long, in half as large pixels
    assert wide.frames.shape[2] == 2 * narrow.frames.shape[2]
    middle = zoom(wide, float(narrow.focal_px[0]), narrow.frames.shape[2:0:-1])
    assert middle.frames.shape == narrow.frames.shape
    seen = narrow.is_seen & middle.is_seen
    assert seen.any()
    np.testing.assert_allclose(middle.head_px[seen], narrow.head_px[seen], atol=0.6)
    assert np.median(abs(middle.depth_m / narrow.depth_m - 1)) < 0.02
    assert ((middle.person > 0) == (narrow.person > 0)).mean() > 0.95
