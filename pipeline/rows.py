"""From one clip's labels to the columns of its rows in `frames`, `people` and `tracks`.

Everything is turned here into the tables' own units: pixels of the source picture, seconds from
the video's first frame, the clip's world. Letters: T frames, N people, K tracks.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from human3r_model.body import BodyModel
from pipeline.bodies import Bodies, RootPoses, clip_focal_px, place_bodies, place_roots, project
from pipeline.labels import ClipLabels
from pipeline.plan import PlannedClip
from pipeline.quality import TrackSummary, outside_picture, root_jerk, summarise_tracks
from schemas.joints import NUM_JOINTS
from schemas.tables.frames import DEPTH_FIELDS
from schemas.tables.people import BODY_FIELDS
from schemas.tables.tracks import TRACKS, quality_tier

Columns = dict[str, NDArray | list]


@dataclass(frozen=True)
class ClipRows:
    """The rows of one annotated clip.

    Attributes:
        frames: Columns of table `frames`.
        people: Columns of table `people`.
        tracks: Columns of table `tracks`.
        outcome: What the ledger says of counts, focal length, geometry and quality.
    """

    frames: Columns
    people: Columns
    tracks: Columns
    outcome: dict[str, object]


def clip_times_s(clip: PlannedClip) -> NDArray[np.float64]:
    """[T] presentation times of the clip's sampled frames, seconds from the video's first frame."""
    return (clip.frame_pts - clip.start_pts).astype(np.float64) * float(clip.time_base)


def make_rows(
    clip: PlannedClip, labels: ClipLabels, body: BodyModel | None, depth_file: str | None
) -> ClipRows:
    """Build all rows of a clip.

    Args:
        clip: What was planned.
        labels: What the network said.
        body: The body model; without one the columns that need it are null.
        depth_file: Where the clip's depth object will be, below the output root.
    """
    focal_px = clip_focal_px(labels)
    roots = place_roots(labels)
    bodies = place_bodies(labels, roots.is_finite, body, focal_px) if body else None
    tracks = summarise_tracks(labels.people.track_id, labels.people.frame)
    people = _people_columns(clip, labels, roots, bodies, tracks, focal_px)
    return ClipRows(
        frames=_frame_columns(clip, labels, focal_px, depth_file),
        people=people,
        tracks=_track_columns(clip, people, tracks),
        outcome=_outcome(labels, people, len(tracks), focal_px),
    )


def _shared_columns(clip: PlannedClip, clip_frame: NDArray[np.int32]) -> Columns:
    """What a row of `frames` and of `people` says of its frame."""
    return {
        "clip_id": [clip.clip_id] * len(clip_frame),
        "video_id": [clip.video_id] * len(clip_frame),
        "frame_index": clip.frame_index[clip_frame],
        "clip_frame": clip_frame,
        "time_s": clip_times_s(clip)[clip_frame],
        "is_seam": clip.shares_first_frame & (clip_frame == 0),
    }


def _frame_columns(
    clip: PlannedClip, labels: ClipLabels, focal_px: float, depth_file: str | None
) -> Columns:
    frames, geometry = labels.frames, labels.geometry
    num_frames = len(frames.clip_frame)
    centre = geometry.source_from_model(labels.principal_px)
    num_people = np.bincount(labels.people.frame, minlength=num_frames).astype(np.int32)
    return {
        **_shared_columns(clip, frames.clip_frame),
        "pts": clip.frame_pts[frames.clip_frame],
        "camera_position": frames.world_from_camera[:, :3],
        "camera_rotation": frames.world_from_camera[:, 3:],
        "fx": _nullable(frames.focal_px * geometry.scale_x),
        "fy": _nullable(frames.focal_px * geometry.scale_y),
        "cx": np.full(num_frames, centre[0], np.float32),
        "cy": np.full(num_frames, centre[1], np.float32),
        "clip_fx": _nullable(np.full(num_frames, focal_px * geometry.scale_x)),
        "clip_fy": _nullable(np.full(num_frames, focal_px * geometry.scale_y)),
        "depth_confidence_mean": _nullable(frames.confidence),
        "is_camera_static": [None] * num_frames,
        "num_people": num_people,
        **_depth_columns(labels, depth_file),
        "is_corrupt": frames.is_corrupt,
    }


def _depth_columns(labels: ClipLabels, depth_file: str | None) -> Columns:
    """Where each frame's depth is, and how its picture lies over the source's."""
    num_frames, depth = len(labels.frames.clip_frame), labels.depth
    if depth is None or depth_file is None:
        return {field.name: [None] * num_frames for field in DEPTH_FIELDS}
    offsets, lengths = np.array(depth.frame_spans, np.int64).T
    origin = labels.geometry.model_from_source([0.0, 0.0])
    constants = {
        "depth_file": depth_file,
        "depth_sha256": depth.sha256,
        "depth_encoding": depth.encoding,
        "depth_codec_header": depth.codec_header,
        "depth_width": depth.width,
        "depth_height": depth.height,
        "depth_px_per_source_px_x": 1 / labels.geometry.scale_x,
        "depth_px_per_source_px_y": 1 / labels.geometry.scale_y,
        "depth_shift_x_px": float(origin[0]),
        "depth_shift_y_px": float(origin[1]),
    }
    return {
        **{name: [value] * num_frames for name, value in constants.items()},
        "depth_index": np.arange(num_frames, dtype=np.int32),
        "depth_byte_offset": offsets,
        "depth_byte_length": lengths.astype(np.int32),
        "depth_valid_fraction": labels.frames.depth_valid_fraction,
        "depth_min_m": _nullable(labels.frames.depth_min_m),
        "depth_median_m": _nullable(labels.frames.depth_median_m),
        "depth_max_m": _nullable(labels.frames.depth_max_m),
    }


def _people_columns(
    clip: PlannedClip,
    labels: ClipLabels,
    roots: RootPoses,
    bodies: Bodies | None,
    tracks: list[TrackSummary],
    focal_px: float,
) -> Columns:
    people, geometry = labels.people, labels.geometry
    num_people = len(people.frame)
    shared = _shared_columns(clip, labels.frames.clip_frame[people.frame])
    hidden = ~roots.is_finite

    def label(values: NDArray) -> NDArray:
        return _masked(values.reshape(num_people, math.prod(values.shape[1:])), hidden)

    poses = roots.axis_angle
    times_s = np.asarray(shared["time_s"])
    jerk = root_jerk(tracks, people.frame, times_s, roots.head_position_world)
    return {
        **shared,
        "track_id": people.track_id,
        "score": people.score,
        "head_px": geometry.source_from_model(people.head_px),
        "global_orient": label(poses[:, 0]),
        "body_pose": label(poses[:, 1:22]),
        "left_hand_pose": label(poses[:, 22:37]),
        "right_hand_pose": label(poses[:, 37:52]),
        "jaw_pose": label(poses[:, 52]),
        "betas": label(people.betas),
        "expression": label(people.expression),
        "head_position": label(people.head_position),
        "global_orient_world": label(roots.global_orient_world),
        "head_position_world": label(roots.head_position_world),
        **_body_columns(bodies, num_people),
        "root_jerk": _nullable(np.where(hidden, np.nan, jerk)),
        "is_out_of_frame": _heads_outside(labels, focal_px),
        "is_finite": roots.is_finite,
    }


def _body_columns(bodies: Bodies | None, num_people: int) -> Columns:
    if bodies is None:
        judged = ("visible_fraction", "truncated_fraction", "is_truncated")
        names = (*(field.name for field in BODY_FIELDS), *judged)
        return {name: [None] * num_people for name in names}
    truncated = bodies.truncated_fraction
    return {
        "transl": _nullable(bodies.transl),
        "transl_world": _nullable(bodies.transl_world),
        "joints_3d": _nullable(bodies.joints.reshape(num_people, 3 * NUM_JOINTS)),
        "joints_2d": _nullable(bodies.joints_px.reshape(num_people, 2 * NUM_JOINTS)),
        "box_px": _nullable(bodies.box_px),
        "visible_fraction": _nullable(bodies.visible_fraction),
        "truncated_fraction": _nullable(truncated),
        "is_truncated": _masked(truncated > 0, np.isnan(truncated)),
    }


def _heads_outside(labels: ClipLabels, focal_px: float) -> NDArray:
    """[N] whether the head joint projects outside the source picture; null where it does not."""
    geometry, head_position = labels.geometry, labels.people.head_position
    xy_px = geometry.source_from_model(project(head_position, focal_px, labels.principal_px))
    is_known = np.isfinite(xy_px).all(axis=1) & (head_position[:, 2] > 0)
    is_outside = outside_picture(xy_px, geometry.source_width, geometry.source_height)
    return _masked(is_outside, ~is_known)


def _track_columns(clip: PlannedClip, people: Columns, tracks: list[TrackSummary]) -> Columns:
    frame_index, time_s = np.asarray(people["frame_index"]), np.asarray(people["time_s"])
    score = np.asarray(people["score"])
    is_finite = np.asarray(people["is_finite"])
    is_truncated = _known_true(people["is_truncated"])
    rows = []
    for track in tracks:
        mean_score = float(score[track.rows].mean(dtype=np.float64))
        counts = {
            "num_frames": len(track.rows),
            "num_gaps": track.num_gaps,
            "num_truncated": int(is_truncated[track.rows].sum()),
            "num_non_finite": int((~is_finite[track.rows]).sum()),
        }
        labelled = track.rows[is_finite[track.rows]]
        betas = np.median(people["betas"][labelled].data, axis=0) if len(labelled) else None
        rows.append(
            {
                "clip_id": clip.clip_id,
                "video_id": clip.video_id,
                "track_id": track.track_id,
                "shot_track_id": None,
                "start_frame": int(frame_index[track.rows[0]]),
                "end_frame": int(frame_index[track.rows[-1]]) + 1,
                "start_time_s": float(time_s[track.rows[0]]),
                "end_time_s": float(time_s[track.rows[-1]]),
                **counts,
                "longest_gap": track.longest_gap,
                "mean_score": mean_score,
                "median_betas": betas if betas is None else betas.tolist(),
                "max_root_jerk": _max_or_none(people["root_jerk"][track.rows]),
                "quality_tier": quality_tier(mean_score=mean_score, **counts),
            }
        )
    return {name: [row[name] for row in rows] for name in TRACKS.column_names}


def _outcome(
    labels: ClipLabels, people: Columns, num_tracks: int, focal_px: float
) -> dict[str, object]:
    geometry = labels.geometry
    num_people = len(people["score"])
    shift = geometry.source_from_model([0.0, 0.0])
    has_focal = np.isfinite(focal_px)
    return {
        "status": "done" if num_people else "empty",
        "num_frames": len(labels.frames.clip_frame),
        "num_frames_lost": labels.num_lost,
        "num_frames_corrupt": int(labels.frames.is_corrupt.sum()),
        "num_out_of_memory": labels.num_out_of_memory,
        "num_people_rows": num_people,
        "num_tracks": num_tracks,
        "focal_x_px": focal_px * geometry.scale_x if has_focal else None,
        "focal_y_px": focal_px * geometry.scale_y if has_focal else None,
        "model_width": geometry.width,
        "model_height": geometry.height,
        "source_px_per_model_px_x": geometry.scale_x,
        "source_px_per_model_px_y": geometry.scale_y,
        "source_shift_x_px": float(shift[0]),
        "source_shift_y_px": float(shift[1]),
        "mean_score": float(np.mean(people["score"], dtype=np.float64)) if num_people else None,
        "max_root_jerk": _max_or_none(people["root_jerk"]),
        "num_non_finite": int((~np.asarray(people["is_finite"])).sum()),
        "num_truncated": int(_known_true(people["is_truncated"]).sum()),
        "num_out_of_frame": int(_known_true(people["is_out_of_frame"]).sum()),
    }


def _nullable(values: NDArray) -> NDArray:
    """`values` [N] or [N, K] as float32; rows with anything that is not finite become null."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    is_finite = np.asarray(np.isfinite(narrow).all(axis=tuple(range(1, narrow.ndim))))
    return _masked(narrow, ~is_finite)


def _masked(values: NDArray, is_null: NDArray[np.bool_]) -> NDArray:
    """`values` [N] or [N, K] with the rows of `is_null` [N] null."""
    mask = np.broadcast_to(is_null.reshape(-1, *[1] * (values.ndim - 1)), values.shape)
    return np.ma.MaskedArray(values, mask)


def _known_true(column: NDArray | list) -> NDArray[np.bool_]:
    """Where a nullable boolean column is known to be true."""
    if isinstance(column, list):
        return np.zeros(len(column), np.bool_)
    return np.ma.filled(column, False)


def _max_or_none(values: NDArray | list) -> float | None:
    present = np.ma.compressed(values)
    return float(present.max()) if len(present) else None
