"""Light whose strength one can work out by hand, or compare."""

from dataclasses import replace

import numpy as np
import pytest

from synth.boxes import draw_boxes, view_boxes
from synth.raster import Canvas
from synth.shading import develop, face_normals, light_up
from tests.synth.scenes import box, place

SIZE, FOCAL_PX = 41, 40.0
NOBODY = np.zeros((0, 1, 3), np.float32), np.zeros((0, 1, 4))
GROUND = box((0.0, 0.5, 0.0), (30.0, 0.5, 30.0))
DOWN = np.array([[1.0, 0, 0, 0], [0, 0, 1, -3], [0, -1, 0, 3], [0, 0, 0, 1]])  # from (0, -3, 3)


def lit(where, pose, people=NOBODY):
    """Light off white surfaces, one channel."""
    canvas = Canvas.blank(SIZE, SIZE)
    view = view_boxes(where.boxes, pose, FOCAL_PX, SIZE, SIZE)
    draw_boxes(canvas, view)
    white = np.ones((SIZE, SIZE, 3), np.float32)
    return light_up(canvas, white, where, view, pose, FOCAL_PX, *people)[..., 0]


@pytest.mark.parametrize(
    ("linear", "level"),
    # 255 times the sRGB encoding: 12.92 x up to 0.0031308, then 1.055 x^(1 / 2.4) - 0.055.
    [(0.0, 0), (0.001, 3), (0.18, 118), (0.5, 188), (1.0, 255), (7.0, 255)],
)
def test_develop_encodes_srgb(linear, level):
    light = np.full((2, 3, 3), linear, np.float32)
    picture = develop(light, 1.0, np.zeros_like(light))
    assert picture.dtype == np.uint8
    assert np.unique(picture).tolist() == [level]


def test_exposure_comes_before_noise():
    light = np.full((1, 1, 3), 0.25, np.float32)
    noise = np.float32([[[0.0, -0.1, 0.5]]])
    # 0.5 encodes to 187.5; a tenth of 255 less; past the top.
    assert develop(light, 2.0, noise).tolist() == [[[188, 162, 255]]]


def test_the_lens_keeps_the_light():
    light = np.zeros((5, 5, 3), np.float32)
    light[2, 2] = 1.0
    linear = (develop(light, 1.0, np.zeros_like(light))[..., 0] / 255 + 0.055) / 1.055
    linear = np.where(linear > 0.1, linear**2.4, 0.0)
    assert linear.sum() == pytest.approx(1.0, abs=0.01)
    assert linear[2, 2] == pytest.approx(0.6, abs=0.01)


def test_normals_of_a_lone_triangle():
    vertices = np.float32([[[0, 0, 0], [2, 0, 0], [0, 3, 0]]])
    normals = face_normals(vertices, np.array([[0, 1, 2]], np.int32))
    assert normals.tolist() == [[[0.0, 0.0, 1.0]]]


def test_normals_point_out_of_a_closed_mesh():
    # A regular tetrahedron: what its corners' normals average to is each face's own, away from
    # the corner that the face lacks.
    corners = np.float32([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    faces = np.array([(1, 3, 2), (0, 2, 3), (0, 3, 1), (0, 1, 2)], np.int32)
    normals = face_normals(corners[None], faces)
    np.testing.assert_allclose(normals[0], -corners / np.sqrt(3), atol=1e-6)


def test_ground_faces_the_light_fully():
    # Right below the light, at the middle of the free area (0, 3.5): ambient 0.5 on what faces up,
    # 0.5 of direct light.
    seen = lit(place(GROUND), DOWN + np.array([[0.0] * 4, [0.0] * 4, [0, 0, 0, 0.5], [0.0] * 4]))
    assert seen[20, 20] == pytest.approx(0.5 * (0.8 + 0.2) + 0.5, rel=1e-3)


def test_a_side_turned_away_has_ambient_light_only():
    ahead = box((0.0, 0.0, 3.5), (1.0, 1.0, 1e-3))
    away = replace(place(ahead), light_direction=(0.0, 0.0, 1.0))
    assert lit(away, np.eye(4))[20, 20] == pytest.approx(0.5 * 0.8, rel=1e-3)
    towards = replace(away, light_direction=(0.0, 0.0, -1.0))
    assert lit(towards, np.eye(4))[20, 20] == pytest.approx(0.5 * 0.8 + 0.5, rel=1e-3)


def test_sky_is_its_own_light():
    assert (lit(place(), np.eye(4)) == 1.0).all()


@pytest.mark.parametrize("slant", [0.0, 0.5])
def test_a_shadow_lies_away_from_the_light(slant):
    ball = np.array([[[0.0, -1.0, 3.0, 0.2]]])  # 1 m above the ground, below the camera
    direction = np.array([slant, -1.0, 0.0]) / np.hypot(slant, 1.0)
    where = replace(place(GROUND), light_direction=tuple(direction))
    bright = lit(where, DOWN)
    shadow = lit(where, DOWN, (np.zeros((1, 1, 3), np.float32), ball)) / bright
    # From 3 m above, a pixel covers 3 / 40 m: the shadow is `slant` metres towards -x.
    row, column = np.unravel_index(shadow.argmin(), shadow.shape)
    assert (row, column) == (20, 20 - round(slant * FOCAL_PX / 3))
    assert shadow.min() < 0.75
    assert shadow[0, 40] == 1.0


def test_furniture_dims_the_ground_around_it():
    crate = box((0.0, -0.3, 3.0), (0.3, 0.3, 0.3))
    dimmed = lit(place(GROUND, crate), DOWN) / lit(place(GROUND), DOWN)
    assert dimmed[20, 25] < 0.7  # 8 cm beside it
    assert dimmed[20, 40] > 0.98
