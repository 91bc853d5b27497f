"""Remove what no commit names: files of attempts that died, lost a race or were given up.

A file of a committed shard can go at once, unless its commit may still be replaced: in a store that
ignores conditional writes, and where clips are or were done again. One of a shard that is not
committed may belong to a worker that is still at it, so it has to be old, and so has a temporary
file, and what was found of videos before there was a plan. Nothing is removed on the word of an
older look: commits are read after the files were listed. What has no shard in its name is nobody's
attempt and stays.
"""

import functools
import time
from dataclasses import dataclass

from pipeline import layout
from pipeline.ledger import FILE_COLUMNS, read_ledger
from pipeline.retry_requests import replaceable_shards
from pipeline.storage import TEMPORARY_PREFIX, Store, StoredFile

DEFAULT_GRACE_S = 24 * 3600.0
CLEANED_FOLDERS = (
    *layout.DATA_FOLDERS,
    layout.ATTEMPTS_FOLDER,
    layout.LEDGER_FOLDER,
    layout.PROBED_FOLDER,
)


@dataclass(frozen=True)
class Garbage:
    """What was found, and removed unless it was a dry run.

    Attributes:
        files: Paths below OUT.
        num_bytes: Their size together.
    """

    files: tuple[str, ...]
    num_bytes: int


def collect_garbage(
    store: Store, *, grace_s: float = DEFAULT_GRACE_S, is_dry_run: bool = False
) -> Garbage:
    """Find and remove files that no commit names.

    Args:
        store: OUT.
        grace_s: Files of shards that are not committed stay until they are this old, seconds.
        is_dry_run: Only look.
    """
    candidates = [file for folder in CLEANED_FOLDERS for file in store.list(folder)]
    # Before the ledger: who replaces a commit leaves its mark no earlier than the new commit.
    replaceable = replaceable_shards(store)
    ledger = read_ledger(store, ["shard_index", *FILE_COLUMNS])
    final = set(ledger["shard_index"].to_pylist()) - replaceable
    named = {path for column in FILE_COLUMNS for path in ledger[column].to_pylist()}
    oldest_kept_s = time.time() - grace_s
    is_commit_final = functools.cache(store.has_conditional_writes)

    def is_garbage(file: StoredFile) -> bool:
        is_old = file.modified_s < oldest_kept_s
        is_temporary = file.path.rsplit("/", 1)[1].startswith(TEMPORARY_PREFIX)
        is_of_no_shard = layout.is_start_mark(file.path) or layout.is_probed(file.path)
        if is_temporary or is_of_no_shard:
            return is_old
        shard_index = layout.shard_of(file.path)
        if shard_index is None or file.path.startswith(f"{layout.LEDGER_FOLDER}/"):
            return False
        if file.path in named:
            return False
        return is_old or (shard_index in final and is_commit_final())

    found = [file for file in candidates if is_garbage(file)]
    if not is_dry_run:
        for file in found:
            store.delete(file.path)
        for folder in (layout.DEPTH_FOLDER, layout.ATTEMPTS_FOLDER):
            store.prune_empty_folders(folder)
    return Garbage(tuple(file.path for file in found), sum(file.size_bytes for file in found))
