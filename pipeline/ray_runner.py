"""Ray Data around the worker: the only module that knows Ray, with as little logic as possible.

A row is a shard's number; what comes back is its report. The models live in the actors, pixels
never enter the object store. An actor that dies is restarted and its shard tried again by Ray; the
attempt registry bounds how often. Shutting down or failing leaves committed shards committed.
"""

import contextlib
import io
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

# Read by Ray on import: on one machine, listen on the loopback interface only.
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")

import pyarrow as pa
import ray
import ray.data
from ray.data.exceptions import ExecutionTimeoutError
from ray.exceptions import RayError

from pipeline.attempts import start_mark
from pipeline.config import SHARDS_AT_ONCE
from pipeline.errors import ConfigError, JobError
from pipeline.machine import ALLOCATOR_VARIABLES
from pipeline.native_stderr import dropped_lines
from pipeline.report import ShardReport, error_text
from pipeline.storage import Store
from pipeline.worker import ShardWorker, WorkerSettings

MAX_INIT_DEATHS = 3
NO_PROGRESS_TIMEOUT_S = 24 * 3600
CONNECT_TIMEOUT_S = 5.0
STORE_VARIABLES = (
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
)
"""What workers on other machines are told of S3. No secrets: their machines have their own."""
CAUSE = re.compile(r"[\w.]+(Error|Exception): ")
# Ray Data hands every actor its function by reference and restarts actors: Ray then prints this,
# an error by its level, for every job. Ray's own log keeps it.
STOPPED_ON_PURPOSE = "killed by `ray.kill`"
HARMLESS_LINE = "has constructor arguments in the object store and max_restarts > 0"
REPORT_SCHEMA = pa.schema(
    [
        ("shard_index", pa.int64()),
        ("error", pa.string()),
        ("num_done", pa.int64()),
        ("num_empty", pa.int64()),
        ("num_failed", pa.int64()),
        ("num_frames_planned", pa.int64()),
        ("num_frames", pa.int64()),
        ("num_people", pa.int64()),
    ]
)


@dataclass(frozen=True)
class RayResources:
    """What Ray reserves.

    Attributes:
        workers: Actors; None takes one a GPU, or one in all without GPUs.
        num_gpus: GPUs an actor; may be a fraction, and 0 computes on CPUs. None takes one where
            the cluster has any.
        num_cpus: CPU cores an actor, also the threads of its network on a CPU; None shares the
            cores of this machine among the workers, and takes one on a cluster.
        address: Of an existing cluster ("auto" finds it); None starts Ray on this machine.
    """

    workers: int | None = None
    num_gpus: float | None = None
    num_cpus: float | None = None
    address: str | None = None


class ShardActor:
    """A worker as Ray Data calls it; lives as long as its actor."""

    def __init__(
        self, settings: WorkerSettings, load_worker: Callable[[WorkerSettings], ShardWorker]
    ) -> None:
        """Load the models. An error waits for the first shard: Ray would print pages for it."""
        self._worker: ShardWorker | None = None
        self._error = ""
        actor_id = ray.get_runtime_context().get_actor_id() or ""
        try:
            with start_mark(Store(settings.out), settings.run_id, actor_id):
                self._worker = load_worker(settings)
        except Exception as error:
            self._error = error_text(error)

    def __call__(self, shards: pa.Table) -> pa.Table:
        """Annotate the shards of a batch; never raises for a shard's sake."""
        reports = [self._annotate(index) for index in shards["shard_index"].to_pylist()]
        return pa.Table.from_pylist([report.to_row() for report in reports], schema=REPORT_SCHEMA)

    def _annotate(self, shard_index: int) -> ShardReport:
        if self._worker is None:
            return ShardReport(shard_index, error=self._error)
        return self._worker.annotate(shard_index)


def run_shards(
    shards: Sequence[int],
    settings: WorkerSettings,
    resources: RayResources,
    load_worker: Callable[[WorkerSettings], ShardWorker] = ShardWorker.load,
) -> Generator[ShardReport]:
    """Annotate shards on Ray; reports come as shards end.

    Closing the iterator stops the workers. A cluster that was started here ends with it. What Ray
    prints goes to stderr, since stdout is the command's.

    Args:
        shards: Shards to do.
        settings: For every worker.
        resources: For Ray.
        load_worker: Makes the worker of an actor, in the actor.

    Raises:
        ConfigError: The address is none.
        JobError: There is no such cluster, it has no room for a worker, or Ray failed.
    """
    with dropped_lines(HARMLESS_LINE), contextlib.redirect_stdout(_Notes()):
        is_own = not ray.is_initialized()
        if is_own:
            _connect(resources.address)
        try:
            _configure_data()
            yield from _stream(shards, settings, resources, load_worker)
        except (RayError, ExecutionTimeoutError) as error:
            raise JobError(
                f"Ray failed: {_first_cause(error)}. What is committed stays: run the same command "
                "again to go on. Ray's own logs are in /tmp/ray/session_latest/logs"
            ) from error
        finally:
            if is_own:
                ray.shutdown()


