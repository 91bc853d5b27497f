"""`h3r bench pipeline`: the whole job against the bare network, on the same frames.

Both run in this process, in turns, with the same number of threads for the network: first the
network alone over frames that lie decoded in memory, then a worker as the job runs it, from the
videos to committed tables. What Ray adds is in `bench scale`.
"""

import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bench.ceilings import measure_ceilings
from bench.machine import read_machine
from bench.report import BenchReport, Figure
from human3r_model.config import Precision
from human3r_model.model import Human3R
from human3r_model.preprocess import image_geometry
from human3r_model.values import HeadSelection
from pipeline.config import SHARDS_AT_ONCE, LabelConfig, PlanConfig, WorkerConfig
from pipeline.errors import ProbeError
from pipeline.frames import open_frames
from pipeline.inference import ClipInput, to_device
from pipeline.job import annotate_job, identify
from pipeline.ledger import read_ledger
from pipeline.models import Models, ModelSource, load_models
from pipeline.plan import PlannedClip, PlanReader, read_plan
from pipeline.planning import PlannedJob, plan_job
from pipeline.report import ShardReport
from pipeline.retries import Retries
from pipeline.rows import clip_times_s
from pipeline.storage import Store
from pipeline.worker import ShardWorker, WorkerSettings, make_batches

MIN_EFFICIENCY = 0.97
ENOUGH_SHARDS = 4
"""Two are under way at once: with fewer than twice as many, that is so for half of the time."""
WHOLE_JOB, WRITTEN = "whole job", "written"
"""Figures that `h3r plan --estimate` takes."""
PHASES = ("decode_s", "network_s", "depth_s", "body_s", "write_s")
Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class PipelineOptions:
    """What is measured.

    Attributes:
        src: Videos.
        models: The network and the body model.
        worker: As the job runs it.
        num_threads: Of the network on a CPU; the rest of the cores is for everything else.
        repeats: Of the pair; one more goes before, to warm up.
        precision: In which the network computes.
        and_without_depth: The job that writes no depth is run too, in turns with them.
    """

    src: str
    models: ModelSource
    worker: WorkerConfig
    num_threads: int
    repeats: int
    precision: Precision = "float32"
    and_without_depth: bool = False


def bench_pipeline(
    options: PipelineOptions, on_progress: Callable[[str], None] = lambda text: None
) -> BenchReport:
    """Measure; `on_progress` is told what comes next."""
    torch.set_num_threads(options.num_threads)
    machine = read_machine()
    models = load_models(
        options.models,
        options.worker.device,
        options.precision,
        is_compiled=options.worker.is_compiled,
    )
    bare_fps, job_fps, efficiency, of_no_depth, written_bytes = [], [], [], [], []
    phases: dict[str, list[float]] = {name: [] for name in PHASES}
    with (
        tempfile.TemporaryDirectory(prefix="h3r-bench-") as folder,
        ThreadPoolExecutor(SHARDS_AT_ONCE) as pool,  # as an actor's threads, which live as long
    ):
        job = plan_job(options.src, f"{folder}/frames", _plan(options.worker))
        num_shards = read_plan(job.store, ["shard_index"], []).num_shards
        batches = _decode_all(job, models, options.worker)
        num_frames = sum(len(clip) for batch in batches for clip in batch)
        for repeat in range(options.repeats + 1):
            on_progress(f"pair {repeat} of {options.repeats} ({num_frames} frames)")
            bare_s = _run_bare(models.network.model, batches, options.worker)
            out = f"{folder}/{repeat}"
            job_s, ledger = _run_job(out, options, models, pool)
            no_depth_s = None
            if options.and_without_depth:
                no_depth_s, _ = _run_job(f"{out}-no-depth", options, models, pool, has_depth=False)
            if repeat == 0:
                continue
            if no_depth_s is not None:
                of_no_depth.append(no_depth_s / job_s)
            bare_fps.append(num_frames / bare_s)
            job_fps.append(num_frames / job_s)
            efficiency.append(bare_s / job_s)
            written_bytes.append(sum(file.size_bytes for file in Store(out).list()) / num_frames)
            for name in PHASES:
                phases[name].append(1000 * sum(ledger[name]) / num_frames)
    return BenchReport(
        bench="pipeline",
        machine=machine,
        settings={
            "preset": models.network.config.name,
            "precision": options.precision,
            "compiled": options.worker.is_compiled,
            "frames": num_frames,
            "clips": sum(map(len, batches)),
            "shards": num_shards,
            "batch_clips": options.worker.batch_clips,
            "largest_batch": max(map(len, batches)),
            "encode_frames": options.worker.encode_frames,
            "network_threads": options.num_threads,
            "warm_up": 1,
            "repeats": options.repeats,
        },
        figures=(
            *measure_ceilings(models.device, options.precision),
            Figure("network alone", "frames/s", tuple(bare_fps), note="the ceiling"),
            Figure(WHOLE_JOB, "frames/s", tuple(job_fps)),
            Figure(
                "whole job, of the network alone",
                "ratio",
                tuple(efficiency),
                at_least=MIN_EFFICIENCY,
                note=_filling_note(num_shards),
            ),
            *_depth_figures(of_no_depth),
            Figure(WRITTEN, "bytes/frame", tuple(written_bytes)),
            *(
                Figure(f"work a frame: {name.removesuffix('_s')}", "ms", tuple(values))
                for name, values in phases.items()
            ),
        ),
        not_measured=("Ray, and other workers on the machine: see bench scale",),
    )


