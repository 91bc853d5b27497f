"""Workers that sleep instead of annotating: what Ray and the driver cost, with nothing else."""

import functools
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from pipeline.config import LabelConfig, LabelIdentity, PlanConfig, WorkerConfig
from pipeline.models import ModelSource
from pipeline.ray_runner import RayResources, run_shards
from pipeline.report import ShardReport
from pipeline.worker import ShardWorker, WorkerSettings
from schemas.fields import SCHEMA_VERSION

LoadWorker: TypeAlias = Callable[[WorkerSettings], ShardWorker]


@dataclass(frozen=True)
class Slept:
    """What null workers did together.

    Attributes:
        num_workers: Of them.
        num_shards: That they slept for.
        work_s: Slept in all.
        run_s: From the first shard's beginning to the last one's end.
        start_s: From the call to the first shard's beginning: Ray and the workers start.
        tail_s: From when the first worker had nothing left to do to the end.
        driver_cpu_s: CPU time of this process over the whole call.
    """

    num_workers: int
    num_shards: int
    work_s: float
    run_s: float
    start_s: float
    tail_s: float
    driver_cpu_s: float

    @property
    def work_rate(self) -> float:
        """Seconds of work done in a second of the run."""
        return self.work_s / self.run_s


class NullWorker:
    """Takes every shard of the list for as long as it says, one at a time."""

    def __init__(self, shard_s: Sequence[float], settings: WorkerSettings) -> None:
        """Nothing is loaded."""
        self._shard_s = shard_s
        self._turn = threading.Lock()
        self._diary = Path(settings.out) / f"diary-{os.getpid()}.jsonl"

    def annotate(self, shard_index: int) -> ShardReport:
        """Sleep, and write down from when to when."""
        with self._turn, self._diary.open("a") as diary:
            began_s = time.time()
            time.sleep(self._shard_s[shard_index])
            diary.write(json.dumps([began_s, time.time()]) + "\n")
        return ShardReport(shard_index, num_done=1)


def sleep_through(out: Path, num_workers: int, shard_s: Sequence[float]) -> Slept:
    """Run as many null workers as asked for over shards, in the order given.

    Args:
        out: An empty folder.
        num_workers: Processes side by side; they need no core of their own.
        shard_s: How long each shard takes.
    """
    out.mkdir(parents=True)
    settings = WorkerSettings(
        out=str(out),
        source_root=str(out),
        run_id="bench",
        models=ModelSource(None, "tiny", 0, None),
        identity=LabelIdentity(
            "null", "0" * 64, True, None, SCHEMA_VERSION, PlanConfig(), LabelConfig()
        ),
        config=WorkerConfig(),
    )
    load_worker = cast(LoadWorker, functools.partial(NullWorker, shard_s))
    resources = RayResources(workers=num_workers, num_gpus=0, num_cpus=0.01)
    called_s, cpu_s = time.time(), time.process_time()
    shards = range(len(shard_s))
    num_reports = sum(1 for _ in run_shards(shards, settings, resources, load_worker))
    cpu_s = time.process_time() - cpu_s
    assert num_reports == len(shard_s)
    diaries = [
        [json.loads(line) for line in path.read_text().splitlines()]
        for path in sorted(out.glob("diary-*.jsonl"))
    ]
    first_s = min(begin for diary in diaries for begin, _ in diary)
    ends = [max(end for _, end in diary) for diary in diaries]
    return Slept(
        num_workers=num_workers,
        num_shards=len(shard_s),
        work_s=sum(shard_s),
        run_s=max(ends) - first_s,
        start_s=first_s - called_s,
        tail_s=max(ends) - min(ends),
        driver_cpu_s=cpu_s,
    )
