from dataclasses import replace

import numpy as np
import pytest

from bench.big_corpus import NullProbe
from pipeline.config import PlanConfig
from pipeline.errors import PlanError, ProbeError
from pipeline.estimate import Speed, estimate_cost
from pipeline.source import Source, SourceFile

SPEED = Speed(
    frames_per_s=10.0,
    bytes_per_frame=1000.0,
    preset="896L",
    precision="bfloat16",
    is_compiled=False,
    is_gpu=True,
    device="NVIDIA H200",
    num_cores=16,
)


def corpus(num_videos: int) -> Source:
    return Source("root", tuple(SourceFile(str(i), 5 * 2**20, "v") for i in range(num_videos)))


def test_a_hundredth_is_looked_at_and_stands_for_all():
    found = estimate_cost(corpus(10_000), PlanConfig(), SPEED, probe=NullProbe(1))
    assert (found.num_videos, found.num_probed, found.num_probed_failed) == (10_000, 100, 0)
    assert (found.num_frames, found.num_frames_spread) == (1_000_000, 0)  # 100 each
    assert (found.num_clips, found.num_shards) == (10_000, 1_000)
    assert found.gpu_hours == pytest.approx(1_000_000 / 10 / 3600)
    assert found.cpu_hours is None
    assert found.speed == SPEED
    assert found.output_bytes == 10**9
    assert found.num_puts == 5 * 1_000 + 10_000
    # 3 blocks of 2 MiB a video, and its size, for the plan and for its clip; 8 a shard
    assert found.num_gets == 2 * (30_000 + 10_000) + 8_000


def test_all_of_a_small_corpus_is_looked_at():
    seen = []

    def probe(root, file):
        seen.append(file.name)
        return NullProbe(2)(root, file)

    found = estimate_cost(corpus(3), PlanConfig(), SPEED, probe=probe)
    assert sorted(seen) == ["0", "1", "2"]
    assert (found.num_frames, found.num_frames_spread) == (3 * 200, 0)  # a clip's last is shared
    assert found.num_clips == 6


@pytest.mark.parametrize("period", [2, 10, 100])
def test_what_comes_again_and_again_is_not_taken_for_all(period):
    def probe(root, file):
        is_long = int(file.name) % period == 0
        return NullProbe(10 if is_long else 1)(root, file)

    config = PlanConfig(max_clip_frames=1000)
    found = estimate_cost(corpus(10_000), config, SPEED, probe=probe)
    truth = 10_000 * 100 + 10_000 // period * (991 - 100)
    assert found.num_frames_spread > 0
    assert abs(found.num_frames - truth) < 1.5 * found.num_frames_spread  # three standard errors


def test_a_spread_is_two_standard_errors():
    lengths = []

    def probe(root, file):
        info = NullProbe(1)(root, file)
        lengths.append(100 if int(file.name) % 3 else 50)
        return replace(info, frame_pts=info.frame_pts[: lengths[-1]])

    found = estimate_cost(corpus(10_000), PlanConfig(), SPEED, probe=probe)
    assert found.num_frames == 100 * sum(lengths)
    assert found.num_frames_spread == round(2 * np.std(lengths, ddof=1) / 10 * 10_000)


def test_a_clip_is_read_from_the_key_frame_before_it():
    source = Source("root", (SourceFile("0", 991 * 2**21, "v"),))  # a block a frame

    def decode_gets(num_key_frames):
        info = replace(NullProbe(10)("root", source.files[0]), num_key_frames=num_key_frames)
        found = estimate_cost(source, PlanConfig(), SPEED, probe=lambda root, file: info)
        return found.num_gets - 992 - 8 * found.num_shards

    all_are_key = 10 * 104  # a hundred frames, the index, the header, a border, and the size
    assert decode_gets(991) == all_are_key
    assert decode_gets(1) == all_are_key + sum(range(0, 900, 99)) - 3  # no more than all is read


def test_files_that_cannot_be_read_for_now_are_looked_at_again_or_refused():
    calls = []

    def probe(root, file):
        calls.append(file.name)
        if file.name in bad and (is_lasting or calls.count(file.name) == 1):
            error = ProbeError(f"{file.name}: 503 SlowDown")
            error.is_transient = True
            return error
        return NullProbe(1)(root, file)

    bad, is_lasting = {"3", "7"}, False
    assert estimate_cost(corpus(20), PlanConfig(), SPEED, probe=probe).num_frames == 2_000
    is_lasting = True
    with pytest.raises(
        PlanError, match=r"2 of the 20 videos .*\n  3: 503 SlowDown\n  7:"
    ) as caught:
        estimate_cost(corpus(20), PlanConfig(), SPEED, probe=probe)
    assert caught.value.is_transient


def test_videos_that_cannot_be_read_are_clips_without_frames():
    found = estimate_cost(
        corpus(20), PlanConfig(), SPEED, probe=lambda root, file: ProbeError("no video")
    )
    assert (found.num_probed_failed, found.num_frames, found.num_clips) == (20, 0, 20)
    assert (found.gpu_hours, found.output_bytes) == (0, 0)


def test_hours_of_a_cpu_are_none_of_a_gpu():
    speed = replace(SPEED, is_gpu=False, device="AMD EPYC", num_cores=2)
    found = estimate_cost(corpus(20), PlanConfig(), speed, probe=NullProbe(1))
    assert (found.gpu_hours, found.cpu_hours) == (None, pytest.approx(2000 / 10 / 3600))
