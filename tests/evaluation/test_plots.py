import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from evaluation.overlay import PaintedPerson, track_colour
from evaluation.plots import (
    depth_error_png,
    errors_over_time_png,
    joint_errors_png,
    paths_png,
    preview_png,
)
from evaluation.preview import DepthPicture, FromAbove, Preview
from tests.evaluation.made_up import sequence

HEAD = PaintedPerson(3, 0.9, np.array([160.0, 45.0]), None, None, None)
PATH = np.array([[-1.0, 0, 3], [1, 0, 3]])


def preview(**changes):
    """A black picture of 320x90, depth from 2 m to 4 m, one person who walks to the right."""
    made = Preview(
        uri="walk.mp4",
        frame_index=7,
        time_s=0.25,
        labels="tiny",
        rgb=np.zeros((90, 320, 3), np.uint8),
        people=(HEAD,),
        faces=None,
        depth=DepthPicture(
            np.linspace(2, 4, 320, dtype=np.float32).reshape(5, 64), (0, 319, 0, 89)
        ),
        from_above=FromAbove(
            camera_path=np.array([[0.0, 0, 0], [0, 0, 0.5]]),
            camera=np.array([0.0, 0, 0.5]),
            view_edges=np.array([[-0.5, 0, 1], [0.5, 0, 1]]),
            people_paths={3: PATH},
            people={3: PATH[1]},
        ),
    )
    return replace(made, **changes)


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def is_colour(picture, colour):
    return abs(picture - np.array(colour)).max(axis=2) < 12


def test_three_panels_side_by_side():
    picture = pixels(preview_png(preview()))
    assert picture.shape[1] == 1800
    columns = np.flatnonzero(is_colour(picture, (0, 0, 0)).sum(axis=0) > 60)
    rows = np.flatnonzero(is_colour(picture, (0, 0, 0)).sum(axis=1) > 300)
    # The black picture, as wide as it should be for its height.
    assert (columns.max() - columns.min()) / (rows.max() - rows.min()) == pytest.approx(
        320 / 90, rel=0.02
    )


def test_depth_is_the_right_way_up():
    """The made-up depth grows from the top: turbo's blue for 2 m, its red for 4 m."""
    middle = pixels(preview_png(preview()))[:, 850:900].mean(axis=1)
    is_blue, is_red = middle[:, 2] > middle[:, 0] + 50, middle[:, 0] > middle[:, 2] + 50
    assert is_blue.any()
    assert np.flatnonzero(is_blue).max() < np.flatnonzero(is_red).min()