def check_reachable(address: str) -> None:
    """Find out at once that nobody listens; Ray itself would try for minutes.

    Raises:
        ConfigError: `address` is not HOST:PORT.
        JobError: Nobody listens there.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(f"--address {address}: must be auto, or HOST:PORT such as 10.0.0.1:6379")
    try:
        socket.create_connection((host, int(port)), CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise JobError(
            f"--address {address}: no Ray cluster answers there: {error}. Check that it runs "
            "(ray status) and that this machine may reach it, or leave --address out to run here"
        ) from error


class _Notes(io.TextIOBase):
    """Where Ray prints to: stderr, but for complaints about workers that it stopped itself."""

    def write(self, text: str) -> int:
        """Pass on one message."""
        if text.strip() and STOPPED_ON_PURPOSE not in text:
            sys.stderr.write(f"{text.rstrip()}\n")
        return len(text)


def _connect(address: str | None) -> None:
    """Start Ray on this machine, or join the cluster at `address`."""
    if address is not None and address != "auto":
        check_reachable(address)
    for name, value in ALLOCATOR_VARIABLES.items():  # workers of this machine inherit them
        os.environ.setdefault(name, value)
    told = (*ALLOCATOR_VARIABLES, *STORE_VARIABLES)
    variables = {name: os.environ[name] for name in told if name in os.environ}
    try:
        ray.init(
            address=address or "local",
            include_dashboard=False if address is None else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"env_vars": variables} if address else None,
        )
    except Exception as error:  # of any type: a plain one where Ray takes half a minute to start
        where = f"the Ray cluster at --address {address}" if address else "Ray on this machine"
        raise JobError(f"{where} cannot be used: {error}") from error
    # SIGTERM as Ctrl-C: Ray's own handler prints a stack, and aborts three seconds later, in the
    # middle of tidying up.
    with contextlib.suppress(ValueError):  # only the main thread may say so
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _stream(
    shards: Sequence[int],
    settings: WorkerSettings,
    resources: RayResources,
    load_worker: Callable[[WorkerSettings], ShardWorker],
) -> Generator[ShardReport]:
    num_gpus = _num_gpus(resources)
    workers = min(_num_workers(resources, num_gpus), len(shards))
    num_cpus = resources.num_cpus
    if num_cpus is None:
        total = int(ray.cluster_resources().get("CPU", 1))
        num_cpus = 1 if resources.address else max(1, total // workers)
    _check_room(num_cpus, num_gpus)
    settings = _on_its_device(settings, num_gpus)
    items = [{"shard_index": index} for index in shards]
    reports = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        ShardActor,
        fn_constructor_args=(settings, load_worker),
        batch_format="pyarrow",
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(
            size=workers,
            max_tasks_in_flight_per_actor=SHARDS_AT_ONCE,
            max_concurrent_calls_per_actor=SHARDS_AT_ONCE,
            enable_true_multi_threading=True,
        ),
        num_gpus=num_gpus,
        num_cpus=num_cpus,
    )
    for row in reports.iter_rows():
        yield ShardReport.from_row(row)


def _num_gpus(resources: RayResources) -> float:
    if resources.num_gpus is not None:
        return resources.num_gpus
    return 1.0 if ray.cluster_resources().get("GPU", 0) >= 1 else 0.0


def _on_its_device(settings: WorkerSettings, num_gpus: float) -> WorkerSettings:
    """The device is what Ray reserves, and no other.

    Ray hides no GPU from an actor that has none of its own, and one whose GPU is out of order must
    not go on by the CPU, at a hundredth of the speed.
    """
    device = "cuda" if num_gpus > 0 else "cpu"
    return replace(settings, config=replace(settings.config, device=device))


def _num_workers(resources: RayResources, num_gpus: float) -> int:
    if resources.workers is not None:
        return resources.workers
    if num_gpus > 0:
        return max(1, int(ray.cluster_resources().get("GPU", 0) / num_gpus))
    return 1


def _check_room(num_cpus: float, num_gpus: float) -> None:
    """Find out at once that no machine can take a worker; Ray itself would wait for ever."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    has = [(machine.get("CPU", 0), machine.get("GPU", 0)) for machine in machines]
    if not any(cpus >= num_cpus and gpus >= num_gpus for cpus, gpus in has):
        found = ", ".join(f"{cpus:g} and {gpus:g}" for cpus, gpus in sorted(set(has)))
        raise JobError(
            f"a worker needs {num_cpus:g} CPU cores and {num_gpus:g} GPUs, and no machine of the "
            f"Ray cluster has them (it has {found}). Lower --num-cpus-per-worker or "
            "--num-gpus-per-worker, or add such a machine; h3r doctor tells what this one has"
        )


def _first_cause(error: Exception) -> str:
    """The line that says why, out of the pages of traces that Ray makes of it."""
    lines = str(error).strip().splitlines()
    return next((line for line in lines if CAUSE.match(line)), lines[0])


def _configure_data() -> None:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_consecutive_actor_init_deaths = MAX_INIT_DEATHS
    context.execution_no_progress_timeout_s = NO_PROGRESS_TIMEOUT_S
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):  # the console; its file gets everything
            handler.setLevel(logging.CRITICAL)
