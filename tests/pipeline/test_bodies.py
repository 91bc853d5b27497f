import numpy as np
import pytest

from pipeline.bodies import clip_focal_px, place_bodies, place_roots, project
from pipeline.rows import make_rows
from tests.pipeline.truth import LANDSCAPE, clip_labels, people_labels, planned_clip

UPRIGHT = np.diag([1.0, -1, -1])  # the body's y up is the camera's down


def standing(*heads, **labels):
    """Upright people of the mean shape, each with the head at a place, one a frame."""
    people = people_labels(list(range(len(heads))))
    people.rotations[:] = np.eye(3)
    people.rotations[:, 0] = UPRIGHT
    people.betas[:] = people.expression[:] = 0
    people.head_position[:] = heads
    return clip_labels(people, len(heads), **labels)


def place(labels, body, focal_px=400.0):
    return place_bodies(labels, place_roots(labels).is_finite, body, focal_px)


@pytest.mark.parametrize(
    ("focal_px", "expected"),
    [
        ([200, 400, 500], 400),
        ([np.nan, 400, 500], 450),
        ([np.nan, np.nan, 7], 7),
        ([np.nan] * 3, np.nan),
    ],
)
def test_the_clips_focal_length_is_the_median_of_the_frames_that_have_one(focal_px, expected):
    labels = clip_labels(people_labels([]), 3, focal_px=focal_px)
    assert clip_focal_px(labels) == pytest.approx(expected, nan_ok=True)


def test_projection_is_a_pinholes_around_the_principal_point():
    points = np.array([[0, 0, 2], [1, -0.5, 2], [0, 0, 0]], np.float32)
    assert project(points, 100, (24, 16.5))[:2].tolist() == [[24, 16.5], [74, -8.5]]
    assert np.isnan(project(points, 100, (24, 16.5))[2]).all()


def test_a_whole_body_in_view_is_neither_truncated_nor_hidden(free_body):
    bodies = place(standing([0, -0.8, 6]), free_body)
    assert bodies.truncated_fraction.tolist() == [0]
    assert bodies.visible_fraction.tolist() == [1]


def test_a_body_at_the_edge_is_truncated_where_its_joints_are_outside(free_body):
    labels = standing([0, 0, 2], [60, 0, 6])  # too near for its legs; far out to the right
    bodies = place(labels, free_body)
    x, y = bodies.joints_px[0].T
    is_inside = (x >= -0.5) & (x < 1919.5) & (y >= -0.5) & (y < 1079.5)
    assert 0 < is_inside.sum() < 52
    assert bodies.truncated_fraction == pytest.approx([1 - is_inside.mean(), 1])
    assert bodies.visible_fraction == pytest.approx([is_inside.mean(), 0])
    rows = make_rows(planned_clip(2), labels, free_body, "depth/x.mkv").people
    assert rows["is_truncated"].tolist() == [True, True]
    assert rows["is_out_of_frame"].tolist() == [False, True]


def test_a_wall_before_a_body_hides_it(free_body):
    labels = standing([0, -0.8, 6], [0, -0.8, 6], depth_m=5.0)
    labels.coarse_depth_m[1, :36] = 100  # above the middle of the picture
    hidden, half = place(labels, free_body).visible_fraction
    assert hidden == 0
    above = place(labels, free_body).joints_px[1, :, 1] < 540
    assert half == pytest.approx(above.mean(), abs=0.1)


@pytest.mark.parametrize("head", [[0, 0, -3], [0, 0, 0.1]])
def test_a_body_that_is_not_in_front_of_the_camera_is_not_projected(head, free_body):
    bodies = place(standing(head, [0, -0.8, 6]), free_body)
    for values in (bodies.joints_px, bodies.box_px, bodies.visible_fraction):
        assert np.isnan(values[0]).all()
        assert np.isfinite(values[1]).all()
    assert np.isfinite(bodies.joints).all()
    assert np.isfinite(bodies.transl).all()


@pytest.mark.parametrize(("z_m", "expected"), [(3.0, False), (-3.0, None), (0.0, None)])
def test_a_head_behind_the_camera_is_neither_in_nor_out_of_the_picture(z_m, expected):
    rows = make_rows(planned_clip(1), standing([0, 0, z_m]), None, "depth/x.mkv").people
    assert rows["is_out_of_frame"].tolist() == [expected]


def test_more_people_than_a_chunk_are_each_their_own(free_body):
    labels = clip_labels(people_labels([0] * 70), 1)
    together = place(labels, free_body)
    is_finite = np.zeros(70, bool)
    is_finite[[3, 66]] = True
    alone = place_bodies(labels, is_finite, free_body, 400.0)
    np.testing.assert_allclose(alone.joints_px[is_finite], together.joints_px[is_finite], atol=0.01)
    assert np.isnan(alone.transl[~is_finite]).all()


def test_world_heads_are_moved_by_the_frames_own_camera():
    camera = np.zeros((2, 7), np.float32)
    camera[0] = [1, 2, 3, 1, 0, 0, 0]
    camera[1] = [0, 0, 0, np.sqrt(0.5), 0, 0, np.sqrt(0.5)]  # a quarter turn about z
    people = people_labels([0, 1], head_position=np.array([[1, 0, 4]] * 2, np.float32))
    roots = place_roots(clip_labels(people, 2, LANDSCAPE, world_from_camera=camera))
    np.testing.assert_allclose(roots.head_position_world, [[2, 2, 7], [0, 1, 4]], atol=1e-6)
