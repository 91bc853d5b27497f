"""Valid rows of every table: one video, one clip of three frames, one person in the first two."""

from typing import Any

import numpy as np
import pyarrow as pa

from schemas.arrow import table_from_columns
from schemas.fields import TableSpec
from schemas.tables import CLIPS, FRAMES, PEOPLE, PLAN_CLIPS, TRACKS, VIDEOS

Row = dict[str, Any]

VIDEO_ID = "0123456789abcdef0123"
CLIP_ID = "aaaaaaaaaaaaaaaaaaaa"
SHARD_ID = "bbbbbbbbbbbbbbbbbbbb"
SHA256 = "0123456789abcdef" * 4

VIDEO: Row = {
    "video_index": 0,
    "video_id": VIDEO_ID,
    "uri": "walks/clip.mp4",
    "etag": "2026-01-02T03:04:05Z",
    "size_bytes": 1000,
    "container": "mov,mp4,m4a,3gp,3g2,mj2",
    "codec": "h264",
    "pixel_format": "yuv420p",
    "width": 1280,
    "height": 720,
    "rotation_deg": 0,
    "sample_aspect_ratio": 1.0,
    "fps": 25.0,
    "is_variable_rate": False,
    "has_timestamps": True,
    "is_truncated": False,
    "time_base_num": 1,
    "time_base_den": 12800,
    "start_pts": 0,
    "duration_s": 0.12,
    "num_frames": 3,
    "status": "ok",
    "error_class": None,
    "error_message": None,
}
SPAN: Row = {"start_frame": 0, "end_frame": 3, "start_time_s": 0.0, "end_time_s": 0.12}
PLAN_CLIP: Row = {
    "shard_index": 0,
    "shard_id": SHARD_ID,
    "clip_index": 0,
    "clip_id": CLIP_ID,
    "video_index": 0,
    "video_id": VIDEO_ID,
    "shot_index": 0,
    **SPAN,
    "num_frames": 3,
    "frame_index": [0, 1, 2],
    "frame_pts": [0, 512, 1024],
    "shares_first_frame": False,
}
CLIP: Row = dict.fromkeys(CLIPS.column_names) | {
    "clip_id": CLIP_ID,
    "video_id": VIDEO_ID,
    "shard_id": SHARD_ID,
    "shard_index": 0,
    "video_index": 0,
    "uri": "walks/clip.mp4",
    "shot_index": 0,
    **SPAN,
    "attempt": 1,
    "status": "done",
    "num_frames_planned": 3,
    "num_frames": 3,
    "num_retries": 0,
    "num_out_of_memory": 0,
    "num_frames_lost": 0,
    "num_frames_corrupt": 0,
    "num_people_rows": 2,
    "num_tracks": 1,
    "focal_x_px": 900.0,
    "focal_y_px": 900.0,
    "model_width": 512,
    "model_height": 288,
    "source_px_per_model_px_x": 2.5,
    "source_px_per_model_px_y": 2.5,
    "source_shift_x_px": 0.75,
    "source_shift_y_px": 0.75,
    "mean_score": 0.875,
    "num_non_finite": 0,
    "num_truncated": 0,
    "num_out_of_frame": 0,
    **{f"{kind}_file": f"{kind}/shard-000000.parquet" for kind in ("frames", "people", "tracks")},
    **{f"{kind}_sha256": SHA256 for kind in ("frames", "people", "tracks")},
    **{f"{kind}_size_bytes": 4000 for kind in ("frames", "people", "tracks")},
    "depth_file": "depth/clip.mkv",
    "depth_sha256": SHA256,
    "depth_size_bytes": 9000,
    "weights_sha256": SHA256,
    "model_preset": "tiny",
    "is_untrained": True,
    "config_hash": "0123456789abcdef",
    "schema_version": 1,
    "code_version": "0.1.0",
    "host": "localhost",
    "device": "cpu",
    "decode_s": 0.1,
    "network_s": 0.5,
    "body_s": 0.0,
    "depth_s": 0.01,
    "write_s": 0.02,
}
DEPTH: Row = {
    "depth_file": "depth/clip.mkv",
    "depth_sha256": SHA256,
    "depth_index": 0,
    "depth_byte_offset": 400,
    "depth_byte_length": 3000,
    "depth_encoding": "ffv1-gray16-log1024-mkv",
    "depth_codec_header": b"\x00\x01",
    "depth_width": 512,
    "depth_height": 288,
    "depth_px_per_source_px_x": 0.4,
    "depth_px_per_source_px_y": 0.4,
    "depth_shift_x_px": -0.3,
    "depth_shift_y_px": -0.3,
    "depth_valid_fraction": 1.0,
    "depth_min_m": 1.0,
    "depth_median_m": 3.0,
    "depth_max_m": 9.0,
}
FRAME: Row = {
    "clip_id": CLIP_ID,
    "video_id": VIDEO_ID,
    "frame_index": 0,
    "clip_frame": 0,
    "pts": 0,
    "time_s": 0.0,
    "camera_position": [0.0, 0.0, 0.0],
    "camera_rotation": [1.0, 0.0, 0.0, 0.0],
    **dict.fromkeys(("fx", "fy", "clip_fx", "clip_fy"), 900.0),
    "cx": 640.0,
    "cy": 360.0,
    "depth_confidence_mean": 2.0,
    "is_camera_static": None,
    "num_people": 1,
    **DEPTH,
    "is_seam": False,
    "is_corrupt": False,
}
PERSON: Row = dict.fromkeys(PEOPLE.column_names) | {
    "clip_id": CLIP_ID,
    "video_id": VIDEO_ID,
    "frame_index": 0,
    "clip_frame": 0,
    "time_s": 0.0,
    "track_id": 0,
    "score": 0.875,
    "head_px": [640.0, 100.0],
    "global_orient": [np.pi, 0.0, 0.0],
    "body_pose": [0.0] * 63,
    "left_hand_pose": [0.0] * 45,
    "right_hand_pose": [0.0] * 45,
    "jaw_pose": [0.0] * 3,
    "betas": [0.0] * 10,
    "expression": [0.0] * 10,
    "head_position": [0.0, -1.0, 4.0],
    "global_orient_world": [np.pi, 0.0, 0.0],
    "head_position_world": [0.0, -1.0, 4.0],
    "is_truncated": False,
    "is_out_of_frame": False,
    "is_finite": True,
    "is_seam": False,
}
TRACK: Row = {
    "clip_id": CLIP_ID,
    "video_id": VIDEO_ID,
    "track_id": 0,
    "shot_track_id": None,
    "start_frame": 0,
    "end_frame": 2,
    "start_time_s": 0.0,
    "end_time_s": 0.04,
    "num_frames": 2,
    "num_gaps": 0,
    "longest_gap": 0,
    "num_truncated": 0,
    "num_non_finite": 0,
    "mean_score": 0.875,
    "median_betas": [0.0] * 10,
    "max_root_jerk": None,
    "quality_tier": "C",
}


