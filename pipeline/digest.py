"""Digests: rows of many commits copied into one file, so that a large ledger is read in seconds.

A digest is a copy and never the truth: its rows of a shard count only while the shard's commit is
the very object that they were copied from. Whoever loses all digests loses time and nothing else.
"""

import io
import itertools
import uuid
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import layout
from pipeline.errors import StorageError
from pipeline.storage import Store, StoredFile
from pipeline.tables import read_table

COMMITS_A_DIGEST = 1000
VERSION_COLUMN = "commit_version"
_KEY = ("shard_index", VERSION_COLUMN)


def read_digests(
    store: Store, commits: Mapping[int, StoredFile], columns: Sequence[str]
) -> list[pa.Table]:
    """The rows of the digests that count, with `shard_index`; every shard's once.

    Args:
        store: OUT.
        commits: The commit of every committed shard, as it is now.
        columns: Wanted; digests that lack one are left out.
    """
    found: list[pa.Table] = []
    covered: set[int] = set()
    wanted = list(dict.fromkeys([*_KEY, *columns]))
    for file in store.list(layout.DIGESTS_FOLDER):
        try:
            digest = read_table(store, file.path, columns=wanted)
        except StorageError:  # one that cannot be read is as good as none
            continue
        if set(wanted) - set(digest.column_names):
            continue
        fresh = _fresh_shards(digest, commits) - covered
        covered |= fresh
        shards = digest["shard_index"].to_numpy()
        rows = digest.filter(pa.array(np.isin(shards, list(fresh))))
        found.append(rows.drop_columns([VERSION_COLUMN]))
    return found


def write_digests(
    store: Store,
    commits: Mapping[int, StoredFile],
    read_commits: Callable[[Sequence[StoredFile]], Sequence[pa.Table]],
    commits_a_digest: int,
) -> int:
    """Copy commits that no digest holds yet, where there are many of them.

    Args:
        store: OUT.
        commits: The commit of every committed shard.
        read_commits: Reads commits, each as a table of the columns to keep.
        commits_a_digest: As many as go into one; fewer are left for later.

    Returns:
        Digests written.
    """
    covered = [set(rows["shard_index"].to_pylist()) for rows in read_digests(store, commits, ())]
    missing = sorted(commits.keys() - set().union(*covered))
    num_digests = len(missing) // commits_a_digest
    for place in range(num_digests):
        shards = missing[place * commits_a_digest : (place + 1) * commits_a_digest]
        tables = read_commits([commits[shard] for shard in shards])
        versions = [
            [commits[shard].version] * table.num_rows
            for shard, table in zip(shards, tables, strict=True)
        ]
        rows = pa.concat_tables(tables).append_column(
            VERSION_COLUMN, pa.array(itertools.chain.from_iterable(versions), pa.string())
        )
        file = io.BytesIO()
        pq.write_table(rows, file, compression="zstd")
        store.write(f"{layout.DIGESTS_FOLDER}/{uuid.uuid4().hex}.parquet", file.getvalue())
    return num_digests


def _fresh_shards(digest: pa.Table, commits: Mapping[int, StoredFile]) -> set[int]:
    """Shards of a digest whose commits are what its rows were copied from."""
    copied = digest.group_by(list(_KEY)).aggregate([])
    pairs = zip(copied["shard_index"].to_pylist(), copied[VERSION_COLUMN].to_pylist(), strict=True)
    return {
        shard for shard, version in pairs if shard in commits and commits[shard].version == version
    }
