"""Broken rows are refused, by every kind of rule, with column, value and ids."""

import numpy as np
import pandera.config
import pyarrow as pa
import pytest

from schemas.arrow import empty_table
from schemas.checks import validate_table
from schemas.errors import SchemaError
from schemas.tables import CLIPS, FRAMES, PEOPLE, PLAN_CLIPS, TABLES, TRACKS, VIDEOS
from tests.schemas.rows import CLIP_ID, ROWS, table_of, valid_table

QUARTER_TURN = [0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]
FAILURE = {
    "error_stage": "decode",
    "error_class": "DecodeError",
    "error_message": "no key frame",
    "error_is_transient": False,
}
NO_ROWS = {
    "status": "failed",
    "num_frames": 0,
    "num_people_rows": 0,
    "num_tracks": 0,
    "mean_score": None,
    "focal_x_px": None,
    "focal_y_px": None,
    "depth_file": None,
    "depth_sha256": None,
    "depth_size_bytes": None,
}


@pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)
def test_valid_and_empty_tables_pass(spec):
    validate_table(valid_table(spec), spec)
    validate_table(empty_table(spec), spec)


VALID = [
    (VIDEOS, {"fps": None, "pixel_format": None, "sample_aspect_ratio": None}),
    (
        VIDEOS,
        dict.fromkeys(VIDEOS.column_names[5:19])
        | {"status": "failed", "error_class": "ProbeError", "error_message": "no video stream"},
    ),
    (
        PLAN_CLIPS,
        {"end_frame": 0, "end_time_s": 0.0, "num_frames": 0, "frame_index": [], "frame_pts": []},
    ),
    (CLIPS, FAILURE | NO_ROWS),
    (
        CLIPS,
        {"status": "empty", "num_people_rows": 0, "num_tracks": 0, "mean_score": None}
        | dict.fromkeys(("people_file", "people_sha256", "people_size_bytes")),
    ),
    (
        CLIPS,
        {"world_from_clip": [*QUARTER_TURN, 0, 0, 0, 1], "num_frames": 2, "num_frames_lost": 1},
    ),
    (
        FRAMES,
        {"fx": None, "fy": None, "depth_min_m": None, "depth_median_m": None}
        | {"depth_max_m": None, "depth_valid_fraction": 0.0},
    ),
    (FRAMES, {"camera_rotation": [0.0, 0.6, 0.0, 0.8]}),
    (PEOPLE, {"box_px": [-5.0, 0.0, 10.0, 2000.0], "joints_3d": [0.5] * 156}),
]


@pytest.mark.parametrize(("spec", "changes"), VALID)
def test_what_is_allowed(spec, changes):
    validate_table(valid_table(spec, **changes), spec)


