"""`h3r plan SRC OUT`: look at every video, cut clips, pack shards; annotates nothing."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    from pipeline.estimate import Estimate, Speed


def plan(
    src: Src,
    out: Out,
    fps: Fps = None,
    max_clip_frames: MaxClipFrames = None,
    max_shard_frames: MaxShardFrames = None,
    include: Include = None,
    exclude: Exclude = None,
    limit: Limit = None,
    follow_links: FollowLinks = None,
    estimate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Plan nothing; say what SRC would cost, from a look at 1 % of it and a report of "
            "h3r bench pipeline (--json FILE) with your preset and precision, on a machine such as "
            "yours.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Probe the videos of SRC and cut them into clips and shards; `annotate` follows the plan."""
    import pyarrow.compute as pc

    from jobs.progress import PlanProgress
    from pipeline.ledger import read_status
    from pipeline.plan import read_plan
    from pipeline.planning import plan_job
    from pipeline.probing import name_some

    wanted = plan_fields(
        fps, max_clip_frames, max_shard_frames, include, exclude, limit, follow_links
    )
    if estimate is not None:
        _show_estimate(_estimate(src, out, wanted, estimate), as_json)
        return
    with PlanProgress() as progress:
        job = plan_job(src, out, wanted, progress.show, on_cut=progress.show_cut)
    status = read_status(job.store)
    if as_json:
        typer.echo(json.dumps({"out": job.store.uri, **dataclasses.asdict(status)}))
        return
    typer.echo(
        f"{job.store.uri}: {status.num_videos} videos ({status.num_videos_failed} cannot be read), "
        f"{status.num_clips} clips, {status.num_frames_planned} frames, {status.num_shards} shards"
    )
    if status.num_videos_failed:
        videos = read_plan(job.store, [], ["status", "error_message"]).videos
        unreadable = videos.filter(pc.equal(videos["status"], "failed"))["error_message"]
        typer.echo(f"cannot be read:{name_some(unreadable.to_pylist())}")
    if job.num_new_files:
        typer.echo(f"{job.num_new_files} files of SRC are newer than the plan and not in it")


def _estimate(src: str, out: str, wanted: dict[str, Any], report: Path) -> "Estimate":
    from bench.speed import read_speed
    from jobs.progress import ProgressLine
    from pipeline.config import PlanConfig
    from pipeline.estimate import estimate_cost
    from pipeline.source import list_source
    from pipeline.storage import Store

    speed = read_speed(report)
    config = PlanConfig(**wanted)
    source = list_source(
        src,
        config.include,
        config.exclude,
        config.limit,
        leave_out=Store(out).uri,
        follow_links=config.follow_links,
    )
    with ProgressLine("probe") as progress:
        return estimate_cost(source, config, speed, progress.show)


def _show_estimate(found: "Estimate", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found)))
        return
    typer.echo(
        f"{found.num_videos} videos, of which {found.num_probed} were looked at "
        f"({found.num_probed_failed} cannot be read)\n"
        f"about {found.num_frames:,} frames (± {found.num_frames_spread:,}), "
        f"{found.num_clips:,} clips, {found.num_shards:,} shards\n"
        f"{_hours(found)}, {_size(found.output_bytes)}, "
        f"{found.num_puts:,} requests that write, {found.num_gets:,} that read\n"
        f"{_what_it_holds_for(found.speed)}"
    )


def _hours(found: "Estimate") -> str:
    """Of whom, and in minutes where it is less than an hour."""
    from bench.report import number

    speed = found.speed
    unit, hours = ("GPU", found.gpu_hours) if speed.is_gpu else ("CPU", found.cpu_hours)
    assert hours is not None
    time = f"{number(hours)} {unit}-hours" if hours >= 1 else f"{number(60 * hours)} {unit}-minutes"
    cores = "" if speed.is_gpu else f"; {speed.num_cores} cores"
    return f"{time} ({_network(speed)}, {speed.device}{cores})"


def _size(num_bytes: int) -> str:
    from bench.report import number

    is_large = num_bytes >= 1e9
    return f"{number(num_bytes / 1e9)} GB" if is_large else f"{number(num_bytes / 1e6)} MB"


def _network(speed: "Speed") -> str:
    return f"{speed.preset}, {speed.precision}" + (", compiled" if speed.is_compiled else "")


def _what_it_holds_for(speed: "Speed") -> str:
    if speed.is_gpu:
        return (
            f"measured with {_network(speed)} on {speed.device}: no estimate for another preset, "
            "precision or GPU"
        )
    return (
        f"measured with {_network(speed)} on a CPU: NO ESTIMATE FOR A GPU, nor for another preset "
        "or precision. Measure where it is to run: h3r bench pipeline SRC --json FILE"
    )
