"""One committed shard under examination: its ledger rows, its files, and how they fit the plan."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import layout
from pipeline.config import LabelIdentity
from pipeline.depth import check_depth_object
from pipeline.errors import DepthError, H3RError, StorageError
from pipeline.outcome import provenance_of
from pipeline.plan import Plan
from pipeline.storage import Store
from pipeline.tables import ROW_SPECS, read_table
from schemas.arrow import empty_table
from schemas.checks import validate_table
from schemas.errors import SchemasError
from schemas.fields import TableSpec
from schemas.keys import check_keys
from schemas.metadata import PREFIX, table_metadata
from schemas.tables import CLIPS

NUM_SHOWN = 5
IDENTITY_COLUMNS = (
    "weights_sha256",
    "model_preset",
    "is_untrained",
    "body_model_sha256",
    "config_hash",
    "schema_version",
)
"""Columns of the ledger, and keys of the tables' metadata."""
PLANNED_COLUMNS = (
    "clip_id",
    "video_id",
    "shard_id",
    "video_index",
    "shot_index",
    "start_frame",
    "end_frame",
    "start_time_s",
    "end_time_s",
)
SPAN_COLUMNS = ("depth_file", "depth_index", "depth_byte_offset", "depth_byte_length")
FRAME_COLUMNS = ("clip_frame", "frame_index", "pts", "time_s", "is_seam")


@dataclass(frozen=True)
class Fault:
    """One broken promise.

    Attributes:
        check: What was looked at: plan, accounting, schema, keys, hash, depth, identity or frames.
        subject: The file.
        message: What is wrong, with values and ids.
    """

    check: str
    subject: str
    message: str


def schema_faults(path: str, table: pa.Table, spec: TableSpec) -> Iterator[Fault]:
    """What keeps the table of a file from being one of `spec`."""
    try:
        validate_table(table, spec)
    except SchemasError as error:
        yield Fault("schema", path, str(error))


