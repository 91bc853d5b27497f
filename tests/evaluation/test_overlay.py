import numpy as np
import pytest

from evaluation.overlay import BONES, LONG_SIDE, PaintedPerson, Skin, paint_people, track_colour
from schemas.joints import BODY_JOINTS

BLACK = np.zeros((900, LONG_SIDE, 3), np.uint8)  # painted at its own size
TRIANGLE = np.array([[0, 1, 2]])


def person(**changes):
    made = {
        "track_id": 0,
        "score": 0.5,
        "head_px": np.array([30.0, 880.0]),
        "box_px": None,
        "joints_px": None,
        "skin": None,
    }
    return PaintedPerson(**made | changes)


def triangle(depth_m, size_m=1.0, flipped=False):
    """A triangle that faces the camera, its upper left corner at pixel (800, 400), 100 px a m."""
    corners = np.array([[0, 0, 1], [size_m, 0, 1], [0, size_m, 1]], float) * [1, 1, depth_m]
    order = [0, 1, 2] if flipped else [0, 2, 1]
    return Skin(corners[order], (corners[:, :2] * 100 + [800, 400])[order])


def coloured(picture, colour):
    """[K, 2] x, y of the pixels of exactly this colour."""
    return np.argwhere((picture == colour).all(axis=2))[:, ::-1]


def test_a_skeleton_is_painted_at_its_joints():
    joints = np.full((52, 2), 400.0)
    joints[BODY_JOINTS.index("left_foot")] = [400, 600]  # its only bone ends at the left ankle
    head = np.array([900.0, 300.0])
    picture = paint_people(BLACK, [person(joints_px=joints, head_px=head)], None)
    found = coloured(picture, track_colour(0))
    bone = found[abs(found[:, 0] - 400) < 20]
    np.testing.assert_allclose(bone.mean(axis=0), [400, 500], atol=1)
    np.testing.assert_allclose([bone[:, 1].min(), bone[:, 1].max()], [400, 600], atol=3)


def test_every_joint_but_the_pelvis_has_a_bone_to_its_parent():
    assert [joint for joint, _ in BONES] == list(range(1, 52))
    names = {(BODY_JOINTS[a], BODY_JOINTS[b]) for a, b in BONES if a < 22}
    assert {("left_knee", "left_hip"), ("head", "neck"), ("right_wrist", "right_elbow")} < names


def test_the_head_is_a_dot_where_the_network_saw_it():
    picture = paint_people(BLACK, [person(head_px=np.array([700.0, 450.0]))], None)
    found = coloured(picture, track_colour(0))
    dot = found[found[:, 1] > 440]  # without the name above it
    np.testing.assert_allclose(dot.mean(axis=0), [700, 450], atol=0.5)


def test_a_smaller_picture_is_enlarged_about_its_corner():
    small = np.zeros((90, LONG_SIDE // 10, 3), np.uint8)
    picture = paint_people(small, [person(head_px=np.array([69.5, 44.5]))], None)
    assert picture.shape == BLACK.shape
    found = coloured(picture, track_colour(0))
    dot = found[found[:, 1] > 440]
    # Pixel 69.5 is the edge between the 70th and the 71st: x 700 from the picture's edge.
    np.testing.assert_allclose(dot.mean(axis=0), [699.5, 449.5], atol=0.5)


def test_a_box_is_painted_at_its_corners():
    box = np.array([[200.0, 300.0], [500.0, 700.0]])
    found = coloured(paint_people(BLACK, [person(box_px=box)], None), track_colour(0))
    found = found[found[:, 1] < 750]  # without the head
    np.testing.assert_array_equal(found[:, 0].min(), 200)
    np.testing.assert_array_equal(found.max(axis=0), [500, 700])


def test_skin_covers_its_projection_and_nothing_else():
    picture = paint_people(BLACK, [person(skin=triangle(2.0))], TRIANGLE)
    found = np.argwhere(picture[:700].any(axis=2))[:, ::-1]
    np.testing.assert_array_equal(found.min(axis=0), [800, 400])
    np.testing.assert_array_equal(found.max(axis=0), [900, 500])
    np.testing.assert_allclose(found.mean(axis=0), [800 + 100 / 3, 400 + 100 / 3], atol=1)


def test_the_nearer_person_covers_the_farther_one():
    people = [
        person(track_id=0, skin=triangle(2.0)),
        person(track_id=1, skin=triangle(4.0)),  # painted later, and still behind
    ]
    red, green, blue = paint_people(BLACK, people, TRIANGLE)[420, 820].astype(int)
    assert blue > green > red  # track 0 is light blue, track 1 orange


@pytest.mark.parametrize(
    "skin",
    [
        triangle(0.01),
        triangle(-2.0),
        triangle(2.0, flipped=True),
        Skin(triangle(2.0).vertices, triangle(2.0).vertices_px * 1e6),
    ],
    ids=["at the lens", "behind the camera", "seen from inside", "far outside the picture"],
)
def test_skin_that_cannot_be_seen_is_not_painted(skin):
    white = ~BLACK
    picture = paint_people(white, [person(skin=skin)], TRIANGLE)
    np.testing.assert_array_equal(picture[:700], white[:700])


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7)])
def test_pictures_of_any_size_without_people(size):
    white = np.full((*size, 3), 255, np.uint8)
    picture = paint_people(white, [], None)
    assert max(picture.shape) == LONG_SIDE
    assert (picture == 255).all()


def test_a_name_stays_inside_the_picture():
    corner = person(head_px=np.array([LONG_SIDE + 500.0, -500.0]))
    found = coloured(paint_people(BLACK, [corner], None), track_colour(0))
    assert len(found) > 1000
    assert found[:, 0].max() == LONG_SIDE - 1


def test_neighbouring_tracks_have_different_colours():
    assert len({track_colour(track) for track in range(7)}) == 7
    assert track_colour(7) == track_colour(0)
