"""Read the ledger: what became of every planned clip, and whether the accounts close."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import layout
from pipeline.digest import COMMITS_A_DIGEST, read_digests, write_digests
from pipeline.plan import read_plan
from pipeline.report import describe_failures
from pipeline.retry_requests import read_request, requested_shards
from pipeline.storage import Store, StoredFile
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
DIGEST_COLUMNS = list(dict.fromkeys([*STATUS_COLUMNS, "error_is_transient", *FILE_COLUMNS]))
"""What digests hold: all that is asked of every clip at once."""


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


def committed_shards(store: Store) -> dict[int, StoredFile]:
    """The ledger file of every committed shard, by shard index, in order; one listing."""
    files = [(layout.shard_of(file.path), file) for file in store.list(layout.LEDGER_FOLDER)]
    commits = {
        shard: file
        for shard, file in files
        if shard is not None and file.path == layout.commit_path(shard)
    }
    return dict(sorted(commits.items()))


def read_commit(store: Store, shard_index: int) -> pa.Table | None:
    """The ledger rows of a shard, or None while it is not committed."""
    path = layout.commit_path(shard_index)
    return read_table(store, path) if store.info(path) is not None else None


def read_ledger(store: Store, columns: list[str] | None = None) -> pa.Table:
    """All committed rows of the ledger, in shard order; out of digests where they have them."""
    commits = committed_shards(store)
    digested = []
    if columns is not None and set(columns) <= set(DIGEST_COLUMNS):
        digested = read_digests(store, commits, columns)
    has_rows: set[int] = set().union(*(set(rows["shard_index"].to_pylist()) for rows in digested))
    others = [file for shard, file in commits.items() if shard not in has_rows]
    wanted = None if columns is None else list(dict.fromkeys(["shard_index", *columns]))
    tables = [*digested, *_read_commits(store, others, wanted)]
    if not tables:
        table = empty_table(CLIPS)
        return table if columns is None else table.select(columns)
    ledger = pa.concat_tables([table.select(tables[-1].column_names) for table in tables])
    if digested:
        ledger = ledger.sort_by("shard_index")
    return ledger if columns is None else ledger.select(columns)


def digest_ledger(store: Store, commits_a_digest: int = COMMITS_A_DIGEST) -> int:
    """Copy the rows of commits, where there are many, to where they are read at once.

    Args:
        store: OUT.
        commits_a_digest: As many commits go into one digest.

    Returns:
        Digests written.
    """
    return write_digests(
        store,
        committed_shards(store),
        lambda files: _read_commits(store, files, DIGEST_COLUMNS),
        commits_a_digest,
    )


def read_status(store: Store) -> JobStatus:
    """Sum up plan and ledger.

    Raises:
        PlanError: OUT holds no plan.
    """
    plan = read_plan(store, clip_columns=["shard_index", "num_frames"], video_columns=["status"])
    ledger = read_ledger(store, STATUS_COLUMNS)
    status = _counts(ledger["status"])
    errors = ledger.filter(pc.is_valid(ledger["error_stage"]))
    failures = Counter(
        f"{stage}/{name}"
        for stage, name in zip(
            errors["error_stage"].to_pylist(), errors["error_class"].to_pylist(), strict=True
        )
    )
    num_frames_planned = _sum(plan.clips, "num_frames")
    to_retry = _rows_to_retry(store, ledger)
    return JobStatus(
        num_videos=plan.videos.num_rows,
        num_videos_failed=_counts(plan.videos["status"])["failed"],
        num_clips=plan.clips.num_rows,
        num_done=status["done"],
        num_empty=status["empty"],
        num_failed=status["failed"],
        num_pending=plan.clips.num_rows - ledger.num_rows,
        num_to_retry=to_retry.num_rows,
        num_shards=plan.num_shards,
        num_shards_committed=pc.count_distinct(ledger["shard_index"]).as_py(),
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


def _read_commits(
    store: Store, files: Sequence[StoredFile], columns: list[str] | None
) -> list[pa.Table]:
    with ThreadPoolExecutor(READ_THREADS) as pool:
        read = pool.map(lambda file: read_table(store, file.path, columns=columns), files)
        return list(read)


def _rows_to_retry(store: Store, ledger: pa.Table) -> pa.Table:
    """The ledger's rows of failed clips that are to be done again."""
    asked = [read_request(store, shard_index) for shard_index in requested_shards(store)]
    clip_ids = pa.array(sorted(set().union(*asked)), pa.string())
    is_asked = pc.is_in(ledger["clip_id"], clip_ids)
    return ledger.filter(pc.and_(is_asked, pc.equal(ledger["status"], "failed")))


def _counts(column: pa.ChunkedArray) -> Counter[str]:
    """How often each value stands in a column."""
    return Counter({pair["values"]: pair["counts"] for pair in column.value_counts().to_pylist()})


def _sum(table: pa.Table, column: str) -> int:
    return int(pc.sum(table[column]).as_py() or 0)
