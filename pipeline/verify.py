"""Hold a whole OUT to its promises: schemas, keys, hashes, one model, closed accounts.

Reads every byte that a commit names; believes nothing that can be recomputed. What one shard is
held to is in `verify_shard`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from pipeline import layout
from pipeline.ledger import committed_shards
from pipeline.plan import Plan, read_plan
from pipeline.run_file import read_run
from pipeline.storage import Store
from pipeline.verify_shard import Fault, ShardCheck, schema_faults
from schemas.ids import clip_id, shard_id, video_id
from schemas.tables import PLAN_CLIPS, VIDEOS

NUM_SHOWN = 5


@dataclass(frozen=True)
class Verdict:
    """What `verify` found.

    Attributes:
        num_shards: Committed shards that were checked.
        num_clips: Their ledger rows.
        num_files: Files whose hash was recomputed.
        num_bytes: Their size together.
        faults: Everything that is wrong; () is a sound dataset.
    """

    num_shards: int
    num_clips: int
    num_files: int
    num_bytes: int
    faults: tuple[Fault, ...]


def verify(
    store: Store, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> Verdict:
    """Check everything in OUT.

    Args:
        store: OUT.
        on_progress: Called with (shards checked, shards).

    Raises:
        PlanError: OUT holds no plan, or the plan or run.json cannot be read.
    """
    plan = read_plan(store)
    run = read_run(store)
    faults = [*_check_plan(plan)]
    if run is None or run.identity is None:
        message = "missing, or says of no model: labels cannot be told from another model's"
        faults.append(Fault("identity", layout.RUN_FILE, message))
    commits = committed_shards(store)
    planned_shards = plan.clips["shard_index"].to_numpy()
    if (np.diff(planned_shards) < 0).any():
        faults.append(Fault("plan", layout.PLAN_CLIPS, "the clips are not in shard order"))
        order = np.argsort(planned_shards, kind="stable")
        plan, planned_shards = Plan(plan.videos, plan.clips.take(order)), planned_shards[order]
    video_index = plan.videos["video_index"].to_numpy()
    num_clips = num_files = num_bytes = 0
    for place, (shard_index, file) in enumerate(commits.items()):
        first, stop = np.searchsorted(planned_shards, [shard_index, shard_index + 1])
        clips = plan.clips.slice(first, stop - first)
        videos = plan.videos.take(np.flatnonzero(np.isin(video_index, clips["video_index"])))
        identity = run.identity if run else None
        shard = ShardCheck(store, file.path, Plan(videos, clips), identity)
        faults += shard.check()
        num_clips += shard.num_clips
        num_files += shard.num_files
        num_bytes += shard.num_bytes
        on_progress(place + 1, len(commits))
    is_pending = ~np.isin(planned_shards, list(commits))
    if is_pending.any():
        message = (
            f"{int(is_pending.sum())} of {len(is_pending)} planned clips are not accounted for, in "
            f"{len(np.unique(planned_shards[is_pending]))} shards: run h3r annotate again"
        )
        faults.append(Fault("accounting", layout.LEDGER_FOLDER, message))
    return Verdict(len(commits), num_clips, num_files, num_bytes, tuple(faults))


def _check_plan(plan: Plan) -> Iterator[Fault]:
    tables = (
        (layout.PLAN_VIDEOS, plan.videos, VIDEOS),
        (layout.PLAN_CLIPS, plan.clips, PLAN_CLIPS),
    )
    faults = [fault for path, table, spec in tables for fault in schema_faults(path, table, spec)]
    yield from faults
    unplanned = set(plan.videos["video_id"].to_pylist()) - set(plan.clips["video_id"].to_pylist())
    if unplanned:
        message = f"{len(unplanned)} videos have no clip, such as {sorted(unplanned)[:NUM_SHOWN]}"
        yield Fault("plan", layout.PLAN_CLIPS, message)
    if not faults:
        yield from _check_ids(plan)


def _check_ids(plan: Plan) -> Iterator[Fault]:
    """Every identity is the hash of what it names."""
    wrong_videos = [
        row["uri"]
        for row in plan.videos.select(["video_id", "uri", "size_bytes", "etag"]).to_pylist()
        if row["video_id"] != video_id(row["uri"], row["size_bytes"], row["etag"])
    ]
    columns = ["video_id", "shot_index", "start_frame", "end_frame", "frame_index", "frame_pts"]
    wrong_clips = [
        row["clip_id"]
        for row in plan.clips.select(["clip_id", *columns]).to_pylist()
        if row["clip_id"] != clip_id(*(row[name] for name in columns))
    ]
    clips_of_shard: dict[str, list[str]] = {}
    for row in plan.clips.select(["shard_id", "clip_id"]).to_pylist():
        clips_of_shard.setdefault(row["shard_id"], []).append(row["clip_id"])
    wrong_shards = [shard for shard, clips in clips_of_shard.items() if shard != shard_id(clips)]
    for path, kind, wrong in (
        (layout.PLAN_VIDEOS, "videos", wrong_videos),
        (layout.PLAN_CLIPS, "clips", wrong_clips),
        (layout.PLAN_CLIPS, "shards", wrong_shards),
    ):
        if wrong:
            message = f"{len(wrong)} {kind} are not what their id says: {wrong[:NUM_SHOWN]}"
            yield Fault("plan", path, message)