@pytest.mark.parametrize(
    "rgb", [np.zeros((640, 360, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)], ids=["tall", "2x2"]
)
def test_pictures_that_are_not_wide(rgb):
    height, width = pixels(preview_png(preview(rgb=rgb))).shape[:2]
    assert height < width <= 1800


def test_a_moved_person_is_drawn_elsewhere_from_above():
    def dot(head):
        above = replace(preview().from_above, people={3: np.array(head)}, people_paths={3: PATH})
        picture = pixels(preview_png(preview(people=(), from_above=above)))
        found = np.argwhere(is_colour(picture, track_colour(3)))
        columns = found[:, 1]
        large = np.bincount(columns, minlength=1800) > 8  # the dot, not the line
        return np.array([found[large[columns], 1].mean(), found[large[columns], 0].mean()])

    left, right = dot([-0.9, 0, 3.0]), dot([0.9, 0, 3.0])
    assert right[0] > left[0] + 50  # x to the right
    assert right[1] == pytest.approx(left[1], abs=1)
    assert dot([0.0, 0, 1.0])[1] > dot([0.0, 0, 3.0])[1] + 50  # z up the page
    np.testing.assert_allclose(dot([0.3, 5.0, 2.0]), dot([0.3, 0.0, 2.0]))  # height does not show


@pytest.mark.parametrize(
    "changes",
    [
        {"people": ()},
        {"depth": None},
        {"depth": DepthPicture(np.full((4, 4), np.nan, np.float32), (0, 319, 0, 89))},
        {"uri": "costs $5 <b> _{x}^.mp4"},
        {
            "from_above": FromAbove(
                np.zeros((1, 3)), np.zeros(3), None, {0: np.full((1, 3), np.nan)}, {}
            )
        },
    ],
    ids=["nobody", "no depth", "depth nowhere", "odd name", "one frame without focal length"],
)
def test_what_is_missing_is_left_out(changes):
    assert not np.array_equal(
        pixels(preview_png(preview(**changes))), pixels(preview_png(preview()))
    )


def test_errors_have_a_row_for_each_kind_that_was_measured():
    nothing = np.full(40, np.nan)
    full = pixels(errors_over_time_png(sequence()))
    less = pixels(errors_over_time_png(sequence(depth_abs_rel=nothing, camera_error_m=nothing)))
    assert full.shape[0] > less.shape[0] + 200
    assert full.shape[1] == less.shape[1] == 896


def test_one_frame_alone_is_seen():
    alone = np.full(40, np.nan)
    alone[20] = 50.0
    with_one = pixels(errors_over_time_png(sequence(mpjpe_mm=alone, pa_mpjpe_mm=0 * alone)))
    assert is_colour(with_one, (0, 114, 178)).any()


def test_the_worst_joint_is_at_the_top():
    picture = pixels(joint_errors_png(("a", "b", "c"), np.array([10.0, 40.0, np.nan])))
    bars = is_colour(picture, (0, 114, 178))
    lengths = bars.sum(axis=1)
    rows = np.flatnonzero(lengths > 20)
    assert lengths[rows[0]] == pytest.approx(4 * lengths[rows[-1]], rel=0.05)


def test_depth_errors_lie_where_they_are_in_the_picture():
    errors = np.full((18, 32), 0.01)
    errors[:9, :16] = 0.2
    picture = pixels(depth_error_png(errors))
    is_bright, is_dark = is_colour(picture, (254, 232, 56)), is_colour(picture, (0, 34, 78))
    bright = np.argwhere(is_bright[: len(picture) // 2])
    assert len(bright) > 1000
    # The bright quarter is left and up of everything else.
    assert bright[:, 1].mean() < picture.shape[1] / 2
    assert not is_dark[: int(bright[:, 0].max()), : int(bright[:, 1].max())].any()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: joint_errors_png(("a", "b"), np.full(2, np.nan)),
        lambda: depth_error_png(np.full((18, 32), np.nan)),
        lambda: errors_over_time_png(sequence(num_frames=0)),
        lambda: paths_png(
            replace(
                sequence(people=()),
                camera_true=np.full((12, 3), np.nan),
                camera_pred=np.full((12, 3), np.nan),
            )
        ),
    ],
    ids=["joints", "depth", "time", "above"],
)
def test_what_was_not_measured_is_said(draw):
    picture = pixels(draw())
    assert (picture == 255).all(axis=2).mean() > 0.9
    assert (picture < 200).any()


def test_labelled_paths_are_drawn_beside_true_ones():
    apart = pixels(paths_png(sequence()))
    shifted = sequence()
    same = pixels(paths_png(replace(shifted, camera_pred=shifted.camera_true)))
    assert not np.array_equal(apart, same)


UP = np.array([0.0, -1, 0])  # of a level camera's world


def seen_by_camera_that_looks_down(made, angle_rad):
    """The same paths in the world of a camera pitched down from level."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    return replace(
        made,
        camera_true=made.camera_true @ turn.T,
        camera_pred=made.camera_pred @ turn.T,
        people=tuple(
            replace(
                person,
                pelvis_true=person.pelvis_true @ turn.T,
                pelvis_pred=person.pelvis_pred @ turn.T,
            )
            for person in made.people
        ),
        up=turn @ UP,
    )


@pytest.mark.parametrize("angle_rad", [0.2, 0.9, np.pi / 2])
def test_the_ground_says_what_from_above_is(angle_rad):
    level = replace(sequence(), up=UP)
    tilted = seen_by_camera_that_looks_down(level, angle_rad)
    drawn = pixels(paths_png(level))
    np.testing.assert_allclose(pixels(paths_png(tilted)), drawn, atol=3)
    np.testing.assert_array_equal(pixels(paths_png(sequence())), drawn)
    # Without the ground the way ahead is too short.
    assert not np.array_equal(pixels(paths_png(replace(tilted, up=None))), drawn)


@pytest.mark.parametrize("num_frames", [0, 1])
def test_paths_of_hardly_any_frames(num_frames):
    picture = pixels(paths_png(sequence(num_frames=num_frames, people=())))
    assert picture.shape[1] == 896
