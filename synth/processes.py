"""Runs functions over many items in processes of their own, one core each."""

import contextlib
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType
from typing import Self, TypeVar

import torch

from pipeline.errors import JobError
from pipeline.machine import end_with_parent

Item = TypeVar("Item")
Result = TypeVar("Result")


class Processes:
    """Processes that start once; PyTorch has one thread in each: its sums depend on the number."""

    def __init__(self, num_processes: int) -> None:
        """Start none yet; one process is this one."""
        self._num_processes = num_processes
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        """Take SIGTERM as Ctrl-C from here on, or the processes would outlive this one."""
        if self._num_processes > 1:
            with contextlib.suppress(ValueError):  # only the main thread may say so
                signal.signal(signal.SIGTERM, signal.default_int_handler)
            self._pool = ProcessPoolExecutor(self._num_processes, get_context("spawn"), _prepare)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what runs, drop what waits."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Generator[Result]:
        """Results of `function` in the order in which they come.

        Args:
            function: Can be pickled, and so can what it takes and gives.
            items: What to run it on.

        Raises:
            JobError: A process was killed, most likely for want of memory.
        """
        if self._pool is None:
            yield from _run_here(function, items)
            return
        try:
            for future in as_completed([self._pool.submit(function, item) for item in items]):
                yield future.result()
        except BrokenProcessPool as error:
            raise JobError(
                "a process was killed, most likely for want of memory. Run the same command again, "
                "with fewer --jobs: it goes on where it stopped"
            ) from error


def _run_here(function: Callable[[Item], Result], items: Sequence[Item]) -> Generator[Result]:
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for item in items:
            yield function(item)
    finally:
        torch.set_num_threads(num_threads)


def _prepare() -> None:
    end_with_parent()
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's to deal with
