"""The rows of a plan: a video's, its clips', and which shard each clip goes into.

Rows come one after another, so that a plan is never whole in memory.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from pipeline.config import PlanConfig
from pipeline.cutting import cut_clips, cut_shots, pack_shards, sample_frames
from pipeline.errors import ProbeError
from pipeline.probe import VideoInfo
from pipeline.source import SourceFile
from schemas.ids import clip_id, shard_id, video_id
from schemas.tables.videos import VIDEOS

MISSING_VERSION = "missing"

_EMPTY_VIDEO = dict.fromkeys(VIDEOS.column_names)


def video_row(video_index: int, file: SourceFile, info: VideoInfo | ProbeError) -> dict:
    """The row in `videos` of a file, readable or not."""
    size_bytes, etag = file.size_bytes or 0, file.version or MISSING_VERSION
    row = _EMPTY_VIDEO | {
        "video_index": video_index,
        "video_id": video_id(file.name, size_bytes, etag),
        "uri": file.name,
        "etag": etag,
        "size_bytes": size_bytes,
    }
    if isinstance(info, VideoInfo):
        return row | _probed_columns(info)
    return row | {
        "status": "failed",
        "error_class": type(info).__name__,
        "error_message": str(info),
    }


def clip_rows(
    video: dict, info: VideoInfo | ProbeError, cuts: Sequence[int], config: PlanConfig
) -> Iterator[dict]:
    """The rows in `plan_clips` of one video, shot after shot; a shot without a frame has none.

    Args:
        video: Its row in `videos`.
        info: What was probed.
        cuts: First source frame of every shot but the first.
        config: Sampling and bounds.
    """
    if not isinstance(info, VideoInfo):
        info_pts = np.zeros(0, np.int64)
        time_base, duration_s = Fraction(1), 0.0
    else:
        info_pts, time_base, duration_s = info.frame_pts, info.time_base, info.duration_s
    sampled = sample_frames(info_pts, time_base, config.fps)
    times_s = np.append((info_pts - info_pts[:1]) * float(time_base), duration_s)
    for shot_index, (first_place, stop_place) in enumerate(cut_shots(sampled, cuts)):
        if cuts and first_place == stop_place:
            continue
        for start, end in cut_clips(stop_place - first_place, config.max_clip_frames):
            index = sampled[first_place + start : first_place + end].astype(np.int32)
            frames = (index, info_pts[index])
            first, stop = (int(index[0]), int(index[-1]) + 1) if len(index) else (0, 0)
            yield {
                "clip_id": clip_id(video["video_id"], shot_index, first, stop, *frames),
                "video_index": video["video_index"],
                "video_id": video["video_id"],
                "shot_index": shot_index,
                "start_frame": first,
                "end_frame": stop,
                "start_time_s": float(times_s[first]),
                "end_time_s": float(times_s[stop]),
                "num_frames": len(index),
                "frame_index": frames[0],
                "frame_pts": frames[1],
                "shares_first_frame": start > 0,
            }


def pack_rows(rows: Iterable[dict], max_shard_frames: int | None) -> Iterator[dict]:
    """The rows with their places in the plan and their shards, shard after shard.

    Args:
        rows: Of `plan_clips`, in order, without these columns.
        max_shard_frames: As `pack_shards` takes it.
    """
    placed, counted = itertools.tee(rows)
    shards = pack_shards((row["num_frames"] for row in counted), max_shard_frames)
    packed = zip(shards, enumerate(placed), strict=True)
    for shard_index, members in itertools.groupby(packed, key=lambda pair: pair[0]):
        clips = [clip for _, clip in members]
        identity = shard_id([row["clip_id"] for _, row in clips])
        for clip_index, row in clips:
            yield row | {
                "clip_index": clip_index,
                "shard_index": shard_index,
                "shard_id": identity,
            }


def _probed_columns(info: VideoInfo) -> dict[str, object]:
    return {
        "container": info.container,
        "codec": info.codec,
        "pixel_format": info.pixel_format,
        "width": info.width,
        "height": info.height,
        "rotation_deg": info.rotation_deg,
        "sample_aspect_ratio": float(info.sample_aspect_ratio),
        "fps": info.fps,
        "is_variable_rate": info.is_variable_rate,
        "has_timestamps": info.has_timestamps,
        "is_truncated": info.is_truncated,
        "time_base_num": info.time_base.numerator,
        "time_base_den": info.time_base.denominator,
        "start_pts": int(info.frame_pts[0]),
        "duration_s": info.duration_s,
        "num_frames": info.num_frames,
        "status": "ok",
    }
