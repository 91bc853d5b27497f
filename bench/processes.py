"""Measure in a process of its own: how long, how much CPU, and how much memory at most."""

import contextlib
import multiprocessing
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Generic, TypeVar

from pipeline.errors import JobError
from pipeline.machine import end_with_parent

MAX_END_S = 60.0
"""For a process that has answered, or was told to end, to do so: one that ran Ray takes seconds."""
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
    answers, here = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(here, function, arguments))
    process.start()
    here.close()  # so that the pipe ends with the process
    try:
        answer = answers.recv()
    except EOFError as error:
        raise JobError(
            f"the process that ran {function.__name__} was killed, most likely for want of "
            "memory. Measure less at once, or where there is more"
        ) from error
    except KeyboardInterrupt:
        process.terminate()
        raise
    finally:
        process.join(MAX_END_S)
        process.kill()
        process.join()
    if isinstance(answer, Exception):
        raise answer
    return answer


def take_sigterm_as_ctrl_c() -> None:
    """From here on, so that what a bench started and wrote goes with it."""
    with contextlib.suppress(ValueError):  # only the main thread may say so
        signal.signal(signal.SIGTERM, _interrupt)


def run_here(function: Callable[..., Answer], *arguments: object) -> Run[Answer]:
    """Run a function in this process; the peak is then that of all it did so far."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    answer = function(*arguments)
    return Run(answer, time.perf_counter() - wall_s, time.process_time() - cpu_s, peak_bytes())


def limit_memory(num_bytes: int) -> None:
    """Let this process have so much data at most (RLIMIT_DATA): what it asks beyond fails."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (num_bytes, most))


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


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # timeout(1) sends two: one would stop the other
    raise KeyboardInterrupt


def _answer(pipe: Connection, function: Callable[..., object], arguments: Sequence[object]) -> None:
    """What the process of `run_alone` does."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's to deal with
    try:
        answer: object = run_here(function, *arguments)
    except Exception as error:  # it is raised where the answer is waited for
        answer = error
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))  # to answer takes memory too
    pipe.send(answer)
