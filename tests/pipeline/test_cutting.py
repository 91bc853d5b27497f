from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cutting import MAX_SHARD_CLIPS, cut_clips, cut_shots, pack_shards, sample_frames

MS = Fraction(1, 1000)


def sample(pts: list[int], time_base: Fraction, fps: float | None) -> list[int]:
    return sample_frames(np.array(pts, np.int64), time_base, fps).tolist()


def in_ms(num_frames: int, fps: Fraction) -> list[int]:
    """Times of a steady video as Matroska stores them."""
    return [round(i / fps * 1000) for i in range(num_frames)]


@pytest.mark.parametrize(
    ("sampled", "cuts", "spans"),
    [
        ([0, 1, 2, 3], [], [(0, 4)]),
        ([0, 1, 2, 3], [2], [(0, 2), (2, 4)]),
        ([0, 3, 6, 9], [4, 6], [(0, 2), (2, 2), (2, 4)]),  # nothing of frames 4 and 5
        ([], [], [(0, 0)]),
    ],
)
def test_shots_part_the_sampled_frames(sampled, cuts, spans):
    assert cut_shots(np.array(sampled, np.int64), cuts) == spans


@pytest.mark.parametrize(
    ("num_sampled", "spans"),
    [
        (0, [(0, 0)]),
        (1, [(0, 1)]),
        (2, [(0, 2)]),
        (99, [(0, 99)]),
        (100, [(0, 100)]),
        (101, [(0, 100), (99, 101)]),
        (199, [(0, 100), (99, 199)]),
        (200, [(0, 100), (99, 199), (198, 200)]),
        (298, [(0, 100), (99, 199), (198, 298)]),
    ],
)
def test_clips_of_a_hundred_share_one_frame(num_sampled, spans):
    assert cut_clips(num_sampled, 100) == spans


def test_shortest_clips():
    assert cut_clips(4, 2) == [(0, 2), (1, 3), (2, 4)]


@given(num_sampled=st.integers(1, 2000), max_clip_frames=st.integers(2, 150))
def test_every_frame_is_in_a_clip_and_only_seams_in_two(num_sampled, max_clip_frames):
    spans = cut_clips(num_sampled, max_clip_frames)
    assert (spans[0][0], spans[-1][1]) == (0, num_sampled)
    for (_, end), (start, _) in pairwise(spans):
        assert start == end - 1
    for start, end in spans:
        assert min(2, num_sampled) <= end - start <= max_clip_frames
    assert all(end - start == max_clip_frames for start, end in spans[:-1])


@pytest.mark.parametrize(
    ("pts", "time_base", "fps", "frames"),
    [
        ([], MS, None, []),
        ([7], MS, None, [0]),
        ([7], MS, 0.1, [0]),
        # 30 a second and 29.97 a second are within the default's 30
        (list(range(10)), Fraction(1, 30), None, list(range(10))),
        (list(range(10)), Fraction(1001, 30000), None, list(range(10))),
        # all frames at the wanted rate, or above it
        (list(range(10)), Fraction(1, 24), 24, list(range(10))),
        (list(range(10)), Fraction(1, 24), 60, list(range(10))),
        # 60 to 30: every other one, from the first, wherever the clock starts
        (list(range(10)), Fraction(1, 60), None, [0, 2, 4, 6, 8]),
        (list(range(-5, 6)), Fraction(1, 60), None, [0, 2, 4, 6, 8, 10]),
        # 50 to 30: ticks at 0, 1.67, 3.33, 5, 6.67, 8.33 frames
        (list(range(10)), Fraction(1, 50), None, [0, 2, 3, 5, 7, 8]),
        # halfway between two frames: the earlier
        (list(range(7)), Fraction(1, 30), 20, [0, 1, 3, 4, 6]),
        # slower than a frame in the whole video
        (list(range(10)), Fraction(1, 10), 0.5, [0]),
    ],
)
def test_sampling(pts, time_base, fps, frames):
    assert sample(pts, time_base, fps) == frames


