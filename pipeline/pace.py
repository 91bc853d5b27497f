"""How fast a job goes and who is at it, from what workers leave in OUT: any machine can look."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pipeline import layout
from pipeline.errors import StorageError
from pipeline.ledger import JobStatus, committed_shards, read_ledger
from pipeline.storage import Store

WINDOW_S = 900.0
READ_THREADS = 16


@dataclass(frozen=True)
class Attempting:
    """A worker at a shard; one that died leaves the same mark until its shard is done.

    Attributes:
        worker: Its machine and run.
        shard_index: The shard.
        seconds: Since it began.
    """

    worker: str
    shard_index: int
    seconds: float


@dataclass(frozen=True)
class Pace:
    """How a job goes.

    Attributes:
        frames_per_s: Planned frames committed a second, over the last quarter of an hour; 0.0
            where nothing was committed in it.
        seconds_since_commit: Since the last commit; None before the first.
        eta_s: For what is pending, at that pace; None without one, with nothing pending, or with
            no worker at a shard.
        attempting: Workers at a shard, longest first.
    """

    frames_per_s: float
    seconds_since_commit: float | None
    eta_s: float | None
    attempting: tuple[Attempting, ...]


def read_pace(store: Store, status: JobStatus) -> Pace:
    """Look at when shards were committed, and at the marks of attempts under way.

    Args:
        store: OUT.
        status: Its accounts.
    """
    now_s = time.time()
    ages = {
        shard_index: max(0.0, now_s - file.modified_s)
        for shard_index, file in committed_shards(store).items()
    }
    recent = {shard for shard, age_s in ages.items() if age_s < WINDOW_S}
    frames_per_s = 0.0
    if len(recent) > 1:
        ledger = read_ledger(store, ["shard_index", "num_frames_planned"])
        counted = ledger.group_by("shard_index").aggregate([("num_frames_planned", "sum")])
        frames = {
            row["shard_index"]: row["num_frames_planned_sum"]
            for row in counted.to_pylist()
            if row["shard_index"] in recent
        }
        # From the first of them on: what went before it belongs to the time before.
        first = max(recent, key=lambda shard: ages[shard])
        span_s = max(ages[first] - min(ages[shard] for shard in recent), 1e-3)
        frames_per_s = sum(count for shard, count in frames.items() if shard != first) / span_s
    attempting = _read_marks(store, now_s)
    is_going_on = attempting and status.num_frames_pending and frames_per_s
    return Pace(
        frames_per_s=frames_per_s,
        seconds_since_commit=min(ages.values(), default=None),
        eta_s=status.num_frames_pending / frames_per_s if is_going_on else None,
        attempting=attempting,
    )


def _read_marks(store: Store, now_s: float) -> tuple[Attempting, ...]:
    paths = [
        file.path
        for file in store.list(layout.ATTEMPTS_FOLDER)
        if file.path.endswith(".json") and not layout.is_start_mark(file.path)
    ]

    def read(path: str) -> Attempting | None:
        try:
            mark = json.loads(store.read(path))
        except StorageError:  # it ended while we look
            return None
        shard_index = layout.shard_of(path)
        assert shard_index is not None
        return Attempting(mark["worker"], shard_index, max(0.0, now_s - mark["begun"]))

    with ThreadPoolExecutor(READ_THREADS) as pool:
        found = [mark for mark in pool.map(read, paths) if mark is not None]
    return tuple(sorted(found, key=lambda mark: -mark.seconds))
