"""What this machine has for one process: cores, memory and GPUs.

A container's limits count, not its host's size. Must not know what they are needed for.
"""

import ctypes
import multiprocessing
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow as pa

ALLOCATOR_VARIABLES = {"MALLOC_ARENA_MAX": "1"}
"""For a process that is to give memory back (glibc): threads come and go, and each would leave a
heap of its own behind, in pieces."""

_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)  # the GNU C library has it
CGROUP = Path("/sys/fs/cgroup")

# (limit, use, statistics, cache in the statistics) of the kernel's two layouts, version 2 first.
_MEMORY_FILES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)


@dataclass(frozen=True)
class Gpu:
    """One CUDA device.

    Attributes:
        name: As the driver calls it.
        free_bytes: Memory nobody uses now.
        total_bytes: Memory it has.
    """

    name: str
    free_bytes: int
    total_bytes: int


def count_cores() -> int:
    """CPU cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_free_memory(cgroup: Path = CGROUP) -> tuple[int, str]:
    """Memory that can still be taken, and what bounds it: "machine" or "container".

    Args:
        cgroup: Where the kernel shows this process's limits.

    Returns:
        Bytes, and the bound's name.
    """
    available = psutil.virtual_memory().available
    allowed = read_cgroup_memory(cgroup)
    if allowed is not None and allowed < available:
        return allowed, "container"
    return available, "machine"


def read_cgroup_memory(cgroup: Path) -> int | None:
    """Bytes left below the container's memory limit; None without one.

    Reclaimable file cache counts as free, as in Kubernetes' working set.
    """
    for limit_name, used_name, stat_name, cache_name in _MEMORY_FILES:
        if not (cgroup / limit_name).is_file():
            continue
        limit = (cgroup / limit_name).read_text().strip()
        if limit == "max":
            return None
        statistics = dict(line.split() for line in (cgroup / stat_name).read_text().splitlines())
        used = int((cgroup / used_name).read_text()) - int(statistics.get(cache_name, 0))
        return max(0, int(limit) - used)
    return None


def release_memory() -> None:
    """Give back what was freed: allocators keep it, for each thread that ever was."""
    pa.default_memory_pool().release_unused()
    if _TRIM is not None:
        _TRIM(0)


def read_gpus() -> tuple[Gpu, ...]:
    """CUDA devices torch can use, in its order.

    Raises:
        ImportError: torch is not installed.
        OSError: torch is installed and a library it needs is not.
    """
    import torch

    gpus = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        gpus.append(Gpu(torch.cuda.get_device_name(index), free, total))
    return tuple(gpus)


def end_with_parent() -> None:
    """Have this process end as soon as its parent does: one that is killed tells nobody."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