def _filling_note(num_shards: int) -> str:
    if num_shards >= ENOUGH_SHARDS:
        return ""
    return (
        f"of {num_shards} shards only, so mostly of filling and draining: nothing overlaps the "
        f"first's decoding and the last's writing. {ENOUGH_SHARDS} batches of videos say more"
    )


def _depth_figures(of_no_depth: Sequence[float]) -> Iterator[Figure]:
    if of_no_depth:
        yield Figure(
            "whole job, of the job without depth",
            "ratio",
            tuple(of_no_depth),
            note="the network computes points in both: the focal length comes from them",
        )


def _plan(worker: WorkerConfig) -> dict[str, int]:
    """Shards that hold a batch, as a large corpus should be planned."""
    return {"max_shard_frames": worker.batch_clips * PlanConfig.max_clip_frames}


def _decode_all(
    job: PlannedJob, models: Models, worker: WorkerConfig
) -> list[list[list[Pictures]]]:
    """The frames of all clips as the network sees them, batch by batch as a worker forms them."""
    batches, plan = [], PlanReader(job.store)
    for shard in range(read_plan(job.store, ["shard_index"], []).num_shards):
        clips = {clip.clip_id: clip for clip in plan.read_shard(shard)}
        inputs = [_as_input(clip, job.source_root, models) for clip in clips.values()]
        for batch in make_batches(inputs, worker.batch_clips, worker.decode_bytes):
            decoded = [[frame.rgb for frame in clip.open_frames()] for clip in batch]
            batches.append(sorted(decoded, key=len, reverse=True))  # frames may be lost
    return batches


def _as_input(clip: PlannedClip, root: str, models: Models) -> ClipInput:
    if clip.probe_error is not None:
        raise ProbeError(f"{clip.probe_error[1]}. Measure with videos that can be read")
    geometry = image_geometry(clip.width, clip.height, models.network.config.long_side)
    return ClipInput(
        clip_id=clip.clip_id,
        geometry=geometry,
        times_s=clip_times_s(clip),
        open_frames=lambda: open_frames(clip, root, geometry, Retries()),
    )


def _run_bare(model: Human3R, batches: list[list[list[Pictures]]], worker: WorkerConfig) -> float:
    """Seconds for the network alone."""
    began_s = time.perf_counter()
    with torch.inference_mode():
        for batch in batches:
            _run_batch(model, batch, worker.encode_frames)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began_s


def _run_batch(model: Human3R, clips: list[list[Pictures]], encode_frames: int) -> None:
    """Advance clips, longest first, to their ends; nothing is done with what is predicted."""
    device = next(model.parameters()).device
    heads = HeadSelection(pointmap=True)
    state = model.initial_state(len(clips))
    for start in range(0, len(clips[0]), encode_frames):
        chunks = [clip[start : start + encode_frames] for clip in clips]
        chunks = [chunk for chunk in chunks if chunk]
        pictures = [picture for chunk in chunks for picture in chunk]
        features = model.encode(to_device(pictures, device), heads)
        starts = np.cumsum([0, *map(len, chunks)])
        for offset in range(len(chunks[0])):
            live = sum(offset < len(chunk) for chunk in chunks)
            if live < len(state):
                state = state.select(torch.arange(live, device=device))
            rows = torch.from_numpy(starts[:live] + offset).to(device)
            _, state = model.step(features.select(rows), state, ttt3r=True, heads=heads)


def _run_job(
    out: str,
    options: PipelineOptions,
    models: Models,
    pool: ThreadPoolExecutor,
    *,
    has_depth: bool = True,
) -> tuple[float, dict[str, list[float]]]:
    """Seconds of the worker over all shards, and the ledger's seconds by phase."""
    job = plan_job(options.src, out, _plan(options.worker))
    seconds = 0.0

    def run_shards(shards: Sequence[int], settings: WorkerSettings) -> Generator[ShardReport]:
        nonlocal seconds
        worker = ShardWorker(settings, models)
        began_s = time.perf_counter()
        yield from pool.map(worker.annotate, shards)
        seconds = time.perf_counter() - began_s

    labels = LabelConfig(precision=options.precision, depth=has_depth)
    identity = identify(options.models, job.run.plan, labels)
    status = annotate_job(job, identity, options.models, options.worker, run_shards)
    assert status.num_failed == 0, status.first_failures
    ledger = read_ledger(Store(out), list(PHASES))
    return seconds, {name: ledger[name].to_pylist() for name in PHASES}


def default_threads(num_cores: int) -> int:
    """Of the network: one core is left for decoding, depth and writing, where there are two."""
    return max(1, num_cores - 1)
