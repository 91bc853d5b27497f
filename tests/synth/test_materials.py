"""Colours of walls whose pattern one can work out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from synth.boxes import draw_boxes, view_boxes
from synth.materials import BRICKS, CHECKER, NOISE, PLAIN, STRIPES, pack_materials, paint
from synth.raster import Canvas
from synth.values import Material
from tests.synth.scenes import box

SIZE, FOCAL_PX = 101, 100.0  # of a wall at z = 5, a pixel covers 5 cm, and the middle is (0, 0)
NO_FACES = np.zeros((0, 0, 3), np.float32)
BLACK_WHITE = Material(PLAIN, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 1.0, 0.0, seed=3)


def painted(material, z=5.0):
    boxes = (box((0.0, 0.0, z + 0.5), (10.0 * z, 10.0 * z, 0.5), material=material),)
    canvas = Canvas.blank(SIZE, SIZE)
    view = view_boxes(boxes, np.eye(4), FOCAL_PX, SIZE, SIZE)
    draw_boxes(canvas, view)
    return paint(canvas, view, pack_materials(boxes), NO_FACES, (0.0, 0.0, 0.0))[..., 0]


def test_plain_is_its_colour():
    material = replace(BLACK_WHITE, colour=(0.25, 0.5, 0.75))
    assert np.unique(painted(material)).tolist() == [0.25]


def test_stripes_are_half_a_period_wide():
    # Period 1 m, the second colour first: white for u in [0, 0.5), black for [0.5, 1).
    picture = painted(replace(BLACK_WHITE, kind=STRIPES))
    for column, white in ((52, 1.0), (58, 1.0), (62, 0.0), (68, 0.0), (72, 1.0), (48, 0.0)):
        np.testing.assert_allclose(picture[:, column], white, atol=1e-5)
    np.testing.assert_allclose(picture[:, 60], 0.5, atol=1e-5)  # a border cuts it in two


def test_checker_alternates_both_ways():
    picture = painted(replace(BLACK_WHITE, kind=CHECKER))
    expected = [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    np.testing.assert_allclose(picture[45:66:10, 45:66:10], expected, atol=1e-5)


def test_bricks_are_set_off_by_half():
    # 1 m long, rows 0.4 m high, mortar 5 cm: a joint at u in [0, 0.05) of the row of v in [0, 0.4),
    # at u in [0.5, 0.55) of the next.
    picture = painted(replace(BLACK_WHITE, kind=BRICKS))
    assert picture[54, 50] > 0.4 > 0.1 > picture[54, 60]
    assert picture[62, 60] > 0.4 > 0.1 > picture[62, 50]
    assert (picture[50] > 0.4).all()  # the joint between rows


@pytest.mark.parametrize("kind", [CHECKER, STRIPES, BRICKS, NOISE])
def test_far_away_a_pattern_is_its_mean(kind):
    picture = painted(replace(BLACK_WHITE, kind=kind, roughness=0.5), z=3000.0)
    mean = 1 - 0.95 * 0.875 if kind == BRICKS else 0.5  # mortar takes 5 of 100 and 5 of 40 cm
    np.testing.assert_allclose(picture, mean, atol=0.03)


@pytest.mark.parametrize(("change", "is_same"), [({}, True), ({"seed": 4}, False)])
def test_noise_is_its_seeds(change, is_same):
    noise = replace(BLACK_WHITE, kind=NOISE, roughness=0.3)
    picture = painted(noise)
    assert picture.std() > 0.05
    assert np.array_equal(picture, painted(replace(noise, **change))) == is_same


def test_sky_and_people_have_their_own_colours():
    canvas = Canvas.blank(4, 2)
    canvas.person[0, 1], canvas.surface[0, 1] = 2, 7
    faces = np.zeros((2, 9, 3), np.float32)
    faces[1, 7] = (0.1, 0.2, 0.3)
    view = view_boxes((), np.eye(4), 10.0, 4, 2)
    picture = paint(canvas, view, pack_materials(()), faces, (0.2, 0.4, 0.8))
    np.testing.assert_allclose(picture[0, 1], (0.1, 0.2, 0.3))
    np.testing.assert_allclose(picture[1, 1], (0.2, 0.4, 0.8))
