"""Failed clips that are to be done again: asked for by `h3r retry`, done by the next `annotate`.

Their rows in the ledger stay as they are until a worker has done them again; it then replaces the
shard's commit by one with their new rows and all others as they were, and removes the request. So
the accounts are closed at every moment, and whoever dies in between leaves a request that is still
there.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow.compute as pc

from pipeline.attempts import forget_deaths
from pipeline.errors import ConfigError
from pipeline.ledger import read_ledger
from pipeline.plan import check_planned
from pipeline.retry_requests import read_request, write_request
from pipeline.storage import Store

ALL, TRANSIENT = "all", "transient"
COLUMNS = ["clip_id", "shard_index", "status", "error_stage", "error_class", "error_is_transient"]


@dataclass(frozen=True)
class Requested:
    """What was asked for.

    Attributes:
        num_clips: Clips that will be done again.
        num_shards: Theirs.
        num_unreadable: Failed clips that were meant, too, whose videos could not be read when they
            were planned: a plan never changes, so they stay failed.
        failures: Clips that will be done again, by "stage/Class".
    """

    num_clips: int
    num_shards: int
    num_unreadable: int
    failures: dict[str, int]


def request_retries(store: Store, kinds: Collection[str]) -> Requested:
    """Ask that failed clips be done again.

    Args:
        store: OUT.
        kinds: Which: "transient", "all", stages such as "decode" or classes such as "DecodeError".

    Raises:
        ConfigError: No clip has failed in a way that was named, and others have.
        PlanError: Nothing is planned there.
        StorageError: OUT cannot be read or written.
    """
    check_planned(store)
    ledger = read_ledger(store, COLUMNS)
    failed = ledger.filter(pc.equal(ledger["status"], "failed")).to_pylist()
    meant = [row for row in failed if _is_meant(row, kinds)]
    if failed and not meant and not {ALL, TRANSIENT} & set(kinds):  # a name, maybe misspelled
        known = sorted({row[name] for row in failed for name in ("error_stage", "error_class")})
        raise ConfigError(
            f"--class {' '.join(sorted(kinds))}: none of the {len(failed)} failed clips is of it. "
            f"There are: {', '.join(known)}"
        )
    wanted: dict[int, set[str]] = {}
    for row in meant:
        if row["error_stage"] != "probe":
            wanted.setdefault(row["shard_index"], set()).add(row["clip_id"])
    for shard_index, clip_ids in wanted.items():
        forget_deaths(store, shard_index)
        write_request(store, shard_index, clip_ids | read_request(store, shard_index))
    again = [row for row in meant if row["error_stage"] != "probe"]
    failures = Counter(f"{row['error_stage']}/{row['error_class']}" for row in again)
    return Requested(len(again), len(wanted), len(meant) - len(again), dict(failures.most_common()))


def _is_meant(row: dict, kinds: Collection[str]) -> bool:
    words = {ALL, row["error_stage"], row["error_class"]}
    return bool(words & set(kinds)) or (TRANSIENT in kinds and row["error_is_transient"])