NAN = float("nan")
INVALID = [
    (VIDEOS, {"uri": " "}, "column 'uri' must be text that is not blank: 1 of 1 rows"),
    (VIDEOS, {"video_id": "clip.mp4"}, "'video_id' must be 20 lower-case hexadecimal digits"),
    (
        VIDEOS,
        {"rotation_deg": 45},
        "'rotation_deg' must be one of 0, 90, 180, 270: 1 of 1 rows: 45",
    ),
    (VIDEOS, {"width": 0}, "column 'width' must be >= 1"),
    (VIDEOS, {"codec": None}, "where status is ok: 1 of 1 rows: status=ok, container=mov"),
    (VIDEOS, {"status": "failed"}, "have error_class and error_message where status is failed"),
    (VIDEOS, {"error_class": "E"}, "have no error_class or error_message where status is ok"),
    (PLAN_CLIPS, {"num_frames": 2}, "list num_frames values in frame_index"),
    (PLAN_CLIPS, {"frame_index": [0, 2, 2]}, "each greater than the one before"),
    (PLAN_CLIPS, {"frame_pts": [0, 1024, 512]}, "each greater than the one before"),
    (PLAN_CLIPS, {"end_frame": 2}, r"sample its frames from \[start_frame, end_frame\)"),
    (PLAN_CLIPS, {"start_frame": 1}, r"sample its frames from \[start_frame, end_frame\)"),
    (PLAN_CLIPS, {"start_time_s": 0.5}, "end no earlier than it starts"),
    (CLIPS, {"status": "skipped"}, "'status' must be one of done, empty, failed: 1 .* skipped"),
    (
        CLIPS,
        {"status": "failed"},
        "have error_stage, error_class, error_message and error_is_transient exactly where",
    ),
    (
        CLIPS,
        FAILURE,
        "have error_stage, error_class, error_message and error_is_transient exactly where",
    ),
    (
        CLIPS,
        FAILURE | NO_ROWS | {"error_stage": "lunch"},
        "'error_stage' must be one of probe, dec",
    ),
    (CLIPS, FAILURE | NO_ROWS | {"num_frames": 3}, "be done with people and tracks, empty without"),
    (CLIPS, {"status": "empty"}, "be done with people and tracks, empty without"),
    (CLIPS, {"num_tracks": 3}, "have no more tracks, non-finite, .* rows than people rows"),
    (
        CLIPS,
        {"num_frames_lost": 1},
        "account for every planned frame: .* num_frames_lost=1 at row 0",
    ),
    (CLIPS, {"num_frames_corrupt": 4}, "have no more corrupt frames than annotated ones"),
    (CLIPS, {"depth_size_bytes": None}, "have depth_file, depth_sha256 and depth_size_bytes all"),
    (CLIPS, {"people_file": "/abs"}, "'people_file' must be a path relative to the output root"),
    (CLIPS, {"people_file": "a/../b"}, "'people_file' must be a path relative to the output root"),
    (
        CLIPS,
        {"people_file": "s3://b/k"},
        "'people_file' must be a path relative to the output root",
    ),
    (CLIPS, {"people_sha256": "abc"}, "'people_sha256' must be 64 lower-case hexadecimal digits"),
    (CLIPS, {"world_from_clip": [0.0] * 16}, "'world_from_clip' must be a rigid 4x4 matrix"),
    (CLIPS, {"seam_scale": 1.0}, "have seam_rotation_rad, seam_translation_m and seam_scale all"),
    (CLIPS, {"attempt": 0}, "column 'attempt' must be >= 1"),
    (FRAMES, {"camera_rotation": [0.9, 0, 0, 0]}, "be a unit quaternion .* with w >= 0"),
    (FRAMES, {"camera_rotation": [-1, 0, 0, 0]}, "be a unit quaternion .* with w >= 0"),
    (
        FRAMES,
        {"camera_position": [0, NAN, 0]},
        r"'camera_position' must be finite: .* \[1\]=nan at",
    ),
    (FRAMES, {"fx": -900.0}, "column 'fx' must be > 0: 1 of 3 rows: -900.0 at row 0"),
    (FRAMES, {"fy": None}, "have fx and fy all present or all null"),
    (FRAMES, {"depth_sha256": None}, "have depth_file, depth_sha256, .* all present or all null"),
    (FRAMES, {"depth_median_m": 0.5}, "have depth_min_m <= depth_median_m <= depth_max_m"),
    (FRAMES, {"time_s": 0.04}, "where frame_index, clip_frame, pts and time_s rise"),
    (FRAMES, {"frame_index": 1}, "be unique by clip_id, frame_index: 2 of 3 rows: row 0"),
    (PEOPLE, {"score": 1.5}, "column 'score' must be in \\[0, 1\\]: 1 of 2 rows: 1.5 at row 0"),
    (PEOPLE, {"score": None}, "column 'score' must not be null: 1 of 2 rows: null at row 0"),
    (PEOPLE, {"frame_index": 1, "clip_frame": 1}, "be unique by clip_id, frame_index, track_id"),
    (PEOPLE, {"jaw_pose": [3.0, 2.0, 0.0]}, "'jaw_pose' must be axis-angle triples no longer than"),
    (PEOPLE, {"betas": [0.0] * 9 + [np.inf]}, r"'betas' must be finite: 1 of 2 rows: \[9\]=inf"),
    (PEOPLE, {"betas": [0.0] * 9 + [None]}, r"'betas' must be finite: 1 of 2 rows: \[9\]=nan"),
    (PEOPLE, {"box_px": [9.0, 0.0, 1.0, 1.0]}, "be a box with x0 <= x1 and y0 <= y1"),
    (PEOPLE, {"betas": None}, "have global_orient, .* where is_finite is True"),
    (PEOPLE, {"is_finite": False}, "have no global_orient, .* where is_finite is False"),
    (PEOPLE, {"time_s": 9.0}, "where frame_index, clip_frame and time_s never fall"),
    (TRACKS, {"quality_tier": "D"}, "column 'quality_tier' must be one of A, B, C: 1 of 1 rows: D"),
    (TRACKS, {"end_frame": 0}, "start before it ends"),
    (TRACKS, {"num_gaps": 1}, "have longest_gap <= num_gaps, and 0 only together"),
    (TRACKS, {"num_frames": 3}, "have no more frames and gaps than its span"),
    (TRACKS, {"num_truncated": 3}, "count no more truncated or non-finite rows than rows"),
]


@pytest.mark.parametrize(("spec", "changes", "message"), INVALID)
def test_what_is_refused(spec, changes, message):
    with pytest.raises(SchemaError, match=message) as caught:
        validate_table(valid_table(spec, **changes), spec)
    assert caught.value.table_name == spec.name
    assert not caught.value.is_transient


def test_rows_of_a_clip_stand_together():
    first, second, third = ROWS["frames"]
    other = second | {"clip_id": "c" * 20}
    with pytest.raises(SchemaError, match=f"stand together by clip_id.* 1 of 3 rows: .*{CLIP_ID}"):
        validate_table(table_of(FRAMES, [first, other, third]), FRAMES)


def test_an_error_shows_five_rows_counts_the_rest_and_names_every_broken_rule():
    rows = [ROWS["tracks"][0] | {"track_id": i, "mean_score": 2.0 + i} for i in range(8)]
    rows[7]["max_root_jerk"] = -1.0
    with pytest.raises(SchemaError) as caught:
        validate_table(table_of(TRACKS, rows), TRACKS)
    score, jerk = caught.value.violations
    ids = [f"{2 + i}.0 at row {i} (clip_id={CLIP_ID}, track_id={i})" for i in range(5)]
    assert score == (
        f"column 'mean_score' must be in [0, 1]: 8 of 8 rows: {'; '.join(ids)} and 3 more"
    )
    assert jerk == (
        "column 'max_root_jerk' must be >= 0: 1 of 8 rows: "
        f"-1.0 at row 7 (clip_id={CLIP_ID}, track_id=7)"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns("score"), "column 'score' is missing"),
        (lambda t: t.append_column("x", t["score"]), "column 'x' is unexpected"),
        (
            lambda t: t.set_column(6, "score", t["score"].cast(pa.float64())),
            "column 'score' must be float not null, got double",
        ),
        (lambda t: t.select(t.column_names[::-1]), "columns must be in the order"),
    ],
)
def test_a_table_of_another_schema_is_refused(change, message):
    with pytest.raises(SchemaError, match=message):
        validate_table(change(valid_table(PEOPLE)), PEOPLE)


def test_checks_cannot_be_switched_off_from_outside():
    with (
        pandera.config.config_context(validation_enabled=False),
        pytest.raises(SchemaError, match="column 'score'"),
    ):
        validate_table(valid_table(PEOPLE, score=2.0), PEOPLE)
