"""Hold a whole OUT to its promises: schemas, keys, hashes, one model, closed accounts.

Reads every byte that a commit names; believes nothing that can be recomputed.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import layout
from pipeline.config import LabelIdentity
from pipeline.errors import H3RError, StorageError
from pipeline.ledger import committed_shards
from pipeline.plan import Plan, read_plan
from pipeline.run_file import read_run
from pipeline.storage import Store
from pipeline.tables import ROW_SPECS, read_table
from schemas.arrow import empty_table
from schemas.checks import validate_table
from schemas.errors import SchemasError
from schemas.fields import TableSpec
from schemas.keys import check_keys
from schemas.tables import CLIPS, PLAN_CLIPS, VIDEOS

IDENTITY_COLUMNS = (
    "weights_sha256",
    "model_preset",
    "is_untrained",
    "body_model_sha256",
    "config_hash",
    "schema_version",
)
PLANNED_COLUMNS = ("clip_id", "video_id", "shard_id", "shot_index", "start_frame", "end_frame")


@dataclass(frozen=True)
class Fault:
    """One broken promise.

    Attributes:
        check: What was looked at: plan, accounting, schema, keys, hash, identity or frames.
        subject: The file or the shard.
        message: What is wrong, with values and ids.
    """

    check: str
    subject: str
    message: str


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
        PlanError: OUT holds no plan.
    """
    plan = read_plan(store)
    run = read_run(store)
    faults = [*_check_plan(plan)]
    if run is None or run.identity is None:
        message = "missing, or says of no model: labels cannot be told from another model's"
        faults.append(Fault("identity", layout.RUN_FILE, message))
    commits = committed_shards(store)
    planned_shards = plan.clips["shard_index"].to_numpy()
    num_clips = num_files = num_bytes = 0
    for place, (shard_index, path) in enumerate(sorted(commits.items())):
        planned = plan.clips.filter(pa.array(planned_shards == shard_index))
        shard = _Shard(store, path, planned, run.identity if run else None)
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
    for path, table, spec in tables:
        yield from _schema_faults(path, table, spec)
    unplanned = set(plan.videos["video_id"].to_pylist()) - set(plan.clips["video_id"].to_pylist())
    if unplanned:
        message = f"{len(unplanned)} videos have no clip, such as {sorted(unplanned)[:5]}"
        yield Fault("plan", layout.PLAN_CLIPS, message)


def _schema_faults(path: str, table: pa.Table, spec: TableSpec) -> Iterator[Fault]:
    try:
        validate_table(table, spec)
    except SchemasError as error:
        yield Fault("schema", path, str(error))


