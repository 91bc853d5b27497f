"""Image preparation against the authors' results (tests/golden), and its coordinate maps."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from human3r_model.errors import InputError
from human3r_model.preprocess import ImageGeometry, image_geometry, prepare_image

GOLDEN = Path(__file__).parents[1] / "golden"
SIZES = json.loads((GOLDEN / "preprocess_sizes.json").read_text())


@pytest.mark.parametrize(("width", "height", "model_width", "model_height"), SIZES)
def test_sizes_are_the_authors(width, height, model_width, model_height):
    geometry = image_geometry(width, height)
    assert (geometry.width, geometry.height) == (model_width, model_height)
    picture = prepare_image(np.zeros((height, width, 3), np.uint8), geometry)
    assert picture.shape == (model_height, model_width, 3)


def test_pixels_are_the_authors():
    golden = np.load(GOLDEN / "preprocess.npz")
    scale, stride = int(golden["scale"]), int(golden["output_stride"])
    source = np.kron(golden["image"], np.ones((scale, scale, 1), np.uint8))  # [720, 1280, 3]
    picture = prepare_image(source, image_geometry(1280, 720))
    expected = np.round((golden["output"] * 0.5 + 0.5) * 255).transpose(1, 2, 0)
    assert np.array_equal(picture[::stride, ::stride], expected)  # not one grey level off


def test_literal_geometry():
    assert image_geometry(1998, 1080) == ImageGeometry(1998, 1080, 512, 277, 0, 2, 512, 272)
    assert image_geometry(480, 640) == ImageGeometry(480, 640, 384, 512, 0, 0, 384, 512)
    assert image_geometry(500, 500) == ImageGeometry(500, 500, 512, 512, 0, 64, 512, 384)
    # Square only after rounding: 1999 * 512 / 2000 = 511.7.
    assert image_geometry(2000, 1999) == ImageGeometry(2000, 1999, 512, 512, 0, 64, 512, 384)
    assert image_geometry(1920, 1080, long_side=128).width == 128


def test_literal_points():
    geometry = image_geometry(1000, 1000)  # 1000 -> 512, then 64 rows cut at the top
    # The first model pixel's centre is 64.5 resized rows down, half a resized column in.
    assert_allclose(geometry.source_from_model([0, 0]), [0.4765625, 125.4765625])
    # The picture's centre stays the centre.
    assert_allclose(geometry.model_from_source([499.5, 499.5]), [255.5, 191.5])
    assert geometry.scale_x == geometry.scale_y == 1.953125


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1998, 1080), (176, 144), (333, 333)])
def test_points_come_back(width, height):
    geometry = image_geometry(width, height)
    points = np.random.default_rng(0).uniform(-50, 600, (4, 5, 2))
    assert_allclose(geometry.source_from_model(geometry.model_from_source(points)), points)


def test_a_bright_dot_lands_where_the_map_says():
    source = np.zeros((720, 1280, 3), np.uint8)
    source[396:404, 796:804] = 255  # centred on (799.5, 399.5)
    geometry = image_geometry(1280, 720)
    light = prepare_image(source, geometry)[..., 0].astype(float)
    rows, columns = np.indices(light.shape)
    centre = [(columns * light).sum() / light.sum(), (rows * light).sum() / light.sum()]
    assert_allclose(geometry.source_from_model(centre), [799.5, 399.5], atol=0.05)


@pytest.mark.parametrize(
    ("width", "height", "long_side", "words"),
    [
        (1920, 20, 512, "1920x20 pixels becomes 512x5"),
        (1, 4000, 512, "thinner than a patch"),
        (0, 480, 512, "0x480"),
        (640, 480, 500, "long_side=500"),
    ],
)
def test_what_cannot_be_prepared_is_said(width, height, long_side, words):
    with pytest.raises(InputError, match=words):
        image_geometry(width, height, long_side)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((480, 641, 3), np.uint8), np.zeros((480, 640)), np.zeros((480, 640, 3), np.float32)],
)
def test_another_picture_is_refused(picture):
    with pytest.raises(InputError, match="a picture of shape"):
        prepare_image(picture, image_geometry(640, 480))
