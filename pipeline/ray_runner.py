"""Ray Data around the worker: the only module that knows Ray, with as little logic as possible.

A row is a shard's number; what comes back is its report. The models live in the actors, pixels
never enter the object store. An actor that dies is restarted and its shard tried again by Ray; the
attempt registry bounds how often. Shutting down or failing leaves committed shards committed.
"""

import logging
import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass

# Read by Ray on import: on one machine, listen on the loopback interface only.
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")

import pyarrow as pa
import ray
import ray.data

from pipeline.report import ShardReport
from pipeline.worker import ShardWorker, WorkerSettings

TASKS_IN_FLIGHT = 2
MAX_INIT_DEATHS = 3
NO_PROGRESS_TIMEOUT_S = 24 * 3600
REPORT_SCHEMA = pa.schema(
    [
        ("shard_index", pa.int64()),
        ("error", pa.string()),
        ("num_done", pa.int64()),
        ("num_empty", pa.int64()),
        ("num_failed", pa.int64()),
        ("num_frames", pa.int64()),
        ("num_people", pa.int64()),
        ("failures", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True)
class RayResources:
    """What Ray reserves.

    Attributes:
        workers: Actors; None takes one a GPU, or one in all without GPUs.
        num_gpus: GPUs an actor; may be a fraction.
        num_cpus: CPU cores an actor, also the threads of its network on a CPU; None shares the
            cores of this machine among the workers, and takes one on a cluster.
        address: Of an existing cluster ("auto" finds it); None starts Ray on this machine.
    """

    workers: int | None = None
    num_gpus: float = 0.0
    num_cpus: float | None = None
    address: str | None = None


class ShardActor:
    """A worker as Ray Data calls it; lives as long as its actor."""

    def __init__(self, settings: WorkerSettings) -> None:
        """Load the models."""
        self._worker = ShardWorker(settings)

    def __call__(self, shards: pa.Table) -> pa.Table:
        """Annotate the shards of a batch; never raises for a shard's sake."""
        reports = [self._worker.annotate(index) for index in shards["shard_index"].to_pylist()]
        return pa.Table.from_pylist([report.to_row() for report in reports], schema=REPORT_SCHEMA)


def run_shards(
    shards: Sequence[int], settings: WorkerSettings, resources: RayResources
) -> Generator[ShardReport]:
    """Annotate shards on Ray; reports come as shards end.

    Closing the iterator stops the workers. A cluster that was started here ends with it.

    Args:
        shards: Shards to do.
        settings: For every worker.
        resources: For Ray.
    """
    is_own = not ray.is_initialized()
    if is_own:
        ray.init(
            address=resources.address or "local",
            include_dashboard=False if resources.address is None else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    try:
        _configure_data()
        yield from _stream(shards, settings, resources)
    finally:
        if is_own:
            ray.shutdown()


def _stream(
    shards: Sequence[int], settings: WorkerSettings, resources: RayResources
) -> Generator[ShardReport]:
    workers = min(_num_workers(resources), len(shards))
    num_cpus = resources.num_cpus
    if num_cpus is None:
        total = int(ray.cluster_resources().get("CPU", 1))
        num_cpus = 1 if resources.address else max(1, total // workers)
    items = [{"shard_index": index} for index in shards]
    reports = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        ShardActor,
        fn_constructor_args=(settings,),
        batch_format="pyarrow",
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(
            size=workers, max_tasks_in_flight_per_actor=TASKS_IN_FLIGHT
        ),
        num_gpus=resources.num_gpus,
        num_cpus=num_cpus,
    )
    for row in reports.iter_rows():
        yield ShardReport.from_row(row)


def _num_workers(resources: RayResources) -> int:
    if resources.workers is not None:
        return resources.workers
    if resources.num_gpus > 0:
        return max(1, int(ray.cluster_resources().get("GPU", 0) / resources.num_gpus))
    return 1


def _configure_data() -> None:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_consecutive_actor_init_deaths = MAX_INIT_DEATHS
    context.execution_no_progress_timeout_s = NO_PROGRESS_TIMEOUT_S
    logging.getLogger("ray.data").setLevel(logging.ERROR)