class _Shard:
    """One committed shard under examination."""

    def __init__(
        self, store: Store, path: str, planned: pa.Table, identity: LabelIdentity | None
    ) -> None:
        self._store = store
        self._path = path
        self._planned = planned
        self._identity = identity
        self._faults: list[Fault] = []
        self.num_clips = self.num_files = self.num_bytes = 0

    def check(self) -> list[Fault]:
        """Everything that is wrong with the shard."""
        try:
            ledger = read_table(self._store, self._path)
        except StorageError as error:
            return [Fault("schema", self._path, str(error))]
        self._faults += _schema_faults(self._path, ledger, CLIPS)
        if self._faults:
            return self._faults
        self.num_clips = ledger.num_rows
        self._check_accounts(ledger)
        self._check_identity(ledger)
        tables = {spec.name: self._read_rows(ledger, spec) for spec in ROW_SPECS}
        self._check_depth_objects(ledger)
        if not self._faults:
            self._check_keys(ledger, tables)
            self._check_frames(tables["frames"])
        return self._faults

    def _fault(self, check: str, subject: str, message: str) -> None:
        self._faults.append(Fault(check, subject, message))

    def _check_accounts(self, ledger: pa.Table) -> None:
        """The ledger's rows are the plan's clips, one for one."""
        wanted = {tuple(row.values()) for row in self._planned.select(PLANNED_COLUMNS).to_pylist()}
        found = {tuple(row.values()) for row in ledger.select(PLANNED_COLUMNS).to_pylist()}
        for text, clips in (
            ("planned clips are not in the ledger", wanted - found),
            ("ledger rows are not of the plan", found - wanted),
        ):
            if clips:
                shown = ", ".join(str(clip[0]) for clip in sorted(clips)[:5])
                self._fault("accounting", self._path, f"{len(clips)} {text}: {shown}")

    def _check_identity(self, ledger: pa.Table) -> None:
        if self._identity is None:
            return
        for name in IDENTITY_COLUMNS:
            expected = getattr(self._identity, name)
            others = set(ledger[name].to_pylist()) - {expected}
            if others:
                message = f"{name} is {sorted(map(str, others))}, run.json says {expected}"
                self._fault("identity", self._path, message)

    def _read_rows(self, ledger: pa.Table, spec: TableSpec) -> pa.Table:
        """The shard's rows of one table, with hash and schema checked."""
        named = ledger.select(
            [f"{spec.name}_{part}" for part in ("file", "sha256", "size_bytes")]
        ).to_pylist()
        pieces = []
        for path, sha256, _ in sorted(
            {tuple(row.values()) for row in named if None not in row.values()}
        ):
            data = self._read_hashed(path, sha256)
            if data is None:
                continue
            try:
                table = pq.read_table(pa.BufferReader(data))
            except pa.ArrowInvalid as error:
                self._fault("schema", path, f"not a Parquet file: {error}")
                continue
            self._check_metadata(path, table)
            self._faults += _schema_faults(path, table, spec)
            pieces.append(table.replace_schema_metadata(None))
        return pa.concat_tables(pieces) if pieces else empty_table(spec)

    def _check_metadata(self, path: str, table: pa.Table) -> None:
        if self._identity is None:
            return
        metadata = table.schema.metadata or {}
        found = metadata.get(b"h3r.weights_sha256", b"").decode()
        if found != self._identity.weights_sha256:
            expected = self._identity.weights_sha256
            self._fault("identity", path, f"made with weights {found or 'unnamed'}, not {expected}")

    def _check_depth_objects(self, ledger: pa.Table) -> None:
        for path, sha256 in zip(
            ledger["depth_file"].to_pylist(), ledger["depth_sha256"].to_pylist(), strict=True
        ):
            if path is not None:
                self._read_hashed(path, sha256)

    def _read_hashed(self, path: str, sha256: str) -> bytes | None:
        """A file's bytes if they are those that were committed."""
        try:
            data = self._store.read(path)
        except H3RError as error:
            self._fault("hash", path, f"named by a commit, but cannot be read: {error}")
            return None
        self.num_files += 1
        self.num_bytes += len(data)
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            self._fault("hash", path, f"sha256 is {found}, the commit says {sha256}")
            return None
        return data

    def _check_keys(self, ledger: pa.Table, tables: dict[str, pa.Table]) -> None:
        try:
            check_keys(ledger, *(tables[spec.name] for spec in ROW_SPECS))
        except SchemasError as error:
            self._fault("keys", self._path, str(error))

    def _check_frames(self, frames: pa.Table) -> None:
        """Every frame row is the planned frame at its place in the clip, with its time stamp."""
        planned = {
            row["clip_id"]: row
            for row in self._planned.select(["clip_id", "frame_index", "frame_pts"]).to_pylist()
        }
        columns = ["clip_id", "clip_frame", "frame_index", "pts"]
        wrong = []
        for row in frames.select(columns).to_pylist():
            clip, place = planned[row["clip_id"]], row["clip_frame"]
            expected = (
                (clip["frame_index"][place], clip["frame_pts"][place])
                if place < len(clip["frame_index"])
                else None
            )
            if (row["frame_index"], row["pts"]) != expected:
                wrong.append(f"{row} instead of {expected}")
        if wrong:
            message = f"{len(wrong)} rows are not of the planned frame: {'; '.join(wrong[:5])}"
            self._fault("frames", self._path, message)