@pytest.mark.parametrize("num_frames", [2, 3, 4, 5, 16, 31, 100, 1000])
@pytest.mark.parametrize("fps", [Fraction(30), Fraction(30000, 1001), Fraction(25)])
def test_times_rounded_to_milliseconds_lose_no_frame(fps, num_frames):
    """Two frames of 30 a second are 33 ms apart in a .mkv: that is no rate above 30."""
    assert sample(in_ms(num_frames, fps), MS, None) == list(range(num_frames))


@pytest.mark.parametrize("num_frames", [3, 5, 7, 61, 601])
def test_every_other_of_60_a_second_rounded_to_milliseconds(num_frames):
    assert sample(in_ms(num_frames, Fraction(60)), MS, None) == list(range(0, num_frames, 2))


def test_a_burst_in_an_uneven_video_is_thinned_and_a_pause_is_not_filled():
    # 100 frames within a second, nothing for one, one frame more: 34 a second on average
    pts = [10 * i for i in range(100)] + [2000]
    frames = sample(pts, MS, 10)
    assert frames == [*range(0, 100, 10), 99, 100]


@given(
    gaps=st.lists(st.integers(1, 400), min_size=0, max_size=80),
    start=st.integers(-1000, 1000),
    fps=st.floats(0.5, 120),
)
def test_samples_rise_start_at_the_first_and_keep_the_rate(gaps, start, fps):
    pts = np.cumsum([start, *gaps])
    frames = sample_frames(pts, MS, fps)
    assert frames[0] == 0
    assert (np.diff(frames) > 0).all()
    assert frames[-1] < len(pts)
    duration_s = (pts[-1] - pts[0]) / 1000
    assert len(frames) <= 1.001 * fps * (duration_s + 0.001) + 1 + 1e-6


@given(gaps=st.lists(st.integers(1, 400), min_size=1, max_size=80), fps=st.floats(0.5, 120))
def test_where_frames_are_left_out_every_tick_has_its_nearest(gaps, fps):
    pts = np.cumsum([0, *gaps])
    frames = sample_frames(pts, MS, fps)
    if len(frames) == len(pts):
        return
    for tick in range(int(pts[-1] / 1000 * fps) + 1):
        distance = np.abs(pts / 1000 - tick / fps)
        assert distance[frames].min() == pytest.approx(distance.min(), abs=2e-9)


def test_neighbours_are_packed_up_to_the_bound():
    assert list(pack_shards([4, 4, 2, 8, 1, 9, 1], 10)) == [0, 0, 0, 1, 1, 2, 2]


def test_a_clip_above_the_bound_stands_alone():
    assert list(pack_shards([3, 20, 3, 3], 10)) == [0, 1, 2, 2]


def test_clips_without_frames_are_packed_by_number():
    assert list(pack_shards([0] * 600, 10)) == [0] * 256 + [1] * 256 + [2] * 88
    assert MAX_SHARD_CLIPS == 256


@pytest.mark.parametrize(
    ("num_clips", "clips_a_shard"),
    [
        (40, 2),  # 4,000 frames: 200 at least
        (256, 4),  # 25,600 frames: a 64th is 400
        (512, 8),  # 51,200 frames: a 64th is 800
        (6400, 10),  # 640,000 frames: 1000 at most
    ],
)
def test_by_default_a_shard_is_a_64th_within_bounds(num_clips, clips_a_shard):
    assert list(pack_shards([100] * num_clips, None)) == [
        i // clips_a_shard for i in range(num_clips)
    ]


@given(clip_frames=st.lists(st.integers(0, 100), max_size=300), bound=st.integers(1, 500))
def test_shards_rise_by_one_and_keep_the_bound(clip_frames, bound):
    shards = list(pack_shards(clip_frames, bound))
    assert len(shards) == len(clip_frames)
    assert all(later - earlier in (0, 1) for earlier, later in pairwise([0, *shards]))
    for shard in set(shards):
        inside = [n for n, s in zip(clip_frames, shards, strict=True) if s == shard]
        assert len(inside) == 1 or sum(inside) <= bound
