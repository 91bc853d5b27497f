"""`h3r bench memory`: does a worker's memory grow with the length of a video?

Each length is annotated by a worker in a process of its own, without Ray: as many videos of it as
are about as long together as the longest, so that length is all that differs. (The most memory of
720 shards is more than the most of 2: it depends on what threads do at the same moment.) Whether
memory grows with the work is another question, and a figure of its own. Videos show noise that
moves. They are sampled thinly and cut into short clips and small shards, so that an hour is done in
minutes.
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
from pipeline.errors import JobError
from pipeline.job import annotate_job, identify
from pipeline.ledger import JobStatus
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
        shard_frames: Frames of a shard; all videos of a length have to fill more than the first.
        limit_mib: What each process may have; None for no limit.
    """

    models: ModelSource
    seconds: tuple[int, ...] = (10, 600, 3600)
    batches: tuple[int, ...] = (1, 4)
    sample_fps: float = 1.0
    clip_frames: int = 4
    shard_frames: int = 20
    limit_mib: int | None = None


@dataclass(frozen=True)
class Worked:
    """What a worker's process came to.

    Attributes:
        reports: Of its shards.
        loaded_bytes: Memory with the models loaded.
        most_bytes: The most memory from then on.
        first_bytes: What it keeps after the first shards.
        left_bytes: What it keeps after the last one.
    """

    reports: list[ShardReport]
    loaded_bytes: int
    most_bytes: int
    first_bytes: int
    left_bytes: int


def bench_memory(
    options: MemoryOptions,
    on_progress: Callable[[str], None] = lambda text: None,
    run: Callable[..., Run[Worked]] = run_alone,
) -> BenchReport:
    """Measure.

    Args:
        options: What.
        on_progress: Told what comes next.
        run: Runs a worker, so that its memory is its own.
    """
    machine = read_machine()
    figures: list[Figure] = []
    os.environ.update(ALLOCATOR_VARIABLES)  # as a job's workers have them
    with tempfile.TemporaryDirectory(prefix="h3r-bench-") as folder:
        sources = {seconds: Path(folder) / f"{seconds}s" for seconds in options.seconds}
        for seconds, src in sources.items():
            on_progress(f"videos of {seconds} s")
            _write_videos(src, seconds, max(1, max(options.seconds) // seconds))
        for batch_clips in options.batches:
            peaks = []
            for seconds, src in sources.items():
                on_progress(f"{seconds} s in batches of {batch_clips}")
                out = f"{folder}/{seconds}-{batch_clips}"
                status, preset, worked = _annotate(str(src), out, batch_clips, options, run)
                at = f"{preset}, batch {batch_clips}, {seconds} s"
                peaks.append(worked.most_bytes)
                figures += [
                    Figure(
                        f"{at}: most memory",
                        "MiB",
                        (worked.most_bytes / MIB,),
                        note=f"{status.num_frames} frames; {worked.loaded_bytes / MIB:.0f} MiB "
                        "with the models loaded",
                    ),
                    Figure(
                        f"{at}: kept at the end, of kept after the first shards",
                        "ratio",
                        (worked.left_bytes / worked.first_bytes,),
                        at_most=MAX_GROWTH,
                        note=f"{worked.first_bytes / MIB:.0f} and {worked.left_bytes / MIB:.0f} "
                        "MiB",
                    ),
                ]
            figures.append(
                Figure(
                    f"batch {batch_clips}: most memory, longest of shortest",
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


def _write_videos(folder: Path, seconds: int, num_videos: int) -> None:
    """A folder of equal videos, which take the place of one."""
    folder.mkdir()
    first = folder / "00000.mp4"
    first.write_bytes(make_video(seconds))
    for place in range(1, num_videos):
        (folder / f"{place:05d}.mp4").hardlink_to(first)


def _annotate(
    src: str, out: str, batch_clips: int, options: MemoryOptions, run: Callable[..., Run[Worked]]
) -> tuple[JobStatus, str, Worked]:
    """Annotate videos; the job is in this process, its worker where `run` runs it."""
    wanted: dict[str, object] = {
        "fps": options.sample_fps,
        "max_clip_frames": options.clip_frames,
        "max_shard_frames": options.shard_frames,
    }
    job = plan_job(src, out, wanted)
    identity = identify(options.models, job.run.plan, LabelConfig())
    workers: list[Worked] = []

    def run_shards(shards: Sequence[int], settings: WorkerSettings) -> Generator[ShardReport]:
        workers.append(run(_work, shards, settings, options.limit_mib).answer)
        yield from workers[-1].reports

    config = WorkerConfig(batch_clips=batch_clips)
    status = annotate_job(job, identity, options.models, config, run_shards)
    if status.num_failed:
        raise JobError(
            f"{status.num_failed} clips failed, such as {status.first_failures[0]}. Measure less "
            "at once, or allow it more"
        )
    return status, identity.model_preset, workers[0]


def _work(shards: Sequence[int], settings: WorkerSettings, limit_mib: int | None) -> Worked:
    """What a worker's actor does in a job, within a limit.

    Raises:
        JobError: Anything failed within the limit; libraries put it in their own ways.
    """
    if limit_mib is None:
        return _work_through(shards, settings)
    limit_memory(limit_mib * MIB)
    try:
        return _work_through(shards, settings)
    except Exception as error:
        raise JobError(
            f"--limit-mib {limit_mib}: a worker failed within it, {type(error).__name__}: {error}. "
            "Allow it more"
        ) from error


def _work_through(shards: Sequence[int], settings: WorkerSettings) -> Worked:
    """What a worker's actor does in a job."""
    worker = ShardWorker.load(settings)
    loaded_bytes = _kept_bytes()  # loading may take more than work does, and would hide its growth
    with ThreadPoolExecutor(SHARDS_AT_ONCE) as pool:
        reports = list(pool.map(worker.annotate, shards[:SHARDS_AT_ONCE]))
        first_most_bytes = peak_bytes()
        first_bytes = _kept_bytes()
        reports += pool.map(worker.annotate, shards[SHARDS_AT_ONCE:])
    most_bytes = max(first_most_bytes, peak_bytes())
    return Worked(reports, loaded_bytes, most_bytes, first_bytes, _kept_bytes())


def _kept_bytes() -> int:
    """What is resident now; the peak counts anew from it."""
    release_memory()
    restart_peak()
    return peak_bytes()
