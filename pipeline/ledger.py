"""Read the ledger: what became of every planned clip, and whether the accounts close."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import layout
from pipeline.plan import read_plan
from pipeline.report import describe_failures
from pipeline.retry_requests import read_request, requested_shards
from pipeline.storage import Store
from pipeline.tables import read_table
from schemas.arrow import empty_table
from schemas.tables import CLIPS

READ_THREADS = 16
MAX_FAILURES_NAMED = 5
FILE_COLUMNS = [f"{kind}_file" for kind in (*layout.ROW_TABLES, "depth")]
"""Columns that name the files of a shard."""
STATUS_COLUMNS = [
    "clip_id",
    "shard_index",
    "uri",
    "start_frame",
    "end_frame",
    "status",
    "error_stage",
    "error_class",
    "error_message",
    "num_frames_planned",
    "num_frames",
    "num_frames_lost",
    "num_people_rows",
    "num_tracks",
]


@dataclass(frozen=True)
class JobStatus:
    """The accounts of a job: planned = done + empty + failed + pending.

    Attributes:
        num_videos: Videos of the plan; of these, `num_videos_failed` cannot be read.
        num_clips: Planned clips.
        num_done: Annotated, with people.
        num_empty: Annotated, nobody seen.
        num_failed: Without labels, with a reason.
        num_pending: In shards that are not committed.
        num_to_retry: Failed ones that are to be done again.
        num_shards: Planned shards; of these, `num_shards_committed` are committed.
        num_frames_planned: Sampled frames of all clips.
        num_frames_pending: Those of clips that are pending or to be done again.
        num_frames: Annotated frames.
        num_frames_lost: Sampled frames of annotated clips that could not be decoded.
        num_people: People rows.
        num_tracks: Track rows.
        failures: Failed clips by "stage/Class".
        first_failures: The first failed clips in words, one each.
    """

    num_videos: int
    num_videos_failed: int
    num_clips: int
    num_done: int
    num_empty: int
    num_failed: int
    num_pending: int
    num_to_retry: int
    num_shards: int
    num_shards_committed: int
    num_frames_planned: int
    num_frames_pending: int
    num_frames: int
    num_frames_lost: int
    num_people: int
    num_tracks: int
    failures: dict[str, int]
    first_failures: tuple[str, ...]

    @property
    def is_finished(self) -> bool:
        """Every planned clip is accounted for."""
        return self.num_pending == 0

    @property
    def is_partial(self) -> bool:
        """Finished, with clips that failed."""
        return self.is_finished and self.num_failed > 0


def committed_shards(store: Store) -> dict[int, str]:
    """The ledger file of every committed shard, by shard index; one listing."""
    paths = [file.path for file in store.list(layout.LEDGER_FOLDER)]
    return {
        shard: path
        for shard, path in ((layout.shard_of(path), path) for path in paths)
        if shard is not None and path == layout.commit_path(shard)
    }


def read_commit(store: Store, shard_index: int) -> pa.Table | None:
    """The ledger rows of a shard, or None while it is not committed."""
    path = layout.commit_path(shard_index)
    return read_table(store, path) if store.info(path) is not None else None


def read_ledger(store: Store, columns: list[str] | None = None) -> pa.Table:
    """All committed rows of the ledger, in shard order."""
    paths = [path for _, path in sorted(committed_shards(store).items())]
    with ThreadPoolExecutor(READ_THREADS) as pool:
        tables = list(pool.map(lambda path: read_table(store, path, columns=columns), paths))
    if not tables:
        table = empty_table(CLIPS)
        return table if columns is None else table.select(columns)
    return pa.concat_tables(tables)


def read_status(store: Store) -> JobStatus:
    """Sum up plan and ledger.

    Raises:
        PlanError: OUT holds no plan.
    """
    plan = read_plan(store, clip_columns=["clip_id", "shard_index", "num_frames"])
    ledger = read_ledger(store, STATUS_COLUMNS)
    status = Counter(ledger["status"].to_pylist())
    failures = Counter(
        f"{stage}/{name}"
        for stage, name in zip(
            ledger["error_stage"].to_pylist(), ledger["error_class"].to_pylist(), strict=True
        )
        if stage is not None
    )
    num_frames_planned = _sum(plan.clips, "num_frames")
    to_retry = _rows_to_retry(store, ledger)
    return JobStatus(
        num_videos=plan.videos.num_rows,
        num_videos_failed=plan.videos["status"].to_pylist().count("failed"),
        num_clips=plan.clips.num_rows,
        num_done=status["done"],
        num_empty=status["empty"],
        num_failed=status["failed"],
        num_pending=plan.clips.num_rows - ledger.num_rows,
        num_to_retry=to_retry.num_rows,
        num_shards=plan.num_shards,
        num_shards_committed=len(set(ledger["shard_index"].to_pylist())),
        num_frames_planned=num_frames_planned,
        num_frames_pending=num_frames_planned
        - _sum(ledger, "num_frames_planned")
        + _sum(to_retry, "num_frames_planned"),
        num_frames=_sum(ledger, "num_frames"),
        num_frames_lost=_sum(ledger, "num_frames_lost"),
        num_people=_sum(ledger, "num_people_rows"),
        num_tracks=_sum(ledger, "num_tracks"),
        failures=dict(failures.most_common()),
        first_failures=tuple(describe_failures(ledger, MAX_FAILURES_NAMED)),
    )


def _rows_to_retry(store: Store, ledger: pa.Table) -> pa.Table:
    """The ledger's rows of failed clips that are to be done again."""
    asked = [read_request(store, shard_index) for shard_index in requested_shards(store)]
    clip_ids = pa.array(sorted(set().union(*asked)), pa.string())
    is_asked = pc.is_in(ledger["clip_id"], clip_ids)
    return ledger.filter(pc.and_(is_asked, pc.equal(ledger["status"], "failed")))


def _sum(table: pa.Table, column: str) -> int:
    return sum(table[column].to_pylist())
