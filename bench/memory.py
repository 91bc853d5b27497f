"""`h3r bench memory`: does a worker's memory grow with the length of a video?

Each length is annotated in a process of its own, without Ray. Videos show noise that moves. They
are sampled thinly and cut into short clips and small shards, so that an hour is done in minutes,
and so that the shortest video fills a batch, and goes on after a commit, as the longest does.
"""

import os
import tempfile
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from bench.machine import read_machine
from bench.processes import Run, limit_memory, peak_bytes, restart_peak, run_alone
from bench.report import BenchReport, Figure
from pipeline.av_io.h264 import H264Encoder
from pipeline.config import SHARDS_AT_ONCE, LabelConfig, WorkerConfig
from pipeline.job import annotate_job, identify
from pipeline.machine import ALLOCATOR_VARIABLES, release_memory
from pipeline.models import ModelSource
from pipeline.planning import plan_job
from pipeline.report import ShardReport
from pipeline.worker import ShardWorker, WorkerSettings

MIB = 2**20
MAX_GROWTH = 1.05
VIDEO_FPS = 30
WIDTH, HEIGHT = 256, 144
CRF = 40


@dataclass(frozen=True)
class MemoryOptions:
    """What is measured.

    Attributes:
        models: The network and the body model.
        seconds: Lengths of videos, shortest first.
        batches: Clips that go through the network together, each a run of its own.
        sample_fps: Frames a second that are annotated.
        clip_frames: Frames of a clip; a shard has to fill the largest batch.
        shard_frames: Frames of a shard; the shortest video has to have two.
        limit_mib: What each process may have; None for no limit.
    """

    models: ModelSource
    seconds: tuple[int, ...] = (10, 600, 3600)
    batches: tuple[int, ...] = (1, 4)
    sample_fps: float = 3.0
    clip_frames: int = 4
    shard_frames: int = 20
    limit_mib: int | None = None


@dataclass(frozen=True)
class Annotated:
    """What a worker process came to.

    Attributes:
        preset: Of the network.
        num_frames: Annotated.
        loaded_bytes: Memory with the video planned and the models loaded.
        done_bytes: The most memory from then on.
    """

    preset: str
    num_frames: int
    loaded_bytes: int
    done_bytes: int


def bench_memory(
    options: MemoryOptions,
    on_progress: Callable[[str], None] = lambda text: None,
    run: Callable[..., Run[Annotated]] = run_alone,
) -> BenchReport:
    """Measure.

    Args:
        options: What.
        on_progress: Told what comes next.
        run: Runs each length, so that its memory is its own.
    """
    machine = read_machine()
    figures: list[Figure] = []
    os.environ.update(ALLOCATOR_VARIABLES)  # as a job's workers have them
    with tempfile.TemporaryDirectory(prefix="h3r-bench-") as folder:
        videos = {}
        for seconds in options.seconds:
            on_progress(f"a video of {seconds} s")
            videos[seconds] = Path(folder) / f"{seconds}.mp4"
            videos[seconds].write_bytes(make_video(seconds))
        for batch_clips in options.batches:
            peaks = []
            for seconds, video in videos.items():
                on_progress(f"{seconds} s in batches of {batch_clips}")
                out = f"{folder}/{seconds}-{batch_clips}"
                done = run(_annotate, str(video), out, batch_clips, options).answer
                at = f"{done.preset}, batch {batch_clips}, {seconds} s"
                peaks.append(done.done_bytes)
                figures.append(
                    Figure(
                        f"{at}: most memory",
                        "MiB",
                        (done.done_bytes / MIB,),
                        note=f"{done.num_frames} frames; {done.loaded_bytes / MIB:.0f} MiB with "
                        "the models loaded",
                    )
                )
            figures.append(
                Figure(
                    f"batch {batch_clips}: longest of shortest",
                    "ratio",
                    (peaks[-1] / peaks[0],),
                    at_most=MAX_GROWTH,
                )
            )
    return BenchReport(
        bench="memory",
        machine=machine,
        settings={
            "video": f"{WIDTH}x{HEIGHT}, {VIDEO_FPS} frames/s",
            "sample_fps": options.sample_fps,
            "clip_frames": options.clip_frames,
            "shard_frames": options.shard_frames,
            "limit_mib": options.limit_mib,
        },
        figures=tuple(figures),
        not_measured=("memory of a GPU",),
    )


def make_video(seconds: int) -> bytes:
    """An MP4 of coarse noise that drifts."""
    encoder = H264Encoder(WIDTH, HEIGHT, Fraction(VIDEO_FPS), Fraction(1, VIDEO_FPS), CRF)
    coarse = np.random.default_rng(0).integers(0, 256, (HEIGHT // 16, WIDTH // 16, 3), np.uint8)
    picture = np.kron(coarse, np.ones((16, 16, 1), np.uint8))
    for place in range(seconds * VIDEO_FPS):
        encoder.add(np.roll(picture, place, axis=1), place)
    return encoder.finish()


def _annotate(video: str, out: str, batch_clips: int, options: MemoryOptions) -> Annotated:
    if options.limit_mib is not None:
        limit_memory(options.limit_mib * MIB)
    wanted: dict[str, object] = {
        "fps": options.sample_fps,
        "max_clip_frames": options.clip_frames,
        "max_shard_frames": options.shard_frames,
    }
    job = plan_job(video, out, wanted)
    identity = identify(options.models, job.run.plan, LabelConfig())
    loaded_bytes = 0

    def run_shards(shards: Sequence[int], settings: WorkerSettings) -> Generator[ShardReport]:
        nonlocal loaded_bytes
        worker = ShardWorker.load(settings)
        release_memory()
        restart_peak()  # loading may take more than work does, and would hide that it grows
        loaded_bytes = peak_bytes()
        with ThreadPoolExecutor(SHARDS_AT_ONCE) as pool:
            yield from pool.map(worker.annotate, shards)

    config = WorkerConfig(batch_clips=batch_clips)
    status = annotate_job(job, identity, options.models, config, run_shards)
    assert status.num_failed == 0, status.first_failures
    return Annotated(identity.model_preset, status.num_frames, loaded_bytes, peak_bytes())
