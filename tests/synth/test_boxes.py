"""Boxes whose depth and sides one can work out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from synth.boxes import draw_boxes, view_boxes
from synth.raster import Canvas
from tests.synth.scenes import box, wall

WIDTH, HEIGHT, FOCAL_PX = 41, 31, 40.0
MIDDLE = (15, 20)  # row, column


def turned(yaw, position=(0.0, 0.0, 0.0)):
    pose = np.eye(4)
    pose[[0, 0, 2, 2], [0, 2, 0, 2]] = np.cos(yaw), np.sin(yaw), -np.sin(yaw), np.cos(yaw)
    pose[:3, 3] = position
    return pose


def draw(*boxes, pose=None):
    canvas = Canvas.blank(WIDTH, HEIGHT)
    pose = np.eye(4) if pose is None else pose
    draw_boxes(canvas, view_boxes(boxes, pose, FOCAL_PX, WIDTH, HEIGHT))
    return canvas


def test_a_wall_is_as_deep_everywhere():
    canvas = draw(wall(5.0))
    np.testing.assert_allclose(canvas.depth, 5.0, rtol=1e-6)
    assert (canvas.surface == 4).all()  # its side -z


def test_a_box_fills_the_pixels_it_projects_to():
    canvas = draw(box((0.0, 0.0, 5.0), (0.51, 0.255, 1.0)))  # front at z = 4: 5.1 by 2.55 pixels
    rows, columns = np.nonzero(np.isfinite(canvas.depth))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (13, 17, 15, 25)


def test_a_turned_box_shows_its_edge():
    canvas = draw(box((0.0, 0.0, 5.0), (1.0, 1.0, 1.0), yaw=np.pi / 4 + 1e-6))
    assert canvas.depth[MIDDLE] == pytest.approx(5 - np.sqrt(2), abs=1e-4)


def test_yaw_turns_x_towards_minus_z():
    canvas = draw(box((0.0, 0.0, 5.0), (2.0, 1.0, 0.1), yaw=0.3))
    assert canvas.depth[15, 30] < 5.0 < canvas.depth[15, 10]


@pytest.mark.parametrize(
    ("centre", "yaw", "side"),
    [
        ((5, 0, 0), np.pi / 2, 0),
        ((-5, 0, 0), -np.pi / 2, 1),
        ((0, 0, 5), 0.0, 4),
        ((0, 0, -5), np.pi, 5),
    ],
)
@pytest.mark.parametrize("is_room", [False, True])
def test_sides_around(centre, yaw, side, is_room):
    seen = draw(box(centre, (1.0, 1.0, 1.0), is_room=is_room), pose=turned(yaw))
    # A room is seen from inside: through the near side, on the far one.
    assert seen.surface[MIDDLE] == (side ^ 1 if is_room else side)
    assert seen.depth[MIDDLE] == pytest.approx(6.0 if is_room else 4.0, rel=1e-6)


@pytest.mark.parametrize(("y", "row", "side"), [(1.5, 30, 2), (-1.5, 0, 3)])
def test_sides_above_and_below(y, row, side):
    canvas = draw(box((0.0, y, 5.0), (9.0, 0.5, 4.9)))
    assert canvas.surface[row, 20] == side
    assert canvas.depth[row, 20] == pytest.approx(1.0 * FOCAL_PX / 15, rel=1e-6)


def test_the_nearer_box_wins():
    near, far = box((0.0, 0.0, 3.0), (0.2, 0.2, 0.2)), wall(5.0)
    for boxes, index in (((near, far), 0), ((far, near), 1)):
        assert draw(*boxes).surface[MIDDLE] == 6 * index + 4


def test_no_boxes_are_sky():
    assert (draw().depth == np.inf).all()


@pytest.mark.parametrize("seed", range(5))
def test_bounds_leave_nothing_out(seed):
    rng = np.random.default_rng(seed)
    boxes = tuple(
        box(tuple(rng.uniform(-4, 4, 3)), tuple(rng.uniform(0.1, 2, 3)), rng.uniform(0, 6))
        for _ in range(20)
    )
    pose = turned(rng.uniform(0, 6), rng.uniform(-1, 1, 3))
    view = view_boxes(boxes, pose, FOCAL_PX, WIDTH, HEIGHT)
    everywhere = np.tile([0, 0, WIDTH - 1, HEIGHT - 1], (len(boxes), 1))
    bounded, unbounded = Canvas.blank(WIDTH, HEIGHT), Canvas.blank(WIDTH, HEIGHT)
    draw_boxes(bounded, view)
    draw_boxes(unbounded, replace(view, bounds=everywhere))
    assert np.isfinite(bounded.depth).any()
    assert np.array_equal(bounded.depth, unbounded.depth)
    assert np.array_equal(bounded.surface, unbounded.surface)
