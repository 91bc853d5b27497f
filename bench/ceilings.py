"""What the device could do at best: matrix products and copies of memory, measured here."""

import time
from collections.abc import Callable

import torch

from bench.report import Figure
from human3r_model.config import Precision

MATRIX_SIZE = {"cpu": 1024, "cuda": 8192}
COPY_BYTES = {"cpu": 2**28, "cuda": 2**31}
REPEATS = 5


def measure_ceilings(device: str, precision: Precision = "float32") -> tuple[Figure, Figure]:
    """The device's matrix-product rate and memory bandwidth, with as many threads as torch has.

    Args:
        device: "cpu" or "cuda".
        precision: Of the matrices; for "tf32", the process must have been set to it.
    """
    dtype = torch.float32 if precision == "tf32" else getattr(torch, precision)
    size, num_bytes = MATRIX_SIZE[device], COPY_BYTES[device]
    left, right = (torch.rand(size, size, dtype=dtype, device=device) for _ in range(2))
    source = torch.zeros(num_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    products_s = _times(lambda: left @ right, device)
    copies_s = _times(lambda: target.copy_(source), device)
    return (
        Figure(
            f"ceiling: {precision} matrix product",
            "GFLOP/s",
            tuple(2 * size**3 / seconds / 1e9 for seconds in products_s),
        ),
        Figure(
            "ceiling: memory bandwidth",
            "GB/s",
            tuple(2 * num_bytes / seconds / 1e9 for seconds in copies_s),
            note="a copy, counted as read and written",
        ),
    )


def wait_for(device: str) -> None:
    """Until what was asked of the device, "cpu" or "cuda", is done."""
    if device == "cuda":
        torch.cuda.synchronize()


def _times(action: Callable[[], object], device: str) -> list[float]:
    times = []
    for _ in range(REPEATS + 1):
        wait_for(device)
        began_s = time.perf_counter()
        action()
        wait_for(device)
        times.append(time.perf_counter() - began_s)
    return times[1:]
