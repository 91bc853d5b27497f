"""Requests to do failed clips of committed shards again, as files of OUT: one a shard."""

import json
from collections.abc import Set

from pipeline import layout
from pipeline.storage import Store


def requested_shards(store: Store) -> set[int]:
    """Committed shards with clips to be done again; one listing."""
    return replaceable_shards(store, ".json")


def replaceable_shards(store: Store, suffix: str = "") -> set[int]:
    """Committed shards whose commit may be replaced: clips of them are, or were, to be done again.

    Args:
        store: OUT.
        suffix: Of the files that say so; "" for all.
    """
    files = store.list(layout.RETRIES_FOLDER)
    found = (layout.shard_of(file.path) for file in files if file.path.endswith(suffix))
    return {shard_index for shard_index in found if shard_index is not None}


def write_request(store: Store, shard_index: int, clip_ids: Set[str]) -> None:
    """Ask that clips of a committed shard be done again, and no others of it."""
    text = json.dumps({"clip_ids": sorted(clip_ids)})
    store.write(layout.retry_path(shard_index), text.encode())


def read_request(store: Store, shard_index: int) -> frozenset[str]:
    """Clips of a shard that are to be done again."""
    path = layout.retry_path(shard_index)
    if store.info(path) is None:
        return frozenset()
    return frozenset(json.loads(store.read(path))["clip_ids"])


def forget_request(store: Store, shard_index: int) -> None:
    """Remove a request that was done, and leave a mark: somebody may still be at it, too."""
    store.write(layout.retried_path(shard_index), b"{}")
    store.delete(layout.retry_path(shard_index))
