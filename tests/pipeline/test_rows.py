"""Rows of clips whose truth is known, read as a user of the tables would."""

import numpy as np
import pytest
import smplx
import torch

from human3r_model.geometry import axis_angle_to_matrix, pose_to_matrix
from pipeline.rows import clip_times_s, make_rows
from schemas.arrow import table_from_columns
from schemas.checks import validate_table
from schemas.joints import JOINT_INDICES
from schemas.tables import FRAMES, PEOPLE, TRACKS
from schemas.tables.frames import DEPTH_FIELDS
from schemas.tables.people import BODY_FIELDS, POSE_FIELDS
from tests.conftest import FREE_BODY
from tests.pipeline.truth import (
    LANDSCAPE,
    PORTRAIT,
    SQUARE,
    clip_labels,
    people_labels,
    planned_clip,
)

# Of a focal length of 400 px and the principal point (W // 2, H // 2) of the network's picture:
# c = (W // 2 + crop + 0.5) * scale - 0.5.
INTRINSICS = {
    "landscape": (LANDSCAPE, 1500.0, 961.375, 541.375),
    "portrait": (PORTRAIT, 1500.0, 541.375, 961.375),
    "square": (SQUARE, 468.75, 300.0859375, 300.0859375),
}
every_shape = pytest.mark.parametrize(
    ("geometry", "focal_px", "cx", "cy"), INTRINSICS.values(), ids=INTRINSICS
)


def tables_of(clip, labels, body=None, depth_file="depth/shard-000000.a/clip.mkv"):
    """The rows as checked tables: frames, people and tracks as lists of dicts, and the outcome."""
    rows = make_rows(clip, labels, body, depth_file)
    tables = []
    for spec, columns in ((FRAMES, rows.frames), (PEOPLE, rows.people), (TRACKS, rows.tracks)):
        table = table_from_columns(spec, columns)
        validate_table(table, spec)
        tables.append(table.to_pylist())
    return *tables, rows.outcome


def array(rows, name):
    return np.array([row[name] for row in rows], np.float64)


@every_shape
def test_intrinsics_are_in_pixels_of_the_source(geometry, focal_px, cx, cy):
    labels = clip_labels(people_labels([]), 3, geometry, focal_px=[200.0, 400.0, 500.0])
    frames, _, _, outcome = tables_of(planned_clip(3, geometry), labels)
    assert array(frames, "fx") == pytest.approx([focal_px / 2, focal_px, focal_px * 1.25])
    assert array(frames, "fy") == pytest.approx([focal_px / 2, focal_px, focal_px * 1.25])
    for name, value in {"clip_fx": focal_px, "clip_fy": focal_px, "cx": cx, "cy": cy}.items():
        assert array(frames, name) == pytest.approx(np.full(3, value))
    assert (outcome["focal_x_px"], outcome["focal_y_px"]) == pytest.approx((focal_px, focal_px))


@every_shape
def test_joints_2d_are_joints_3d_projected_into_the_source(geometry, focal_px, cx, cy, rough_body):
    labels = clip_labels(people_labels([0, 0, 1]), 2, geometry)
    frames, people, _, _ = tables_of(planned_clip(2, geometry), labels, rough_body)
    joints = array(people, "joints_3d").reshape(3, 52, 3)
    row = frames[0]
    for name, value in {"clip_fx": focal_px, "clip_fy": focal_px, "cx": cx, "cy": cy}.items():
        assert row[name] == pytest.approx(value)
    expected = joints[..., :2] / joints[..., 2:] * [row["clip_fx"], row["clip_fy"]]
    expected += np.array([row["cx"], row["cy"]])
    found = array(people, "joints_2d").reshape(3, 52, 2)
    np.testing.assert_allclose(found, expected, atol=0.01)  # pixels


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        # (100 + crop + 0.5) * scale - 0.5
        (LANDSCAPE, [376.375, 188.875]),
        (PORTRAIT, [376.375, 188.875]),
        (SQUARE, [100.5 * 1.171875 - 0.5, 114.5 * 1.171875 - 0.5]),
    ],
    ids=INTRINSICS,
)
def test_head_px_is_in_pixels_of_the_source(geometry, expected):
    people = people_labels([0], head_px=np.array([[100.0, 50.0]], np.float32))
    _, rows, _, _ = tables_of(planned_clip(1, geometry), clip_labels(people, 1, geometry))
    assert rows[0]["head_px"] == pytest.approx(expected)


