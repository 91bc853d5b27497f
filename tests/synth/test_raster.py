"""Triangles whose depth and pixels one can work out by hand, and skin against the plain path."""

import numpy as np
import pytest
import torch

from synth.raster import SKY, Canvas, SparseWeights, draw_body, skin

FOCAL_PX = 10.0
# On the plane z = 4 + 2 x: a pixel's ray (u, v, 1) meets it at z = 4 / (1 - 2 u).
SLANTED = np.array([[-1, -2, 2], [-1, 2, 2], [2, 0, 8]], np.float32)


def draw(vertices, faces=((0, 1, 2),), size=21, person=1):
    canvas = Canvas.blank(size, size)
    faces = np.array(faces, np.int32)
    return canvas, draw_body(canvas, np.array(vertices, np.float32), faces, FOCAL_PX, person)


def square(z, half):
    """Two triangles that face the camera."""
    corners = [(-half, -half, z), (-half, half, z), (half, half, z), (half, -half, z)]
    return np.array(corners, np.float32), np.array([(0, 1, 2), (0, 2, 3)], np.int32)


@pytest.mark.parametrize(("x", "z"), [(10, 4.0), (11, 5.0), (9, 4 / 1.2), (6, 4 / 1.8)])
def test_depth_of_a_slanted_triangle(x, z):
    canvas, _ = draw(SLANTED)
    assert canvas.depth[10, x] == pytest.approx(z, rel=1e-6)
    assert canvas.person[10, x] == 1
    assert canvas.surface[10, x] == 0


def test_around_a_triangle_is_sky():
    canvas, num_pixels = draw(SLANTED)
    assert num_pixels == np.isfinite(canvas.depth).sum() == (canvas.person == 1).sum()
    # It goes from (5, 0) and (5, 20) to (12.5, 10): in column 5 + n, 2 floor(10 - 4 n / 3) + 1.
    assert (canvas.person == 1).sum(0)[5:13].tolist() == [21, 17, 15, 13, 9, 7, 5, 1]
    assert canvas.depth[0, 20] == np.inf
    assert canvas.surface[0, 20] == SKY


def test_the_back_of_a_triangle_is_not_drawn():
    canvas, num_pixels = draw(SLANTED, faces=[(0, 2, 1)])
    assert num_pixels == 0
    assert (canvas.person == 0).all()


@pytest.mark.parametrize("order", [(2.0, 3.0), (3.0, 2.0)])
def test_the_nearer_body_wins_whoever_comes_first(order):
    canvas = Canvas.blank(21, 21)
    for person, z in enumerate(order, start=1):
        vertices, faces = square(z, half=1.0)
        draw_body(canvas, vertices, faces, FOCAL_PX, person)
    assert canvas.depth[10, 10] == 2.0
    assert canvas.person[10, 10] == 1 + order.index(2.0)


@pytest.mark.parametrize(("z", "num_pixels"), [(0.06, 63 * 63), (0.04, 0), (-1.0, 0)])
def test_what_is_too_near_or_behind_is_not_drawn(z, num_pixels):
    vertices, faces = square(z, half=100.0)
    assert draw(vertices, faces)[1] == num_pixels  # 3 x 3 pictures of 21 x 21


@pytest.mark.parametrize("shift", [0.0, 1.0, 1.9])
def test_pixels_alone_do_not_end_at_the_edge(shift):
    vertices, faces = square(1.0, half=0.52)  # 11 x 11 pixels around the shifted middle
    vertices[:, 0] += shift
    canvas, num_pixels = draw(vertices, faces)
    assert num_pixels == 11 * 11
    assert (canvas.person == 1).sum() == {0.0: 121, 1.0: 6 * 11, 1.9: 0}[shift]


@pytest.mark.parametrize("name", ["free_body", "rough_body"])
def test_skin_is_the_body_models_own(name, request):
    body = request.getfixturevalue(name)
    generator = torch.Generator().manual_seed(0)
    rotations = torch.linalg.qr(torch.randn(2, 53, 3, 3, generator=generator))[0]
    values = (
        rotations * torch.linalg.det(rotations)[..., None, None],
        torch.randn(2, 10, generator=generator),
        torch.randn(2, 10, generator=generator),
        torch.tensor([[0.0, 0, 4], [1, 2, 3]]),
    )
    bones, bodies = body.place_bones(*values), body.place(*values)
    weights = SparseWeights.from_dense(body.skin_weights.numpy())
    for person in range(2):
        vertices = skin(bones.rest[person].numpy(), bones.transforms[person].numpy(), weights)
        assert np.abs(vertices - bodies.vertices[person].numpy()).max() < 5e-6  # metres
