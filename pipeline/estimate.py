"""What a corpus would cost, from a look at a hundredth of it: frames, time, storage, requests.

Nothing is written. Numbers of the corpus are those of the sample times the share of files that it
is; their spread is two standard errors of the sample's mean.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.config import PlanConfig
from pipeline.cutting import cut_clips, pack_shards, sample_frames
from pipeline.errors import PlanError
from pipeline.probe import VideoInfo
from pipeline.probing import Answer, Probe, name_some, probe_file, probe_twice
from pipeline.source import Source, SourceFile
from pipeline.storage import BLOCK_BYTES

SHARE = 0.01
MIN_SAMPLE = 20  # files, or all of them
PUTS_A_SHARD = 5  # its attempt's mark, frames, people, tracks, and the commit
GETS_A_SHARD = 8  # the plan twice, the commit, what earlier attempts left
BLOCKS_A_CLIP = 3  # its video's header and index, and one more than its frames are long


@dataclass(frozen=True)
class Speed:
    """What a worker was measured to do, and which worker: it holds for no other.

    Attributes:
        frames_per_s: Of the whole job, one worker.
        bytes_per_frame: Written to OUT, depth included.
        preset: Of its network.
        precision: In which that computed.
        is_compiled: By torch.compile.
        is_gpu: Whether it ran on a GPU, which it had for itself.
        device: The GPU's name, or the processor's.
        num_cores: Of the machine, all of which it had.
    """

    frames_per_s: float
    bytes_per_frame: float
    preset: str
    precision: str
    is_compiled: bool
    is_gpu: bool
    device: str
    num_cores: int


@dataclass(frozen=True)
class Estimate:
    """What a corpus would cost.

    Attributes:
        num_videos: Files of SRC; of these, `num_probed` were looked at.
        num_probed_failed: Of those, files that cannot be read.
        num_frames: Frames to annotate; one that two clips share counts twice.
        num_frames_spread: Two standard errors of it; 0 where every file was looked at.
        num_clips: Clips; likewise `num_shards`.
        gpu_hours: Of GPUs such as the one that was measured; None where it was a CPU.
        cpu_hours: Of CPUs such as the one that was measured, all cores of it; None where it was a
            GPU.
        output_bytes: Of OUT.
        num_puts: Requests that write; deletions are free of charge in most stores.
        num_gets: Requests that read, planning included.
        speed: What hours and bytes were reckoned with.
    """

    num_videos: int
    num_probed: int
    num_probed_failed: int
    num_frames: int
    num_frames_spread: int
    num_clips: int
    num_shards: int
    gpu_hours: float | None
    cpu_hours: float | None
    output_bytes: int
    num_puts: int
    num_gets: int
    speed: Speed


@dataclass(frozen=True)
class _Look:
    """What one file would come to.

    Attributes:
        num_frames: Of its clips together.
        num_clips: One of no frames where it cannot be read.
        num_gets: Requests to decode them.
        is_failed: It cannot be read.
    """

    num_frames: int
    num_clips: int
    num_gets: int
    is_failed: bool


def estimate_cost(
    source: Source,
    config: PlanConfig,
    speed: Speed,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    probe: Probe = probe_file,
) -> Estimate:
    """Look at a hundredth of `source`: at one file of each hundred, drawn at random.

    Args:
        source: SRC as listed.
        config: Sampling and bounds.
        speed: Of one worker.
        on_progress: Called with (files probed, files to probe).
        probe: Looks at a file.

    Raises:
        PlanError: Files cannot be read for now (transient).
        CredentialsError: The store refuses the credentials.
    """
    num_videos = len(source.files)
    places = _draw_places(num_videos)
    looks: list[_Look] = []

    def take(place: int, answer: Answer) -> None:
        looks.append(_look(source.files[place], answer, config))
        on_progress(len(looks), len(places))

    failed = list(probe_twice(source, places, probe, take).values())
    if failed:
        error = PlanError(
            f"nothing is estimated, since {len(failed)} of the {len(places)} videos to be looked "
            f"at could not be read for now:{name_some(failed)}\nRun the same command again, or "
            "leave those out with --exclude"
        )
        error.is_transient = True
        raise error
    frames = np.array([look.num_frames for look in looks])
    clips = np.array([look.num_clips for look in looks])
    gets = np.array([look.num_gets for look in looks])
    num_frames, num_clips, num_decode_gets = (
        round(values.mean() * num_videos) for values in (frames, clips, gets)
    )
    spread = 0.0
    if 1 < len(looks) < num_videos:
        spread = 2 * float(frames.std(ddof=1)) / math.sqrt(len(looks)) * num_videos
    clip_frames = round(num_frames / num_clips)
    num_shards = 1 + max(pack_shards([clip_frames] * num_clips, config.max_shard_frames))
    hours = num_frames / speed.frames_per_s / 3600
    num_plan_gets = num_videos + sum(map(_num_blocks, source.files))
    return Estimate(
        num_videos=num_videos,
        num_probed=len(looks),
        num_probed_failed=sum(look.is_failed for look in looks),
        num_frames=num_frames,
        num_frames_spread=round(spread),
        num_clips=num_clips,
        num_shards=num_shards,
        gpu_hours=hours if speed.is_gpu else None,
        cpu_hours=None if speed.is_gpu else hours,
        output_bytes=round(num_frames * speed.bytes_per_frame),
        num_puts=num_shards * PUTS_A_SHARD + num_clips,
        num_gets=num_plan_gets + num_decode_gets + num_shards * GETS_A_SHARD,
        speed=speed,
    )


def _draw_places(num_videos: int) -> list[int]:
    """Of every hundred files one, the same each time; every hundredth might always be like it."""
    num_places = min(num_videos, max(MIN_SAMPLE, math.ceil(num_videos * SHARE)))
    bounds = [place * num_videos // num_places for place in range(num_places + 1)]
    rng = np.random.default_rng(0)
    return [int(rng.integers(first, stop)) for first, stop in itertools.pairwise(bounds)]


def _look(file: SourceFile, answer: Answer, config: PlanConfig) -> _Look:
    if not isinstance(answer, VideoInfo):
        return _Look(num_frames=0, num_clips=1, num_gets=0, is_failed=True)
    sampled = sample_frames(answer.frame_pts, answer.time_base, config.fps)
    spans = cut_clips(len(sampled), config.max_clip_frames)
    return _Look(
        num_frames=sum(stop - start for start, stop in spans),
        num_clips=len(spans),
        num_gets=sum(
            _num_gets(file, answer, int(sampled[start]), int(sampled[stop - 1]) + 1)
            for start, stop in spans
        ),
        is_failed=False,
    )


def _num_gets(file: SourceFile, info: VideoInfo, first: int, stop: int) -> int:
    """Requests to decode one clip, whose frames are decoded from a key frame on."""
    key_interval = info.num_frames / max(1, info.num_key_frames)
    num_decoded = stop - first + first % key_interval
    num_blocks = _num_blocks(file)
    wanted = math.ceil(num_blocks * num_decoded / info.num_frames) + BLOCKS_A_CLIP
    return 1 + min(num_blocks, wanted)  # and its size


def _num_blocks(file: SourceFile) -> int:
    """Requests to read the whole file."""
    return math.ceil((file.size_bytes or 0) / BLOCK_BYTES)
