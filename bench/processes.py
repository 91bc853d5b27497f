"""Measure in a process of its own: how long, how much CPU, and how much memory at most."""

import contextlib
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

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
    """Run a function of a module in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(run_here, function, *arguments).result()


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
