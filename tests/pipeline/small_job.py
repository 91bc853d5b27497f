"""A job small enough to run whole: coded videos, the fake network, no Ray."""

from collections.abc import Generator, Sequence
from pathlib import Path

from pipeline.config import LabelConfig, LabelIdentity, WorkerConfig
from pipeline.job import RunShards, annotate_job
from pipeline.ledger import JobStatus
from pipeline.models import Models, ModelSource
from pipeline.planning import PlannedJob, plan_job
from pipeline.report import ShardReport
from pipeline.worker import ShardWorker, WorkerSettings
from schemas.fields import SCHEMA_VERSION
from tests.synthetic import make_video

VIDEO_OF_CODE = {1: "a/walk.mp4", 2: "b/walk.mp4", 3: "tall.mp4"}
NUM_FRAMES = {1: 9, 2: 4, 3: 5}
SOURCE = ModelSource(weights=None, preset="tiny", seed=0, body_model=None)


def make_videos(folder: Path) -> Path:
    """Two videos of one name and size, a portrait one, and a text that calls itself a video.

    With clips of at most 4 frames and shards of at most 8: shard 0 is a/walk.mp4 [0, 4) [3, 7),
    shard 1 is a/walk.mp4 [6, 9), b/walk.mp4 [0, 4) and broken.mp4, shard 2 is tall.mp4
    [0, 4) [3, 5).
    """
    for code, name in VIDEO_OF_CODE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        size = {"width": 96, "height": 128} if name == "tall.mp4" else {}
        make_video(path, NUM_FRAMES[code], clip_id=code, gop=4, **size)
    (folder / "broken.mp4").write_text("no video")
    return folder


def plan_small(source: Path, out: Path, **changes: object) -> PlannedJob:
    """The plan of `make_videos`."""
    return plan_job(str(source), str(out), {"max_clip_frames": 4, "max_shard_frames": 8} | changes)


def identity_of(job: PlannedJob, models: Models, **labels: bool) -> LabelIdentity:
    """What labels of `models` are."""
    return LabelIdentity(
        model_preset=models.network.config.name,
        weights_sha256=models.network.weights_sha256,
        is_untrained=True,
        body_model_sha256=models.body.sha256 if models.body else None,
        schema_version=SCHEMA_VERSION,
        plan=job.run.plan,
        labels=LabelConfig(**labels),
    )


def settings_of(
    job: PlannedJob, models: Models, worker: WorkerConfig | None = None, **labels: bool
) -> WorkerSettings:
    """What a worker of the job is told."""
    return WorkerSettings(
        out=job.store.uri,
        source_root=job.source_root,
        run_id="run",
        models=SOURCE,
        identity=identity_of(job, models, **labels),
        config=worker or WorkerConfig(),
    )


def inline_runner(models: Models) -> RunShards:
    """Runs shards one after another in this process."""

    def run(shards: Sequence[int], settings: WorkerSettings) -> Generator[ShardReport]:
        worker = ShardWorker(settings, models)
        for shard in shards:
            yield worker.annotate(shard)

    return run


def annotate_small(
    job: PlannedJob, models: Models, worker: WorkerConfig | None = None, **labels: bool
) -> JobStatus:
    """Annotate what is not committed yet."""
    return annotate_job(
        job,
        identity_of(job, models, **labels),
        SOURCE,
        worker or WorkerConfig(),
        inline_runner(models),
    )
