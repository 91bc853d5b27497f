"""Measure in a process of its own: how long, how much CPU, and how much memory at most."""

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pipeline.errors import JobError

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Run(Generic[Answer]):
    """A function's run in a process of its own.

    Attributes:
        answer: What it gave.
        wall_s: How long it took; the start of the process is not in it.
        cpu_s: Of all its threads; children not counted.
        peak_bytes: The most memory the process had resident, imports included.
    """

    answer: Answer
    wall_s: float
    cpu_s: float
    peak_bytes: int


def run_alone(function: Callable[..., Answer], *arguments: object) -> Run[Answer]:
    """Run a function of a module in a fresh process, which ends with this one.

    Raises:
        JobError: The process was killed, most likely for want of memory.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_prepare) as pool:
        try:
            child = pool.submit(os.getpid).result()
            return _result_or_end(pool.submit(run_here, function, *arguments), child)
        except BrokenProcessPool as error:
            raise JobError(
                f"the process that ran {function.__name__} was killed, most likely for want of "
                "memory. Measure less at once, or where there is more"
            ) from error


def take_sigterm_as_ctrl_c() -> None:
    """From here on, so that what a bench started and wrote goes with it."""
    with contextlib.suppress(ValueError):  # only the main thread may say so
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def run_here(function: Callable[..., Answer], *arguments: object) -> Run[Answer]:
    """Run a function in this process; the peak is then that of all it did so far."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    answer = function(*arguments)
    return Run(answer, time.perf_counter() - wall_s, time.process_time() - cpu_s, peak_bytes())


def limit_memory(num_bytes: int) -> None:
    """Let this process have so much data at most (RLIMIT_DATA): what it asks beyond fails."""
    resource.setrlimit(resource.RLIMIT_DATA, (num_bytes, num_bytes))


def restart_peak() -> None:
    """Have `peak_bytes` count anew, from what is resident now; only Linux can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """The most memory this process had resident so far, or since `restart_peak`."""
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss of a child begins with its parent's
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(fields["VmHWM"].split()[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _result_or_end(future: Future[Answer], child: int) -> Answer:
    """What comes; whoever is interrupted while waiting does not wait for the child's end."""
    try:
        return future.result()
    except KeyboardInterrupt:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)
        raise


def _prepare() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's to deal with


def _end_with_parent() -> None:
    """A parent that is killed tells nobody, and this process would work on for nothing."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
