"""Which frames of a video are annotated, and how they are cut into clips and shards.

Arithmetic on presentation times alone: no file is touched, so a plan is the same on every machine.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.config import DEFAULT_MAX_FPS

MIN_AUTO_SHARD_FRAMES = 200
MAX_AUTO_SHARD_FRAMES = 1000
MAX_SHARD_CLIPS = 256
AUTO_NUM_SHARDS = 64
TIE_S = 1e-9  # above the rounding of float64: of two frames as near, the earlier
MAX_ROUNDING_S = 0.001
"""Matroska and others store times in whole milliseconds."""


def sample_frames(
    frame_pts: NDArray[np.int64], time_base: Fraction, fps: float | None
) -> NDArray[np.int64]:
    """Indices of the frames to annotate, in order.

    All of them while the average rate is within the wanted one; otherwise, for every tick of the
    wanted rate since the first frame, the frame nearest to it (each at most once). Times may be
    rounded to the time base: a video that ends a millisecond early is not a frame shorter.

    Args:
        frame_pts: [F] rising presentation times, in units of `time_base`.
        time_base: Seconds a unit.
        fps: Wanted frames a second at most; None for 30.

    Returns:
        [S] indices into `frame_pts`.
    """
    num_frames = len(frame_pts)
    if num_frames < 2:
        return np.arange(num_frames, dtype=np.int64)
    wanted = DEFAULT_MAX_FPS if fps is None else fps
    tick_s = float(time_base)
    end_s = int(frame_pts[-1] - frame_pts[0]) * tick_s + min(tick_s, MAX_ROUNDING_S)
    if num_frames - 1 <= wanted * 1.001 * end_s:
        return np.arange(num_frames, dtype=np.int64)
    times_s = (frame_pts - frame_pts[0]) * tick_s
    ticks_s = np.arange(int(np.floor(end_s * wanted + 1e-6)) + 1) / wanted
    right = np.clip(np.searchsorted(times_s, ticks_s), 1, num_frames - 1)
    is_left_nearer = ticks_s - times_s[right - 1] <= times_s[right] - ticks_s + TIE_S
    return np.unique(np.where(is_left_nearer, right - 1, right)).astype(np.int64)


def cut_shots(sampled: NDArray[np.int64], cuts: Sequence[int]) -> list[tuple[int, int]]:
    """Half-open spans of sampled frames, one a shot; empty where no frame of it was sampled.

    Args:
        sampled: [S] rising source frames.
        cuts: First source frame of every shot but the first, rising.
    """
    if not cuts:
        return [(0, len(sampled))]
    places = np.searchsorted(sampled, np.asarray(cuts, np.int64)).tolist()
    return list(itertools.pairwise([0, *places, len(sampled)]))


def cut_clips(num_sampled: int, max_clip_frames: int) -> list[tuple[int, int]]:
    """Half-open spans of sampled frames; the last frame of one is the first of the next.

    Args:
        num_sampled: Sampled frames of one shot.
        max_clip_frames: Frames of a clip at most, 2 or more.

    Returns:
        At least one span; `[(0, 0)]` for no frames.
    """
    if num_sampled <= max_clip_frames:
        return [(0, num_sampled)]
    step = max_clip_frames - 1
    return [
        (start, min(start + max_clip_frames, num_sampled))
        for start in range(0, num_sampled - 1, step)
    ]


def pack_shards(clip_frames: Iterable[int], max_shard_frames: int | None) -> Iterator[int]:
    """The shard of every clip: neighbours together, in order, within the bound.

    Looks no further ahead than it must to choose the bound.

    Args:
        clip_frames: Sampled frames of every clip.
        max_shard_frames: Frames of a shard at most (a longer clip stands alone); None bounds it
            to a 64th of the corpus, between 200 and 1000, so that a small corpus still spreads.

    Yields:
        Shard indices from 0, rising, one a clip.
    """
    remaining = iter(clip_frames)
    seen: list[int] = []
    bound = max_shard_frames
    if bound is None:
        bound, seen = _choose_bound(remaining)
    shard = frames = clips = 0
    for num_frames in itertools.chain(seen, remaining):
        if clips and (frames + num_frames > bound or clips == MAX_SHARD_CLIPS):
            shard, frames, clips = shard + 1, 0, 0
        yield shard
        frames += num_frames
        clips += 1


def _choose_bound(clip_frames: Iterator[int]) -> tuple[int, list[int]]:
    """The bound for a corpus, and the clips that were taken from the iterator to choose it."""
    seen: list[int] = []
    total = 0
    for num_frames in clip_frames:
        seen.append(num_frames)
        total += num_frames
        if total >= MAX_AUTO_SHARD_FRAMES * AUTO_NUM_SHARDS:
            break
    share = total // AUTO_NUM_SHARDS
    return min(max(share, MIN_AUTO_SHARD_FRAMES), MAX_AUTO_SHARD_FRAMES), seen
