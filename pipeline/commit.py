"""Stage, check, commit: a shard's rows become visible all at once, when its ledger file exists.

The protocol is DESIGN's: data files carry shard and attempt in their names, every table is checked
before it is written, and `clips/shard-N.parquet` is created exclusively. Whoever comes second
finds the commit and removes its own files. Readers take only what a commit names.
"""

import hashlib
import time
from dataclasses import dataclass

import pyarrow as pa

from pipeline import layout
from pipeline.attempts import Attempt
from pipeline.depth import DepthObject
from pipeline.ledger import FILE_COLUMNS, read_commit
from pipeline.outcome import ClipFailure, WorkerIdentity, WrittenFile, failure_of, ledger_row
from pipeline.plan import PlannedClip
from pipeline.rows import ClipRows, Columns
from pipeline.storage import Store
from pipeline.tables import ROW_SPECS, table_bytes
from schemas.arrow import empty_table, table_from_columns
from schemas.checks import validate_table
from schemas.errors import SchemasError
from schemas.keys import check_keys
from schemas.tables import CLIPS, TABLES


@dataclass
class _Entry:
    """One clip of the shard, as far as it has come."""

    clip: PlannedClip
    outcome: ClipRows | ClipFailure
    depth: WrittenFile | None
    seconds: dict[str, float]
    num_retries: int


class ShardWriter:
    """Collects a shard's clips, then checks, writes and commits them."""

    def __init__(
        self, store: Store, shard_index: int, attempt: Attempt, worker: WorkerIdentity
    ) -> None:
        """Start empty; nothing is written yet."""
        self._store = store
        self._shard_index = shard_index
        self._attempt = attempt
        self._worker = worker
        self._entries: dict[str, _Entry] = {}

    def depth_file(self, clip: PlannedClip) -> str:
        """Where this attempt puts the clip's depth."""
        return layout.depth_path(self._shard_index, self._attempt.name, clip.clip_id)

    def add_failure(self, clip: PlannedClip, failure: ClipFailure, num_retries: int = 0) -> None:
        """Take a clip that has no labels."""
        self._entries[clip.clip_id] = _Entry(clip, failure, None, {}, num_retries)

    def add_rows(
        self,
        clip: PlannedClip,
        rows: ClipRows,
        depth: DepthObject | None,
        seconds: dict[str, float],
        num_retries: int = 0,
    ) -> None:
        """Take a clip's rows, and write its depth at once.

        Raises:
            StorageError: OUT cannot be written.
        """
        file = None
        if depth is not None:
            began = time.perf_counter()
            self._store.write(self.depth_file(clip), depth.data)
            file = WrittenFile(self.depth_file(clip), depth.sha256, len(depth.data))
            seconds = {**seconds, "write_s": time.perf_counter() - began}
        self._entries[clip.clip_id] = _Entry(clip, rows, file, seconds, num_retries)

    def commit(self, clips: list[PlannedClip], *, is_again: bool = False) -> pa.Table:
        """Write and commit the shard.

        Args:
            clips: Clips of the shard, in the plan's order; each has been added. All of them, unless
                some are done again.
            is_again: The shard is committed, and the rows of these clips take the place of theirs.

        Returns:
            The shard's ledger as it stands in OUT: this attempt's, or that of whoever was first.

        Raises:
            StorageError: OUT cannot be written; the shard stays uncommitted.
        """
        began = time.perf_counter()
        entries = [self._entries[clip.clip_id] for clip in clips]
        tables = self._checked_tables(entries)
        files = {name: self._write_rows(name, table) for name, table in tables.items()}
        self._share_seconds(entries, time.perf_counter() - began)
        ledger = self._ledger(entries, files)
        validate_table(ledger, CLIPS)
        check_keys(ledger, *(tables[spec.name] for spec in ROW_SPECS))
        if is_again:  # of the commit as it is by now: others may have replaced it meanwhile
            before = read_commit(self._store, self._shard_index)
            assert before is not None
            ledger = _replace_rows(before, ledger)
            validate_table(ledger, CLIPS)
        data = table_bytes(ledger, CLIPS, self._worker.provenance)
        if is_again:
            self._store.write(layout.commit_path(self._shard_index), data)
            return ledger
        # Looked for once more, since some stores let `create` replace what is there.
        winner = read_commit(self._store, self._shard_index)
        if winner is None:
            if self._store.create(layout.commit_path(self._shard_index), data):
                return ledger
            winner = read_commit(self._store, self._shard_index)
            assert winner is not None
        self._discard(entries, files, winner)
        return winner

    def _checked_tables(self, entries: list[_Entry]) -> dict[str, pa.Table]:
        """The shard's row tables; clips whose rows break the schema become failures."""
        try:
            return _validated(entries)
        except SchemasError:
            broken = [entry for entry in entries if _break_alone(entry)]
            if not broken:
                raise
        return _validated(entries)

    def _write_rows(self, name: str, table: pa.Table) -> WrittenFile | None:
        if not table.num_rows:
            return None
        data = table_bytes(table, TABLES[name], self._worker.provenance)
        path = layout.rows_path(name, self._shard_index, self._attempt.name)
        self._store.write(path, data)
        return WrittenFile(path, hashlib.sha256(data).hexdigest(), len(data))

    def _share_seconds(self, entries: list[_Entry], seconds: float) -> None:
        for entry in entries:
            share = entry.seconds.get("write_s", 0.0) + seconds / len(entries)
            entry.seconds = {**entry.seconds, "write_s": share}

    def _ledger(self, entries: list[_Entry], files: dict[str, WrittenFile | None]) -> pa.Table:
        rows = []
        for entry in entries:
            named = {**files, "depth": entry.depth}
            rows.append(
                ledger_row(
                    entry.clip,
                    entry.outcome,
                    {kind: file for kind, file in named.items() if file is not None},
                    entry.seconds,
                    self._attempt.number,
                    entry.num_retries,
                    self._worker,
                )
            )
        return table_from_columns(
            CLIPS, {name: [row[name] for row in rows] for name in CLIPS.column_names}
        )

    def _discard(
        self, entries: list[_Entry], files: dict[str, WrittenFile | None], winner: pa.Table
    ) -> None:
        """Remove what this attempt wrote and the commit that stands does not name.

        It names all of it where the store, asked again after a lost answer, refused this attempt's
        own commit as already there.
        """
        named = {path for column in FILE_COLUMNS for path in winner[column].to_pylist()}
        for file in [*files.values(), *(entry.depth for entry in entries)]:
            if file is not None and file.path not in named:
                self._store.delete(file.path)


