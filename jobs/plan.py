"""`h3r plan SRC OUT`: look at every video, cut clips, pack shards; annotates nothing."""

import dataclasses
import json

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
    as_json: AsJson = False,
) -> None:
    """Probe the videos of SRC and cut them into clips and shards; `annotate` follows the plan."""
    from jobs.progress import ProgressLine
    from pipeline.ledger import read_status
    from pipeline.planning import plan_job

    wanted = plan_fields(
        fps, max_clip_frames, max_shard_frames, include, exclude, limit, follow_links
    )
    with ProgressLine("probe") as progress:
        job = plan_job(src, out, wanted, progress.show)
    status = read_status(job.store)
    if as_json:
        typer.echo(json.dumps({"out": job.store.uri, **dataclasses.asdict(status)}))
        return
    typer.echo(
        f"{job.store.uri}: {status.num_videos} videos ({status.num_videos_failed} cannot be read), "
        f"{status.num_clips} clips, {status.num_frames_planned} frames, {status.num_shards} shards"
    )
    if job.num_new_files:
        typer.echo(f"{job.num_new_files} files of SRC are newer than the plan and not in it")
