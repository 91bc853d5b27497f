"""The attempt registry: who began a shard or a clip and never came back.

An attempt writes a mark before it touches a pixel and removes it when it ends, well or badly; a
mark that is still there belongs to a process that died (or that still runs elsewhere: then the
worst that follows is caution). After a death the shard is done clip by clip, with a mark a clip,
and a clip that two attempts died on is quarantined. So a clip that kills its process costs a
bounded number of restarts: one death of the whole shard, two of its own. A worker that dies while
it starts leaves a mark too, so that it is not started for ever.
"""

import contextlib
import json
import socket
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline import layout
from pipeline.errors import JobError
from pipeline.layout import attempts_folder, start_folder
from pipeline.storage import Store

DEATHS_TO_QUARANTINE = 2
DEATHS_TO_GIVE_UP = 2


@dataclass(frozen=True)
class Attempt:
    """One try at a shard.

    Attributes:
        number: From 0; one more than the attempts that left a mark or a file.
        name: Unique among all attempts, part of the names of the files it writes.
        is_careful: An earlier attempt died: go clip by clip.
        quarantined: Clip ids that attempts died on too often, with how often.
    """

    store: Store
    shard_index: int
    number: int
    name: str
    is_careful: bool
    quarantined: dict[str, int] = field(default_factory=dict)

    @contextlib.contextmanager
    def clip_mark(self, clip_id: str) -> Iterator[None]:
        """A mark that outlives the clip only if the process does not; careful attempts make one."""
        if not self.is_careful:
            yield
            return
        path = f"{attempts_folder(self.shard_index)}/{self.name}.{clip_id}"
        self.store.create(path, b"{}")
        try:
            yield
        finally:
            self.store.delete(path)

    def end(self) -> None:
        """The process outlived the attempt."""
        self.store.delete(f"{attempts_folder(self.shard_index)}/{self.name}.json")


def begin_attempt(store: Store, shard_index: int, run_id: str, worker: str) -> Attempt:
    """Record a new attempt at a shard, after a look at those before.

    Args:
        store: OUT.
        shard_index: The shard.
        run_id: Of the run, so that a run that is stopped on purpose can take its marks back.
        worker: Who it is, written into the mark for people.
    """
    names = [file.path.rsplit("/", 1)[1] for file in store.list(attempts_folder(shard_index))]
    begun = [name for name in names if name.endswith(".json")]
    deaths = Counter(name.split(".", 1)[1] for name in names if not name.endswith(".json"))
    number = 1 + max((int(name.split("-", 1)[0]) for name in begun), default=-1)
    attempt = Attempt(
        store=store,
        shard_index=shard_index,
        number=number,
        name=f"{number:03d}-{run_id}-{uuid.uuid4().hex[:8]}",
        is_careful=bool(begun),
        quarantined={
            clip_id: count for clip_id, count in deaths.items() if count >= DEATHS_TO_QUARANTINE
        },
    )
    mark = {"worker": worker, "begun": time.time()}
    store.create(f"{attempts_folder(shard_index)}/{attempt.name}.json", json.dumps(mark).encode())
    return attempt


@contextlib.contextmanager
def start_mark(store: Store, run_id: str, worker_id: str) -> Iterator[None]:
    """A mark that outlives the start of a worker only if its process does not.

    Args:
        store: OUT.
        run_id: Of the run.
        worker_id: The same for a worker and for what replaces it when it dies.

    Raises:
        JobError: It died on every try so far, and was tried often enough.
    """
    folder = start_folder(run_id, worker_id)
    num_deaths = len(store.list(folder))
    if num_deaths >= DEATHS_TO_GIVE_UP:
        raise JobError(
            f"a worker on {socket.gethostname()} died {num_deaths} times while it loaded the "
            "models, most likely for want of memory. Start fewer with --workers, or give it more "
            "memory; h3r doctor says what it needs"
        )
    path = f"{folder}/{num_deaths}.json"
    store.create(path, b"{}")
    try:
        yield
    finally:
        store.delete(path)


def forget_deaths(store: Store, shard_index: int) -> None:
    """Remove a shard's marks: what died on it, died before its clips were asked for again."""
    for file in store.list(attempts_folder(shard_index)):
        store.delete(file.path)


def forget_attempts(store: Store, run_id: str) -> None:
    """Remove the marks of a run whose workers were stopped on purpose: none of them died."""
    for file in store.list(layout.ATTEMPTS_FOLDER):
        if f"-{run_id}-" in file.path:
            store.delete(file.path)
