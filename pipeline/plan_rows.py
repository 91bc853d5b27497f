"""The rows of a plan: a video's, its clips', and which shard each clip goes into.

Rows come one after another, so that a plan is never whole in memory.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from pipeline.config import PlanConfig
from pipeline.cutting import cut_clips, cut_shots, pack_shards, sample_frames
from pipeline.probe_journal import Probed
from schemas.ids import clip_id, shard_id
from schemas.tables.videos import VIDEOS

_EMPTY_VIDEO = dict.fromkeys(VIDEOS.column_names)


def video_row(video_index: int, video: Probed) -> dict:
    """The row in `videos` of a file, readable or not."""
    return _EMPTY_VIDEO | video.columns | {"video_index": video_index}


def clip_rows(
    video_index: int, video: Probed, cuts: Sequence[int], config: PlanConfig
) -> Iterator[dict]:
    """The rows in `plan_clips` of one video, shot after shot; a shot without a frame has none.

    Args:
        video_index: Its place in `videos`.
        video: What was probed.
        cuts: First source frame of every shot but the first.
        config: Sampling and bounds.
    """
    video_pts, time_base, duration_s = video.frame_pts, Fraction(1), 0.0
    if video.columns["status"] == "ok":
        time_base = Fraction(video.columns["time_base_num"], video.columns["time_base_den"])
        duration_s = video.columns["duration_s"]
    sampled = sample_frames(video_pts, time_base, config.fps)
    tick_s = float(time_base)

    def shown_s(frame: int) -> float:
        is_end = frame == len(video_pts)
        return duration_s if is_end else int(video_pts[frame] - video_pts[0]) * tick_s

    for shot_index, (first_place, stop_place) in enumerate(cut_shots(sampled, cuts)):
        if cuts and first_place == stop_place:
            continue
        for start, end in cut_clips(stop_place - first_place, config.max_clip_frames):
            index = sampled[first_place + start : first_place + end].astype(np.int32)
            frames = (index, video_pts[index])
            first, stop = (int(index[0]), int(index[-1]) + 1) if len(index) else (0, 0)
            yield {
                "clip_id": clip_id(video.video_id, shot_index, first, stop, *frames),
                "video_index": video_index,
                "video_id": video.video_id,
                "shot_index": shot_index,
                "start_frame": first,
                "end_frame": stop,
                "start_time_s": shown_s(first),
                "end_time_s": shown_s(stop),
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