@pytest.fixture(params=["free", "rough"])
def body_and_file(request, free_body, rough_body, rough_file):
    """A body without pose correctives, and one with."""
    return {"free": (free_body, FREE_BODY), "rough": (rough_body, rough_file)}[request.param]


def posed(path, people, orient, transl):
    """Vertices and joints of rows, by the smplx package: [N, V, 3], [N, 55, 3]."""

    def matrices(name):
        values = torch.tensor([row[name] for row in people])
        return axis_angle_to_matrix(values.reshape(len(people), -1, 3))

    output = smplx.SMPLXLayer(str(path), use_pca=False, flat_hand_mean=True)(
        betas=torch.tensor([row["betas"] for row in people]),
        expression=torch.tensor([row["expression"] for row in people]),
        global_orient=matrices(orient),
        body_pose=matrices("body_pose"),
        left_hand_pose=matrices("left_hand_pose"),
        right_hand_pose=matrices("right_hand_pose"),
        jaw_pose=matrices("jaw_pose"),
        transl=torch.tensor([row[transl] for row in people]),
    )
    return output.vertices, output.joints[:, :55]


def test_smplx_with_the_rows_parameters_is_the_body_in_camera_and_world(body_and_file):
    body, path = body_and_file
    labels = clip_labels(people_labels([0, 1, 1]), 2)
    frames, people, _, _ = tables_of(planned_clip(2), labels, body)
    vertices, joints = posed(path, people, "global_orient", "transl")
    rows = array(people, "joints_3d").reshape(3, 52, 3)
    assert np.abs(rows - joints[:, list(JOINT_INDICES)].numpy()).max() < 1e-4  # metres
    assert np.abs(rows[:, 15] - array(people, "head_position")).max() < 1e-5  # 15 is the head

    camera = [frames[place] for place in (0, 1, 1)]
    pose = [row["camera_position"] + row["camera_rotation"] for row in camera]
    world_from_camera = pose_to_matrix(torch.tensor(pose))
    expected = vertices @ world_from_camera[:, :3, :3].mT + world_from_camera[:, None, :3, 3]
    in_world, joints_world = posed(path, people, "global_orient_world", "transl_world")
    assert (in_world - expected).abs().max() < 1e-4  # metres
    heads = torch.tensor([row["head_position_world"] for row in people])
    assert (joints_world[:, 15] - heads).abs().max() < 1e-4


def test_boxes_hold_the_skin_and_the_joints(rough_body, rough_file):
    labels = clip_labels(people_labels([0, 0]), 1)
    frames, people, _, _ = tables_of(planned_clip(1), labels, rough_body)
    vertices = posed(rough_file, people, "global_orient", "transl")[0].double().numpy()
    pixels = vertices[..., :2] / vertices[..., 2:] * frames[0]["clip_fx"]
    pixels += np.array([frames[0]["cx"], frames[0]["cy"]])
    expected = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
    np.testing.assert_allclose(array(people, "box_px"), expected, atol=0.1)


def test_frames_say_when_and_where_they_are():
    labels = clip_labels(people_labels([1, 1]), 2, clip_frame=np.array([0, 2], np.int32))
    frames, people, _, _ = tables_of(planned_clip(3, shares_first_frame=True), labels)
    # Frames 10 and 14 of a video at 50 frames a second; its clock starts at 1000 ms.
    assert [row["frame_index"] for row in frames] == [10, 14]
    assert [row["clip_frame"] for row in frames] == [0, 2]
    assert [row["pts"] for row in frames] == [1200, 1280]
    assert array(frames, "time_s") == pytest.approx([0.2, 0.28])
    assert [row["is_seam"] for row in frames] == [True, False]
    assert [row["num_people"] for row in frames] == [0, 2]
    assert [(row["frame_index"], row["clip_frame"], row["is_seam"]) for row in people] == [
        (14, 2, False)
    ] * 2
    assert array(people, "time_s") == pytest.approx([0.28, 0.28])


def test_the_first_frame_is_a_seam_only_where_it_is_shared():
    labels = clip_labels(people_labels([0]), 1)
    for shares, lost in ((True, 0), (False, 0), (True, 1)):
        labels.frames.clip_frame[0] = lost
        clip = planned_clip(2, shares_first_frame=shares)
        frames, people, _, _ = tables_of(clip, labels)
        assert frames[0]["is_seam"] == people[0]["is_seam"] == (shares and not lost)


def test_times_count_from_the_first_frame_of_the_video():
    assert clip_times_s(planned_clip(3)) == pytest.approx([0.2, 0.24, 0.28])


