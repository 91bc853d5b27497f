"""`h3r annotate SRC OUT`: the main job, from videos to committed tables."""

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.exit_codes import ExitCode
from jobs.options import (
    AsJson,
    Exclude,
    FollowLinks,
    Fps,
    Include,
    Limit,
    MaxClipFrames,
    MaxShardFrames,
    Out,
    Src,
    plan_fields,
)

if TYPE_CHECKING:
    from jobs.progress import AnnotateProgress
    from pipeline.config import LabelIdentity
    from pipeline.ledger import JobStatus

DEFAULT_BATCH_CLIPS = 4
_MODEL = "The model"
_MACHINES = "Where and how fast (never changes a label)"


def annotate(
    src: Src,
    out: Out,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Weights made by `h3r convert-weights`: a path or uri.", rich_help_panel=_MODEL
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Instead of --weights: random weights of this architecture (tiny), for trials.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of random weights.", rich_help_panel=_MODEL)] = 0,
    body_model: Annotated[
        str | None,
        typer.Option(
            help="SMPL-X model file (.npz), a path or uri. Without it transl, joints and boxes "
            "are null.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    ttt3r: Annotated[
        bool | None,
        typer.Option(
            help="Update the state by TTT3R's gate, as the authors' demo does. Default: on.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    depth: Annotated[
        bool | None,
        typer.Option(help="Write dense depth. Default: on.", rich_help_panel=_MODEL),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="In which the network computes: float32 (default), tf32, bfloat16, float16.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    fps: Fps = None,
    max_clip_frames: MaxClipFrames = None,
    max_shard_frames: MaxShardFrames = None,
    include: Include = None,
    exclude: Exclude = None,
    limit: Limit = None,
    follow_links: FollowLinks = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Worker processes. Default: one a GPU of the cluster, or one without GPUs.",
            rich_help_panel=_MACHINES,
        ),
    ] = None,
    num_gpus_per_worker: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="GPUs a worker; may be a fraction, and 0 runs on CPUs. Default: 1 where there are "
            "any.",
            rich_help_panel=_MACHINES,
        ),
    ] = None,
    num_cpus_per_worker: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="CPU cores a worker. Default: this machine's shared out; 1 on a cluster.",
            rich_help_panel=_MACHINES,
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            help="Ray cluster to run on (auto, or HOST:PORT). Default: Ray on this machine.",
            rich_help_panel=_MACHINES,
        ),
    ] = None,
    batch_clips: Annotated[
        int,
        typer.Option(
            min=1,
            help="Clips of one size that go through the network together; a GPU wants 32, and a "
            "--max-shard-frames that holds as many.",
            rich_help_panel=_MACHINES,
        ),
    ] = DEFAULT_BATCH_CLIPS,
    compile_network: Annotated[
        bool,
        typer.Option(
            "--compile",
            help="Have torch.compile fuse the network's small operations: a quarter to a half "
            "more frames a second in 16 bits on a GPU, after a minute's start. Needs a C compiler.",
            rich_help_panel=_MACHINES,
        ),
    ] = False,
    max_failure_rate: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Stop when more than this share of the clips fail, of 20 or more. Default: never.",
            show_default=False,
            rich_help_panel=_MACHINES,
        ),
    ] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Annotate every video of SRC into OUT; run again, it goes on where it stopped."""
    if (weights is None) == (preset is None):
        raise typer.BadParameter(
            "give either --weights FILE (made by h3r convert-weights) or, for a trial with random "
            "weights, --preset tiny"
        )
    from human3r_model.config import PRECISIONS, PRESETS

    if preset is not None and preset not in PRESETS:
        raise typer.BadParameter(f"--preset {preset}: must be one of {', '.join(PRESETS)}")
    if precision is not None and precision not in PRECISIONS:
        raise typer.BadParameter(f"--precision {precision}: must be one of {', '.join(PRECISIONS)}")
    from jobs.progress import AnnotateProgress, PlanProgress
    from pipeline.config import LabelConfig, PlanConfig, WorkerConfig
    from pipeline.job import annotate_job, identify
    from pipeline.ledger import read_status
    from pipeline.models import ModelSource
    from pipeline.planning import plan_job
    from pipeline.ray_runner import RayResources, run_shards

    models = ModelSource(weights, preset, seed, body_model)
    wanted = plan_fields(
        fps, max_clip_frames, max_shard_frames, include, exclude, limit, follow_links
    )
    asked = PlanConfig(**wanted)
    models_identity = identify(models, asked, LabelConfig())  # before all of SRC is read
    with PlanProgress() as probe_progress:
        job = plan_job(src, out, wanted, probe_progress.show, on_cut=probe_progress.show_cut)
    if job.num_new_files:
        _note(f"{job.num_new_files} files of SRC are newer than the plan of OUT and left out")
    given: dict[str, Any] = {"ttt3r": ttt3r, "depth": depth, "precision": precision}
    stored = job.run.identity.labels if job.run.identity else LabelConfig()
    labels = dataclasses.replace(
        stored, **{name: value for name, value in given.items() if value is not None}
    )
    identity = dataclasses.replace(models_identity, plan=job.run.plan, labels=labels)
    _warn(identity)
    resources = RayResources(workers, num_gpus_per_worker, num_cpus_per_worker, address)
    before = read_status(job.store)
    clips_a_shard = before.num_clips / before.num_shards
    if before.num_shards > 1 and max(clips_a_shard, DEFAULT_BATCH_CLIPS) < batch_clips:
        _note(
            f"shards hold {clips_a_shard:.1f} clips on average, and only clips of one shard go "
            f"together: for --batch-clips {batch_clips} plan with --max-shard-frames "
            f"{batch_clips * job.run.plan.max_clip_frames}"
        )
    with AnnotateProgress(
        before.num_clips, before.num_pending + before.num_to_retry, before.num_frames_pending
    ) as progress:
        status = annotate_job(
            job,
            identity,
            models,
            WorkerConfig(batch_clips=batch_clips, is_compiled=compile_network),
            lambda shards, settings: run_shards(shards, settings, resources),
            progress.add,
            max_failure_rate,
        )
    if as_json:
        typer.echo(json.dumps(_summary(job.store.uri, status, identity, progress)))
    else:
        for line in _summary_lines(job.store.uri, status, identity, progress):
            typer.echo(line)
    if status.is_partial:
        raise typer.Exit(ExitCode.PARTIAL)


def _warn(identity: "LabelIdentity") -> None:
    if identity.is_untrained:
        _note(f"{identity.model_preset} with random weights: untrained, these are not labels")
    if identity.body_model_sha256 is None:
        _note("no --body-model: transl, transl_world, joints and boxes will be null")


def _note(text: str) -> None:
    sys.stderr.write(f"note: {text}\n")


def _summary(
    uri: str, status: "JobStatus", identity: "LabelIdentity", progress: "AnnotateProgress"
) -> dict[str, object]:
    return {
        "out": uri,
        **dataclasses.asdict(status),
        "run_frames": progress.num_frames,
        "run_seconds": round(progress.seconds, 3),
        "run_frames_per_s": round(progress.num_frames / progress.seconds, 3),
        "model_preset": identity.model_preset,
        "weights_sha256": identity.weights_sha256,
        "is_untrained": identity.is_untrained,
        "body_model_sha256": identity.body_model_sha256,
        "config_hash": identity.config_hash,
    }


def _summary_lines(
    uri: str, status: "JobStatus", identity: "LabelIdentity", progress: "AnnotateProgress"
) -> list[str]:
    from jobs.summary import account_lines

    seconds, num_frames = progress.seconds, progress.num_frames
    if progress.num_clips:
        run = f"{num_frames} frames in {seconds:.1f} s, {num_frames / seconds:.1f} frames/s"
    else:
        run = "nothing to do"
    lines = [*account_lines(uri, status), f"this run: {run}"]
    if identity.is_untrained:
        lines.append("untrained: random weights, not labels")
    return lines