def _replace_rows(before: pa.Table, rows: pa.Table) -> pa.Table:
    """The ledger `before`, in its order, with `rows` in the place of the same clips'."""
    new = {row["clip_id"]: row for row in rows.to_pylist()}
    merged = [new.get(row["clip_id"], row) for row in before.to_pylist()]
    return table_from_columns(
        CLIPS, {name: [row[name] for row in merged] for name in CLIPS.column_names}
    )


def _validated(entries: list[_Entry]) -> dict[str, pa.Table]:
    """Row tables of all entries that have rows, checked.

    Raises:
        SchemasError: What is wrong, with values and ids.
    """
    tables = {}
    for spec in ROW_SPECS:
        parts: list[Columns] = [
            getattr(entry.outcome, spec.name)
            for entry in entries
            if isinstance(entry.outcome, ClipRows)
        ]
        pieces = [table_from_columns(spec, columns) for columns in parts]
        table = pa.concat_tables(pieces).combine_chunks() if pieces else empty_table(spec)
        validate_table(table, spec)
        tables[spec.name] = table
    return tables


def _break_alone(entry: _Entry) -> bool:
    """Turn an entry whose own rows break the schema into a failure; whether it was one."""
    try:
        _validated([entry])
    except SchemasError as error:
        entry.outcome, entry.depth = failure_of(error), None
        return True
    return False