@pytest.mark.parametrize(
    ("geometry", "scale", "shift"),
    [
        # 1 / 3.75, and 0.5 / 3.75 - 0.5; the square loses 64 rows above.
        (LANDSCAPE, 0.2666667, (-0.3666667, -0.3666667)),
        (PORTRAIT, 0.2666667, (-0.3666667, -0.3666667)),
        (SQUARE, 0.8533333, (-0.0733333, -64.0733333)),
    ],
    ids=INTRINSICS,
)
def test_depth_columns_lead_from_the_source_to_the_depth_picture(geometry, scale, shift):
    labels = clip_labels(people_labels([]), 2, geometry)
    frames, _, _, outcome = tables_of(planned_clip(2, geometry), labels)
    row = frames[1]
    a = [row["depth_px_per_source_px_x"], row["depth_px_per_source_px_y"]]
    b = [row["depth_shift_x_px"], row["depth_shift_y_px"]]
    assert a == pytest.approx([scale, scale])
    assert b == pytest.approx(shift)
    assert (row["depth_width"], row["depth_height"]) == (geometry.width, geometry.height)
    corner = [geometry.source_width - 1, geometry.source_height - 1]
    expected = geometry.model_from_source(corner)
    assert np.array(a) * corner + b == pytest.approx(expected, abs=1e-3)
    back = [outcome[f"source_px_per_model_px_{axis}"] for axis in "xy"] * expected
    back = back + [outcome[f"source_shift_{axis}_px"] for axis in "xy"]
    assert back == pytest.approx(corner)


def test_depth_columns_name_every_picture():
    labels = clip_labels(people_labels([]), 3)
    frames, _, _, _ = tables_of(planned_clip(3), labels)
    spans = [(row["depth_byte_offset"], row["depth_byte_length"]) for row in frames]
    assert spans == list(labels.depth.frame_spans)
    assert [row["depth_index"] for row in frames] == [0, 1, 2]
    assert {row["depth_file"] for row in frames} == {"depth/shard-000000.a/clip.mkv"}
    assert {row["depth_sha256"] for row in frames} == {labels.depth.sha256}
    assert {row["depth_codec_header"] for row in frames} == {labels.depth.codec_header}
    assert [row["depth_valid_fraction"] for row in frames] == [1, 1, 0]
    assert [row["depth_median_m"] for row in frames] == [4, 4, None]


def test_without_depth_its_columns_are_null():
    labels = clip_labels(people_labels([]), 2, has_depth=False)
    frames, _, _, _ = tables_of(planned_clip(2), labels, depth_file=None)
    assert {row[field.name] for row in frames for field in DEPTH_FIELDS} == {None}


def test_without_a_focal_length_nothing_is_projected(free_body):
    labels = clip_labels(people_labels([0, 1]), 2, focal_px=np.nan)
    frames, people, _, outcome = tables_of(planned_clip(2), labels, free_body)
    for name in ("fx", "fy", "clip_fx", "clip_fy"):
        assert [row[name] for row in frames] == [None, None]
    for name in ("joints_2d", "box_px", "visible_fraction", "truncated_fraction"):
        assert [row[name] for row in people] == [None, None]
    assert [row["is_truncated"] for row in people] == [None, None]
    assert [row["is_out_of_frame"] for row in people] == [None, None]
    assert all(row["joints_3d"] is not None and row["transl_world"] is not None for row in people)
    assert outcome["focal_x_px"] is None


def test_a_frame_without_a_focal_length_takes_the_clips(free_body):
    labels = clip_labels(people_labels([0, 1]), 2, focal_px=[np.nan, 400.0])
    frames, people, _, _ = tables_of(planned_clip(2), labels, free_body)
    assert [row["fx"] for row in frames] == [None, 1500]
    assert [row["clip_fx"] for row in frames] == [1500, 1500]
    assert people[0]["joints_2d"] is not None


def test_without_a_body_model_its_columns_are_null():
    _, people, tracks, _ = tables_of(planned_clip(2), clip_labels(people_labels([0, 1]), 2))
    judged = ("visible_fraction", "truncated_fraction", "is_truncated")
    names = [*(field.name for field in BODY_FIELDS), *judged]
    assert {row[name] for row in people for name in names} == {None}
    assert all(row[field.name] is not None for row in people for field in POSE_FIELDS)
    assert [row["num_truncated"] for row in tracks] == [0, 0]


