from dataclasses import replace

import numpy as np
import pytest

from bench.big_corpus import NullProbe
from pipeline.config import PlanConfig
from pipeline.errors import ProbeError
from pipeline.estimate import Speed, estimate_cost
from pipeline.source import Source, SourceFile

SPEED = Speed(frames_per_s=10.0, bytes_per_frame=1000.0)


def corpus(num_videos: int) -> Source:
    return Source("root", tuple(SourceFile(str(i), 5 * 2**20, "v") for i in range(num_videos)))


def test_a_hundredth_is_looked_at_and_stands_for_all():
    found = estimate_cost(corpus(10_000), PlanConfig(), SPEED, probe=NullProbe(1))
    assert (found.num_videos, found.num_probed, found.num_probed_failed) == (10_000, 100, 0)
    assert (found.num_frames, found.num_frames_spread) == (1_000_000, 0)  # 100 each
    assert (found.num_clips, found.num_shards) == (10_000, 1_000)
    assert found.worker_hours == pytest.approx(1_000_000 / 10 / 3600)
    assert found.output_bytes == 10**9
    assert found.num_puts == 5 * 1_000 + 10_000
    # 3 blocks of 2 MiB a video, read twice; its size; 2 a clip; 8 a shard
    assert found.num_gets == 60_000 + 10_000 + 20_000 + 8_000


def test_all_of_a_small_corpus_is_looked_at():
    seen = []

    def probe(root, file):
        seen.append(file.name)
        return NullProbe(2)(root, file)

    found = estimate_cost(corpus(3), PlanConfig(), SPEED, probe=probe)
    assert seen == ["0", "1", "2"]
    assert (found.num_frames, found.num_clips) == (3 * 199, 6)


def test_lengths_that_differ_make_a_spread():
    def probe(root, file):
        info = NullProbe(1)(root, file)
        return replace(info, frame_pts=info.frame_pts[: 100 if int(file.name) % 200 else 50])

    found = estimate_cost(corpus(10_000), PlanConfig(), SPEED, probe=probe)
    assert found.num_frames == 750_000  # every second of the hundred is half as long
    deviation = np.std([50, 100] * 50, ddof=1)
    assert found.num_frames_spread == round(2 * deviation / 10 * 10_000)


def test_videos_that_cannot_be_read_are_clips_without_frames():
    found = estimate_cost(
        corpus(20), PlanConfig(), SPEED, probe=lambda root, file: ProbeError("no video")
    )
    assert (found.num_probed_failed, found.num_frames, found.num_clips) == (20, 0, 20)
    assert (found.worker_hours, found.output_bytes) == (0, 0)