class ShardCheck:
    """One committed shard; `check` it once, then read the counts.

    Attributes:
        num_clips: Ledger rows.
        num_files: Files whose hash was recomputed.
        num_bytes: Their size together.
    """

    def __init__(self, store: Store, path: str, plan: Plan, identity: LabelIdentity | None) -> None:
        """Look at nothing yet.

        Args:
            store: OUT.
            path: The shard's ledger file.
            plan: Of this shard alone.
            identity: What the labels must be made with; None where run.json does not say.
        """
        self._store = store
        self._path = path
        self._plan = plan
        self._identity = identity
        self._faults: list[Fault] = []
        self.num_clips = self.num_files = self.num_bytes = 0

    def check(self) -> list[Fault]:
        """Everything that is wrong with the shard."""
        try:
            ledger = read_table(self._store, self._path)
        except StorageError as error:
            return [Fault("schema", self._path, str(error))]
        self._faults += schema_faults(self._path, ledger, CLIPS)
        if self._faults:
            return self._faults
        self.num_clips = ledger.num_rows
        self._check_accounts(ledger)
        self._check_identity(ledger)
        tables = {spec.name: self._read_rows(ledger, spec) for spec in ROW_SPECS}
        depth_spans = self._read_depth_spans(ledger)
        if not self._faults:
            self._check_keys(ledger, tables)
            self._check_frames(tables["frames"])
            self._check_depth(tables["frames"], depth_spans)
        return self._faults

    def _fault(self, check: str, subject: str, message: str) -> None:
        self._faults.append(Fault(check, subject, message))

    def _check_accounts(self, ledger: pa.Table) -> None:
        """The ledger's rows are the plan's clips, one for one."""
        wanted = _values(self._plan.clips, (*PLANNED_COLUMNS, "shard_index", "num_frames"))
        found = _values(ledger, (*PLANNED_COLUMNS, "shard_index", "num_frames_planned"))
        for text, clips in (
            ("planned clips are not in the ledger", wanted - found),
            ("ledger rows are not of the plan", found - wanted),
        ):
            if clips:
                shown = ", ".join(str(clip[0]) for clip in sorted(clips)[:NUM_SHOWN])
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
        """The shard's rows of one table, from files with the right hash and schema."""
        pieces = []
        for path, sha256, size_bytes in sorted(_named_files(ledger, spec.name)):
            data = self._read_hashed(path, sha256, size_bytes)
            if data is None:
                continue
            try:
                table = pq.read_table(pa.BufferReader(data))
            except (pa.ArrowException, OSError) as error:
                self._fault("schema", path, f"not a Parquet file: {error}")
                continue
            self._check_metadata(path, spec, table)
            faults = list(schema_faults(path, table, spec))
            self._faults += faults
            if not faults:
                pieces.append(table.replace_schema_metadata(None))
        return pa.concat_tables(pieces) if pieces else empty_table(spec)

    def _check_metadata(self, path: str, spec: TableSpec, table: pa.Table) -> None:
        """The file itself says that it was made with the run's model and configuration."""
        if self._identity is None:
            return
        found = table.schema.metadata or {}
        expected = table_metadata(spec, provenance_of(self._identity, code_version=""))
        for name in IDENTITY_COLUMNS:
            text = found.get(f"{PREFIX}{name}".encode(), b"nothing").decode()
            if text != expected[f"{PREFIX}{name}"]:
                message = f"its metadata says {name} {text}, not {expected[f'{PREFIX}{name}']}"
                self._fault("identity", path, message)

    def _read_depth_spans(self, ledger: pa.Table) -> set[tuple]:
        """SPAN_COLUMNS of every picture in the shard's depth objects, all of them whole."""
        spans: set[tuple] = set()
        for path, sha256, size_bytes in sorted(_named_files(ledger, layout.DEPTH_FOLDER)):
            data = self._read_hashed(path, sha256, size_bytes)
            if data is None:
                continue
            try:
                found = check_depth_object(data)
            except DepthError as error:
                self._fault("depth", path, str(error))
                continue
            spans |= {(path, place, *span) for place, span in enumerate(found)}
        return spans

    def _read_hashed(self, path: str, sha256: str, size_bytes: int) -> bytes | None:
        """A file's bytes if they are those that were committed."""
        try:
            data = self._store.read(path)
        except H3RError as error:
            self._fault("hash", path, f"named by a commit, but cannot be read: {error}")
            return None
        self.num_files += 1
        self.num_bytes += len(data)
        found = hashlib.sha256(data).hexdigest()
        if (found, len(data)) != (sha256, size_bytes):
            stated = f"the commit says {size_bytes} with {sha256}"
            self._fault("hash", path, f"{len(data)} bytes with sha256 {found}, {stated}")
            return None
        return data

    def _check_keys(self, ledger: pa.Table, tables: dict[str, pa.Table]) -> None:
        try:
            check_keys(ledger, *(tables[spec.name] for spec in ROW_SPECS))
        except SchemasError as error:
            self._fault("keys", self._path, str(error))

    def _check_depth(self, frames: pa.Table, spans: set[tuple]) -> None:
        """Every frame's depth is where the frame says, and every picture is a frame's."""
        named = {span for span in _values(frames, SPAN_COLUMNS) if None not in span}
        for path in sorted({path for path, *_ in named ^ spans}):
            in_frames, in_file = (
                sorted(span[1:] for span in side - other if span[0] == path)[:NUM_SHOWN]
                for side, other in ((named, spans), (spans, named))
            )
            message = (
                f"frames rows point at pictures (index, offset, length) {in_frames} that it has "
                f"not, and at none of {in_file} that it has"
            )
            self._fault("depth", path, message)

    def _check_frames(self, frames: pa.Table) -> None:
        """Every frame row is the planned frame at its place in the clip, with its time."""
        clocks = {
            row["video_id"]: (row["start_pts"], row["time_base_num"] / row["time_base_den"])
            for row in self._plan.videos.to_pylist()
            if row["status"] == "ok"
        }
        planned = {
            (clip["clip_id"], *frame)
            for clip in self._plan.clips.to_pylist()
            if clip["video_id"] in clocks
            for frame in _planned_frames(clip, *clocks[clip["video_id"]])
        }
        wrong = _values(frames, ("clip_id", *FRAME_COLUMNS)) - planned
        if wrong:
            shown = "; ".join(
                f"clip_id={clip}, "
                + ", ".join(f"{n}={v}" for n, v in zip(FRAME_COLUMNS, values, strict=True))
                for clip, *values in sorted(wrong)[:NUM_SHOWN]
            )
            message = f"{len(wrong)} frames rows are not the planned frames: {shown}"
            self._fault("frames", self._path, message)


def _planned_frames(
    clip: dict, start_pts: int, unit_s: float
) -> Iterator[tuple[int, int, int, float, bool]]:
    """FRAME_COLUMNS of every sampled frame of a clip."""
    for place, (index, pts) in enumerate(zip(clip["frame_index"], clip["frame_pts"], strict=True)):
        is_seam = clip["shares_first_frame"] and place == 0
        yield place, index, pts, (pts - start_pts) * unit_s, is_seam


def _values(table: pa.Table, columns: tuple[str, ...] | list[str]) -> set[tuple]:
    """The rows of a table, as a set."""
    return {tuple(row.values()) for row in table.select(columns).to_pylist()}


def _named_files(ledger: pa.Table, kind: str) -> set[tuple[str, str, int]]:
    """(path, sha256, bytes) of the files of one kind that ledger rows name."""
    rows = _values(ledger, [f"{kind}_{part}" for part in ("file", "sha256", "size_bytes")])
    return {row for row in rows if None not in row}