def test_nobody_makes_an_empty_clip(free_body):
    frames, people, tracks, outcome = tables_of(
        planned_clip(2), clip_labels(people_labels([]), 2), free_body
    )
    assert (people, tracks) == ([], [])
    assert [row["num_people"] for row in frames] == [0, 0]
    assert (outcome["status"], outcome["num_people_rows"], outcome["mean_score"]) == (
        "empty",
        0,
        None,
    )


@pytest.mark.parametrize("name", ["rotations", "betas", "expression", "head_position"])
def test_a_person_that_is_not_finite_keeps_its_row_without_labels(name, free_body):
    people = people_labels([0, 0, 1, 2, 3, 4], track_id=[3, 7, 3, 3, 3, 3])
    getattr(people, name)[3].flat[1] = np.nan  # person 3 in frame 2, in the middle of its track
    _, rows, tracks, outcome = tables_of(planned_clip(5), clip_labels(people, 5), free_body)
    assert [row["is_finite"] for row in rows] == [True, True, True, False, True, True]
    labels = [*(field.name for field in (*POSE_FIELDS, *BODY_FIELDS)), "root_jerk"]
    assert {rows[3][label] for label in labels} == {None}
    assert rows[3]["score"] == 0.75
    assert rows[4]["transl_world"] is not None
    assert [(t["track_id"], t["num_non_finite"], t["quality_tier"]) for t in tracks] == [
        (3, 1, "C"),
        (7, 0, "C"),
    ]
    expected = np.median(people.betas[[0, 2, 4, 5]], axis=0)
    assert tracks[0]["median_betas"] == pytest.approx(expected.tolist())
    assert (outcome["num_people_rows"], outcome["num_non_finite"]) == (6, 1)


def test_a_person_never_finite_has_a_track_without_betas():
    people = people_labels([0, 1], track_id=[4, 4])
    people.betas[:] = np.inf
    _, _, tracks, _ = tables_of(planned_clip(2), clip_labels(people, 2))
    assert (tracks[0]["median_betas"], tracks[0]["num_non_finite"]) == (None, 2)


def test_jerk_is_of_the_head_in_the_world():
    t = np.arange(6) / 25
    people = people_labels([0, 1, 2, 3, 4, 5], track_id=[0] * 6)
    people.head_position[:] = [0, 0, 4]
    still = np.array([[0, 0, 0, 1, 0, 0, 0]] * 6, np.float32)
    still[:, 0] = 2 * t**3  # the camera carries the head along
    _, rows, tracks, outcome = tables_of(
        planned_clip(6), clip_labels(people, 6, world_from_camera=still)
    )
    assert [row["root_jerk"] is None for row in rows] == [True, True, False, False, True, True]
    assert rows[2]["root_jerk"] == pytest.approx(12, rel=0.01)
    assert (
        tracks[0]["max_root_jerk"]
        == outcome["max_root_jerk"]
        == max(rows[2]["root_jerk"], rows[3]["root_jerk"])
    )


def test_tracks_are_spans_of_their_rows():
    people = people_labels([0, 0, 1, 4], track_id=[5, 2, 5, 5])
    people.score[:] = [0.5, 0.9, 0.75, 1.0]
    _, _, tracks, outcome = tables_of(planned_clip(5), clip_labels(people, 5))
    assert [
        {name: row[name] for name in ("track_id", "start_frame", "end_frame", "num_frames")}
        for row in tracks
    ] == [
        {"track_id": 2, "start_frame": 10, "end_frame": 11, "num_frames": 1},
        {"track_id": 5, "start_frame": 10, "end_frame": 19, "num_frames": 3},
    ]
    assert [(row["num_gaps"], row["longest_gap"]) for row in tracks] == [(0, 0), (2, 2)]
    assert (tracks[1]["start_time_s"], tracks[1]["end_time_s"]) == pytest.approx((0.2, 0.36))
    assert tracks[1]["mean_score"] == 0.75
    assert (outcome["num_tracks"], outcome["mean_score"]) == (2, pytest.approx(0.7875))


def test_outcome_counts_what_was_lost_and_corrupt():
    labels = clip_labels(people_labels([0]), 2, num_lost=3, is_corrupt=np.array([True, False]))
    _, _, _, outcome = tables_of(planned_clip(5), labels)
    assert (outcome["num_frames"], outcome["num_frames_lost"], outcome["num_frames_corrupt"]) == (
        2,
        3,
        1,
    )
    assert (outcome["model_width"], outcome["model_height"]) == (512, 288)
