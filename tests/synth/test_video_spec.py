import hashlib
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from pipeline.errors import ConfigError
from synth.video_spec import GENERATOR_VERSION, VARIANT_SHARES, CorpusSpec, draw_video

SPEC = CorpusSpec(seed=5, num_videos=10)


def videos_of(num_videos: int = 40, **changes) -> list:
    spec = replace(SPEC, num_videos=num_videos, **changes)
    return [draw_video(spec, index) for index in range(num_videos)]


def test_a_video_depends_on_the_seed_and_its_place_only():
    assert videos_of(40)[:10] == videos_of(10)
    assert videos_of(10, seed=6) != videos_of(10)


def test_variants_are_taken_in_turn():
    videos = videos_of(5, variants=("cuts", "empty"))
    assert [video.uri for video in videos] == [
        "000000-cuts.mp4",
        "000001-empty.mp4",
        "000002-cuts.mp4",
        "000003-empty.mp4",
        "000004-cuts.mp4",
    ]


def test_mixed_is_mostly_plain_with_some_of_everything():
    counts = Counter(video.variant for video in videos_of(300))
    assert counts.keys() == VARIANT_SHARES.keys()
    assert counts["plain"] == pytest.approx(0.6 * 300, abs=30)  # three standard deviations


def test_sizes_rates_and_people_are_those_that_were_asked_for():
    videos = videos_of(60, variants=("plain",))
    assert {(video.width, video.height) for video in videos} == set(SPEC.sizes)
    assert {video.time_base for video in videos} == {Fraction(1, fps) for fps in (24, 25, 30)}
    assert {video.shots[0].num_people for video in videos} == {1, 2, 3, 4, 5}
    assert {len(video.pts) for video in videos} == {60}
    for video in videos:
        assert video.times_s[-1] == pytest.approx(59 / float(video.mean_fps))


@pytest.mark.parametrize(
    ("num_frames", "num_shots"), [(1, {1}), (7, {1}), (8, {2}), (12, {2, 3}), (60, {2, 3})]
)
def test_cuts_part_a_video_into_shots_without_gaps(num_frames, num_shots):
    videos = videos_of(variants=("cuts",), num_frames=num_frames)
    assert {len(video.shots) for video in videos} == num_shots
    for video in videos:
        frames = [f for s in video.shots for f in range(s.start_frame, s.end_frame)]
        assert frames == list(range(num_frames))
        assert min(shot.end_frame - shot.start_frame for shot in video.shots) >= 1
        assert video.cuts == tuple(shot.start_frame for shot in video.shots)[1:]
        assert len({shot.seed for shot in video.shots}) == len(video.shots)


def test_uneven_times_never_run_faster_than_a_job_takes_frames():
    for video in videos_of(variants=("vfr",)):
        gaps_s = np.diff(video.times_s)
        assert len(set(np.diff(video.pts))) > 20
        assert gaps_s.min() >= 1 / 30
        assert gaps_s.max() <= 0.1
        assert float(video.mean_fps) == pytest.approx(1 / gaps_s.mean())


@pytest.mark.parametrize(
    ("changes", "num_frames"),
    [
        ({}, 250),
        ({"num_frames": 1000}, 250),
        ({"max_clip_frames": 4}, 10),  # however many others have
        ({"num_long_frames": 1000}, 1000),
        ({"num_long_frames": 8, "max_clip_frames": 4}, 10),
    ],
)
def test_a_long_video_is_two_and_a_half_clips_at_least(changes, num_frames):
    videos = videos_of(3, variants=("long",), **changes)
    assert {len(video.pts) for video in videos} == {num_frames}


def test_only_another_generator_version_draws_other_videos():
    videos = [str(video) for video in videos_of(40)]
    assert GENERATOR_VERSION == 2
    digest = hashlib.sha256("\n".join(videos).encode()).hexdigest()
    assert digest == "182dba78e01d03e3520008c601abbd2c1b2b8fd3687cfc615018c04306d2b99b"
    assert SPEC.sha256 == "4743d3bd4a8215a5da1772bd15fa8f335fe0f8259b52b5c69558bb04d85b995f"


def test_an_empty_video_has_nobody():
    (video,) = videos_of(1, variants=("empty",))
    assert [shot.num_people for shot in video.shots] == [0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": -1}, "--seed -1"),
        ({"num_videos": 0}, "--videos 0"),
        ({"num_frames": 0}, "--frames 0"),
        ({"max_clip_frames": 1}, "--max-clip-frames 1"),
        ({"sizes": ((512, 289),)}, "--size 512x289: both sides must be even"),
        ({"sizes": ((16, 64),)}, "--size 16x64"),
        ({"sizes": ((17000, 32),)}, "--size 17000x32: both sides must be even and 32 to 4096"),
        ({"fps": (60,)}, "--fps 60: must be 1 to 30"),
        ({"min_people": 3, "max_people": 2}, "--people 3-2"),
        ({"max_people": 9}, "--people 1-9"),
        ({"min_people": 0, "max_people": 0}, "--people 0-0 --variant mixed: border videos"),
        (
            {"min_people": 0, "variants": ("plain", "border")},
            "--people 0-5 --variant border: border videos, which mixed has some of, show somebody",
        ),
        ({"variants": ("plain", "snow")}, "--variant snow: must be one of mixed, plain, cuts"),
    ],
)
def test_what_no_corpus_can_be_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        replace(SPEC, **changes)


def test_the_hash_names_the_whole_spec():
    assert SPEC.sha256 == CorpusSpec(seed=5, num_videos=10).sha256
    others = [replace(SPEC, seed=6), replace(SPEC, num_videos=11), replace(SPEC, fps=(25,))]
    assert len({spec.sha256 for spec in (SPEC, *others)}) == 4