def _at(row: Row, frame: int, **other: Any) -> Row:
    return row | {"frame_index": frame, "clip_frame": frame, "time_s": 0.04 * frame} | other


ROWS: dict[str, list[Row]] = {
    VIDEOS.name: [VIDEO],
    PLAN_CLIPS.name: [PLAN_CLIP],
    CLIPS.name: [CLIP],
    FRAMES.name: [
        _at(FRAME, 0),
        _at(FRAME, 1, pts=512, depth_index=1, depth_byte_offset=3400),
        _at(FRAME, 2, pts=1024, depth_index=2, depth_byte_offset=6400, num_people=0),
    ],
    PEOPLE.name: [_at(PERSON, 0), _at(PERSON, 1)],
    TRACKS.name: [TRACK],
}


def table_of(spec: TableSpec, rows: list[Row]) -> pa.Table:
    """Rows as a table."""
    return table_from_columns(spec, {n: [row[n] for row in rows] for n in spec.column_names})


def valid_table(spec: TableSpec, row: int = 0, **changes: Any) -> pa.Table:
    """The valid rows of `spec`, with `changes` to the one at `row`."""
    unknown = changes.keys() - set(spec.column_names)
    assert not unknown, unknown
    rows = [dict(valid) for valid in ROWS[spec.name]]
    rows[row] |= changes
    return table_of(spec, rows)
