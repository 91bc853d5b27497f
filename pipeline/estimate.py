"""What a corpus would cost, from a look at a hundredth of it: frames, time, storage, requests.

Nothing is written. Numbers of the corpus are those of the sample times the share of files that it
is; their spread is two standard errors of the sample's mean.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.config import PlanConfig
from pipeline.cutting import cut_clips, pack_shards, sample_frames
from pipeline.probe import VideoInfo
from pipeline.probing import Probe, probe_file
from pipeline.source import Source
from pipeline.storage import BLOCK_BYTES

SHARE = 0.01
MIN_SAMPLE = 20  # files, or all of them
PUTS_A_SHARD = 5  # its attempt's mark, frames, people, tracks, and the commit
GETS_A_SHARD = 8  # the plan twice, the commit, what earlier attempts left
GETS_A_CLIP = 2  # its video's size, and a block more than its share


@dataclass(frozen=True)
class Speed:
    """What a worker was measured to do.

    Attributes:
        frames_per_s: Of the whole job, one worker.
        bytes_per_frame: Written to OUT, depth included.
    """

    frames_per_s: float
    bytes_per_frame: float


@dataclass(frozen=True)
class Estimate:
    """What a corpus would cost.

    Attributes:
        num_videos: Files of SRC; of these, `num_probed` were looked at.
        num_probed_failed: Of those, files that cannot be read.
        num_frames: Frames to annotate.
        num_frames_spread: Two standard errors of it; 0 where every file was looked at.
        num_clips: Clips; likewise `num_shards`.
        worker_hours: Of workers such as the one that was measured.
        output_bytes: Of OUT.
        num_puts: Requests that write; deletions are free of charge in most stores.
        num_gets: Requests that read, planning included.
    """

    num_videos: int
    num_probed: int
    num_probed_failed: int
    num_frames: int
    num_frames_spread: int
    num_clips: int
    num_shards: int
    worker_hours: float
    output_bytes: int
    num_puts: int
    num_gets: int


def estimate_cost(
    source: Source,
    config: PlanConfig,
    speed: Speed,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    probe: Probe = probe_file,
) -> Estimate:
    """Look at a hundredth of `source`, at files spread evenly over it.

    Args:
        source: SRC as listed.
        config: Sampling and bounds.
        speed: Of one worker.
        on_progress: Called with (files probed, files to probe).
        probe: Looks at a file.
    """
    num_videos = len(source.files)
    num_probed = min(num_videos, max(MIN_SAMPLE, math.ceil(num_videos * SHARE)))
    frames, clips = np.zeros(num_probed), np.zeros(num_probed)
    num_failed = 0
    for place in range(num_probed):
        file = source.files[place * num_videos // num_probed]
        info = probe(source.root, file)
        if isinstance(info, VideoInfo):
            frames[place] = len(sample_frames(info.frame_pts, info.time_base, config.fps))
        else:
            num_failed += 1
        clips[place] = len(cut_clips(int(frames[place]), config.max_clip_frames))
        on_progress(place + 1, num_probed)
    num_frames, num_clips = (round(values.mean() * num_videos) for values in (frames, clips))
    spread = 0.0
    if 1 < num_probed < num_videos:
        spread = 2 * float(frames.std(ddof=1)) / math.sqrt(num_probed) * num_videos
    clip_frames = round(num_frames / num_clips)
    num_shards = 1 + max(pack_shards([clip_frames] * num_clips, config.max_shard_frames))
    num_blocks = sum(math.ceil((file.size_bytes or 0) / BLOCK_BYTES) for file in source.files)
    return Estimate(
        num_videos=num_videos,
        num_probed=num_probed,
        num_probed_failed=num_failed,
        num_frames=num_frames,
        num_frames_spread=round(spread),
        num_clips=num_clips,
        num_shards=num_shards,
        worker_hours=num_frames / speed.frames_per_s / 3600,
        output_bytes=round(num_frames * speed.bytes_per_frame),
        num_puts=num_shards * PUTS_A_SHARD + num_clips,
        num_gets=2 * num_blocks + num_videos + num_clips * GETS_A_CLIP + num_shards * GETS_A_SHARD,
    )
