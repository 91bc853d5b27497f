import numpy as np
import pytest

from pipeline.quality import occluded, outside_picture, root_jerk, summarise_tracks

EVEN_S = np.arange(8) / 25
UNEVEN_S = np.array([0.0, 0.04, 0.1, 0.11, 0.2, 0.26, 0.3, 0.42])


def tracks_of(*pairs):
    """Tracks of (person, frame) rows, and the rows' frames."""
    track_id, frame = np.array(pairs, np.int64).reshape(-1, 2).T
    return summarise_tracks(track_id.astype(np.int32), frame), frame


def test_tracks_know_their_rows_and_gaps():
    tracks, _ = tracks_of((7, 0), (2, 0), (7, 1), (7, 5), (2, 1), (7, 7))
    assert [(t.track_id, t.rows.tolist(), t.num_gaps, t.longest_gap) for t in tracks] == [
        (2, [1, 4], 0, 0),
        (7, [0, 2, 3, 5], 4, 3),
    ]


def test_nobody_has_no_tracks():
    tracks, frame = tracks_of()
    assert tracks == []
    assert root_jerk(tracks, frame, np.zeros(0), np.zeros((0, 3))).tolist() == []


@pytest.mark.parametrize("time_s", [EVEN_S, UNEVEN_S], ids=["even", "uneven"])
def test_jerk_of_a_cubic_path_is_its_third_derivative(time_s):
    tracks, frame = tracks_of(*((0, f) for f in range(8)))
    t = time_s[:, None]
    path = t**3 * [1, 2, -2] + t**2 * [5, 0, 1] - t * [1, 3, 0] + [0, 1, 4]
    jerk = root_jerk(tracks, frame, time_s, path)
    # d^3/dt^3 of t^3 (1, 2, -2) is (6, 12, -12), of length 18.
    assert jerk.tolist() == pytest.approx([np.nan] * 2 + [18.0] * 4 + [np.nan] * 2, nan_ok=True)


def test_jerk_of_even_times_is_the_central_difference():
    tracks, frame = tracks_of(*((0, f) for f in range(5)))
    path = np.array([[4, 0, 0], [1, 0, 0], [9, 0, 0], [3, 0, 0], [7, 0, 0]], np.float32)
    # (7 - 2 * 3 + 2 * 1 - 4) / (2 * 0.5^3) = -4
    assert root_jerk(tracks, frame, np.arange(5) * 0.5, path)[2] == pytest.approx(4)


def test_jerk_needs_both_neighbours_on_either_side_in_neighbouring_frames():
    frames = [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]
    tracks, frame = tracks_of(*((0, f) for f in frames), (1, 3))
    path = np.random.default_rng(0).normal(size=(11, 3))
    jerk = root_jerk(tracks, frame, frame / 25, path)
    assert np.flatnonzero(np.isfinite(jerk)).tolist() == [2, 7]  # frames 2 and 8


def test_jerk_of_one_person_ignores_the_other():
    pairs = [(person, f) for f in range(6) for person in (0, 1)]
    tracks, frame = tracks_of(*pairs)
    path = np.array([[person * f**3, 0, 0] for person, f in pairs], np.float64)
    jerk = root_jerk(tracks, frame, frame.astype(float), path)
    assert jerk[4:8].tolist() == pytest.approx([0, 6, 0, 6])


def test_a_position_that_is_not_finite_leaves_no_jerk_around_it():
    tracks, frame = tracks_of(*((0, f) for f in range(9)))
    path = np.ones((9, 3))
    path[4] = np.nan
    assert np.isnan(root_jerk(tracks, frame, frame / 25, path)).all()


@pytest.mark.parametrize(
    ("xy", "is_outside"),
    [
        ((-0.5, -0.5), False),
        ((-0.51, 3), True),
        ((9.49, 4.49), False),
        ((9.5, 3), True),
        ((3, 4.5), True),
        ((3, -0.6), True),
        ((np.nan, 3), True),
    ],
)
def test_a_picture_reaches_half_a_pixel_beyond_its_outer_centres(xy, is_outside):
    assert outside_picture(np.array(xy), width=10, height=5) == is_outside


@pytest.mark.parametrize(
    ("xy", "z_m", "is_occluded"),
    [
        ((4, 4), 2.2, False),  # the surface at 2 m is the person's own
        ((4, 4), 2.4, True),
        ((4, 4), 1.0, False),
        ((15.4, 11.4), 9.0, True),  # the last pixel, though no coarse one is that far right
        ((15.6, 4), 9.0, False),  # outside
        ((-0.4, 4), 9.0, True),
        ((-0.6, 4), 9.0, False),
        ((4, 11.6), 9.0, False),
        ((8, 4), 9.0, False),  # no depth there
        ((1e30, -1e30), 9.0, False),
    ],
)
def test_a_joint_is_occluded_by_what_is_nearer_than_a_body(xy, z_m, is_occluded):
    depth_m = np.full((2, 3, 4), 100, np.float32)  # a picture of 16x12, every 4th pixel
    depth_m[1] = 2
    depth_m[1, 1, 2] = np.nan
    joints_px, joints_z_m = np.array([[xy]], float), np.array([[z_m]])
    found = occluded(joints_px, joints_z_m, np.array([1]), depth_m, stride=4)
    assert found.tolist() == [[is_occluded]]
