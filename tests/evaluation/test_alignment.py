import numpy as np
import pytest

from evaluation.alignment import align, mean_rotation

QUARTER_TURN = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # about z
CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]])


def test_a_known_similarity_is_found():
    target = 2 * CORNERS @ QUARTER_TURN.T + [1, 2, 3]
    fit = align(CORNERS, target, with_scale=True)
    assert float(fit.scale) == pytest.approx(2)
    np.testing.assert_allclose(fit.rotation, QUARTER_TURN, atol=1e-12)
    np.testing.assert_allclose(fit.translation, [1, 2, 3], atol=1e-12)
    np.testing.assert_allclose(fit.apply(CORNERS), target, atol=1e-12)


def test_a_rigid_motion_leaves_the_scale():
    fit = align(CORNERS, 2 * CORNERS @ QUARTER_TURN.T, with_scale=False)
    assert float(fit.scale) == 1
    np.testing.assert_allclose(fit.rotation, QUARTER_TURN, atol=1e-12)
    # The centroid (0.25, 0.5, 0.75) goes to twice its place, turned.
    np.testing.assert_allclose(fit.translation, [-0.5, 0.25, 0.75], atol=1e-12)


def test_a_mirror_image_is_not_mirrored_back():
    # Umeyama's own example of 1991 (section III): the unconstrained minimum is a reflection.
    source = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0]])
    target = np.array([[0.0, 0, 0], [-1, 0, 0], [0, 2, 0]])
    fit = align(source[:, :], target, with_scale=True)
    assert np.linalg.det(fit.rotation) == pytest.approx(1)
    mirrored = align(CORNERS, CORNERS * [-1, 1, 1], with_scale=True)
    assert np.linalg.det(mirrored.rotation) == pytest.approx(1)
    assert np.abs(mirrored.apply(CORNERS) - CORNERS * [-1, 1, 1]).max() > 0.1


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (np.zeros((1, 3)), np.ones((1, 3))),
        (np.ones((4, 3)), np.full((4, 3), 5.0)),
        (CORNERS[:1] * 0 + [[0], [1], [2]], CORNERS[:1] * 0 + [[3], [5], [7]]),
    ],
    ids=["one point", "one place", "a line"],
)
def test_points_that_leave_something_open_still_meet(source, target):
    fit = align(source, target, with_scale=True)
    np.testing.assert_allclose(fit.apply(source), target, atol=1e-12)
    assert np.linalg.det(fit.rotation) == pytest.approx(1)


def test_a_batch_is_its_rows():
    random = np.random.default_rng(0)
    source, target = random.normal(size=(2, 5, 8, 3))
    batch = align(source, target, with_scale=True)
    for row in range(5):
        one = align(source[row], target[row], with_scale=True)
        np.testing.assert_allclose(batch.rotation[row], one.rotation, atol=1e-12)
        np.testing.assert_allclose(batch.scale[row], one.scale)
        np.testing.assert_allclose(batch.translation[row], one.translation, atol=1e-12)


def test_mean_rotation_is_the_common_turn():
    half_turn = np.diag([1.0, -1, -1])
    orientations = np.stack([np.eye(3), half_turn])
    np.testing.assert_allclose(
        mean_rotation(orientations, QUARTER_TURN @ orientations), QUARTER_TURN, atol=1e-12
    )
